CREATE TABLE sales_per_hour (
  shop text NOT NULL,
  hour timestamptz NOT NULL,
  revision integer NOT NULL,
  sales bigint NOT NULL,
  revenue numeric NOT NULL,
  PRIMARY KEY (shop, hour)
);
