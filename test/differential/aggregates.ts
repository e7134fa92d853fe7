import type { Random } from '../../functions/testing/random.ts';
import type { CaseAggregate, FieldName } from './case.ts';
import { conditions } from './conditions.ts';
import { isClose, isEqual, isSameDecimal, isWithin, type Value } from './judgement.ts';

/** An aggregate, as TypeScript and in SQL, and the rule by which the two results are the same. */
export interface AggregateKind {
  readonly draw: (random: Random) => Omit<CaseAggregate, 'kind'>;
  readonly js: (aggregate: CaseAggregate) => string;
  /** An expression over a group that becomes JSON, from which `agrees` reads the expected result. */
  readonly sql: (aggregate: CaseAggregate) => string;
  readonly agrees: (expected: Value, actual: Value, aggregate: CaseAggregate) => boolean;
}

const numeric = ['i', 'x', 'f'] as const;
const summable = ['i', 'x', 'f', 'd', 'w'] as const;
const scalar = ['k', 'g', 'i', 'x', 'd', 'b'] as const;

const oneOf = (fields: readonly [FieldName, ...FieldName[]]) => (random: Random) => ({ field: random.pick(fields) });
const fieldOf = ({ field }: CaseAggregate): FieldName => field ?? 'i';
const called =
  (name: string) =>
  ({ field, by, numbers }: CaseAggregate) =>
    `${name}(${[field, by].flatMap((one) => (one === undefined ? [] : [`'${one}'`])).join(', ')}${numbers === undefined ? '' : `, ${numbers.length === 1 ? numbers[0] : JSON.stringify(numbers)}`})`;

/** A value's JSON text as JavaScript writes it. */
function jsonText(field: FieldName): string {
  if (field === 'g') return 'g_json';
  if (field === 'k' || field === 'd') return `to_json(${field})::VARCHAR`;
  if (field === 'x' || field === 'f') return `regexp_replace(${field}::VARCHAR, '\\.0$', '')`;
  return `${field}::VARCHAR`;
}

/** The value of the first of the events that have one, in an order. NULL has no place among them. */
function firstBy(aggregate: CaseAggregate, order: string): string {
  const text = jsonText(fieldOf(aggregate));
  const by = aggregate.by === undefined ? '' : ` AND ${aggregate.by} IS NOT NULL`;
  return `first(${text} ORDER BY ${order.replace('TEXT', () => text)}) FILTER (${fieldOf(aggregate)} IS NOT NULL${by})`;
}

const parsed = (value: Value): Value => (typeof value === 'string' ? (JSON.parse(value) as Value) : value);
const agreesAsText = (expected: Value, actual: Value) => isEqual(parsed(expected), actual);

/** Sums of whole numbers and of decimals are exact in both; sums of `x` are exact in doubles. */
const exactSum: Partial<Record<FieldName, string>> = {
  i: 'sum(i::DECIMAL(38, 0))::VARCHAR',
  w: 'sum(w)::VARCHAR',
  d: 'sum(d::DECIMAL(38, 6))::VARCHAR',
};

const asNumber = (field: FieldName) => (field === 'd' ? 'd::DECIMAL(38, 6)::DOUBLE' : `${field}::DOUBLE`);

/** A double that both round, with the size against which its error is measured. */
const withScale = (value: string, scale: string) => `{'value': ${value}, 'scale': ${scale}}`;

/** Text of a value in the order in which sets are cut: shorter first, then by code unit. */
const shorterFirst = (left: string, right: string) =>
  Buffer.byteLength(left) - Buffer.byteLength(right) || (left < right ? -1 : Number(left > right));
const typeOrder = ['boolean', 'number', 'string'];
function byValue(left: Value, right: Value): number {
  const types = typeOrder.indexOf(typeof left) - typeOrder.indexOf(typeof right);
  if (types !== 0 || left === null || right === null) return types;
  return left < right ? -1 : Number(left > right);
}

const spread = (name: string, sample: string, population: string): AggregateKind => ({
  draw: (random) => ({ field: random.pick(numeric), numbers: [random.int(0, 1)] }),
  js: ({ field, numbers }) => `${name}('${field}', '${numbers?.[0] === 1 ? 'population' : 'sample'}')`,
  sql: ({ field = 'i', numbers }) =>
    withScale(`${numbers?.[0] === 1 ? population : sample}(${field}::DOUBLE)`, `max(abs(${field}::DOUBLE))`),
  // DuckDB adds up in doubles (Welford), Tidemark exactly. The square root of an error near zero is greater.
  agrees: (expected, actual) => isClose(expected, actual, name === 'stddev' ? 1e-7 : 1e-10, name === 'stddev' ? 1 : 2),
});

export const aggregates: Readonly<Record<string, AggregateKind>> = {
  count: { draw: () => ({}), js: () => 'count()', sql: () => 'count(*)', agrees: isEqual },
  countIf: {
    draw: (random) => ({ condition: random.pick(Object.keys(conditions) as [string, ...string[]]) }),
    js: ({ condition = '' }) => `countIf((e: Event) => ${conditions[condition]?.js})`,
    sql: ({ condition = '' }) => `count(*) FILTER (${conditions[condition]?.sql})`,
    agrees: isEqual,
  },
  sum: {
    draw: oneOf(summable),
    js: called('sum'),
    sql: (one) => exactSum[fieldOf(one)] ?? withScale(`sum(${one.field})`, `sum(abs(${one.field}))`),
    agrees: (expected, actual, one) => {
      if (exactSum[fieldOf(one)] !== undefined) return isSameDecimal(expected, actual);
      return isClose(expected, actual, one.field === 'x' ? 0 : 1e-13, 1);
    },
  },
  avg: {
    draw: oneOf(summable),
    js: called('avg'),
    sql: (one) => withScale(`avg(${asNumber(fieldOf(one))})`, `avg(abs(${asNumber(fieldOf(one))}))`),
    agrees: (expected, actual) => isClose(expected, actual, 1e-13, 1),
  },
  min: { draw: oneOf(numeric), js: called('min'), sql: (one) => `min(${one.field})`, agrees: isEqual },
  max: { draw: oneOf(numeric), js: called('max'), sql: (one) => `max(${one.field})`, agrees: isEqual },
  variance: spread('variance', 'var_samp', 'var_pop'),
  stddev: spread('stddev', 'stddev_samp', 'stddev_pop'),
  first: {
    draw: oneOf(scalar),
    js: called('first'),
    sql: (one) => firstBy(one, 'time_ms, TEXT'),
    agrees: agreesAsText,
  },
  last: {
    draw: oneOf(scalar),
    js: called('last'),
    sql: (one) => firstBy(one, 'time_ms DESC, TEXT DESC'),
    agrees: agreesAsText,
  },
  argMin: {
    draw: (random) => ({ field: random.pick(scalar), by: random.pick(numeric) }),
    js: called('argMin'),
    sql: (one) => firstBy(one, `${one.by}, time_ms, TEXT`),
    agrees: agreesAsText,
  },
  argMax: {
    draw: (random) => ({ field: random.pick(scalar), by: random.pick(numeric) }),
    js: called('argMax'),
    sql: (one) => firstBy(one, `${one.by} DESC, time_ms, TEXT`),
    agrees: agreesAsText,
  },
  countDistinct: {
    draw: oneOf(scalar),
    js: called('countDistinct'),
    sql: (one) => `count(DISTINCT ${jsonText(fieldOf(one))})`,
    agrees: isEqual,
  },
  approxCountDistinct: {
    draw: oneOf(scalar),
    js: called('approxCountDistinct'),
    sql: (one) => `count(DISTINCT ${jsonText(fieldOf(one))})`,
    // "All but exact up to 682" different values (docs/AGGREGATES.md).
    agrees: (expected, actual) => isWithin(expected, actual, 0, 1),
  },
  collectSet: {
    draw: (random) => ({ field: random.pick(scalar), numbers: [random.int(1, 12)] }),
    js: called('collectSet'),
    sql: (one) => `list(DISTINCT ${jsonText(fieldOf(one))}) FILTER (${one.field} IS NOT NULL)`,
    agrees: (expected, actual, { numbers = [] }) => {
      const texts = ((expected ?? []) as string[]).sort(shorterFirst);
      const values = texts.slice(0, numbers[0]).map(parsed).sort(byValue);
      return isEqual({ overflow: texts.length > (numbers[0] ?? 0), values }, actual);
    },
  },
  topK: {
    draw: (random) => ({ field: random.pick(['k', 'g', 'b', 'i'] as const), numbers: [random.int(1, 5)] }),
    js: called('topK'),
    sql: (one) => `histogram(${jsonText(fieldOf(one))}) FILTER (${one.field} IS NOT NULL)`,
    agrees: (expected, actual, { numbers = [] }) => {
      const items = Object.entries((expected ?? {}) as Record<string, number>)
        .map(([text, count]) => ({ count, value: parsed(text) }))
        .sort((left, right) => right.count - left.count || byValue(left.value, right.value));
      // Exact up to a capacity of at least 100; beyond it counts may be too low by `error`.
      if (items.length > 100) return true;
      return isEqual({ error: 0, items: items.slice(0, numbers[0]), overflow: false }, actual);
    },
  },
  percentiles: {
    draw: (random) => ({
      field: random.pick(numeric),
      numbers: [0, 0.25, 0.5, 0.9, 0.99, 1].filter((share) => share === 0.5 || random.chance(0.5)),
    }),
    js: ({ field, numbers }) => `percentiles('${field}', ${JSON.stringify(numbers)})`,
    sql: ({ field, numbers = [] }) => `[${numbers.map((share) => `quantile_disc(${field}, ${share})`).join(', ')}]`,
    agrees: (expected, actual, { numbers = [] }) => {
      const values = expected as readonly Value[];
      if (values.every((value) => value === null)) return actual === null;
      return numbers.every((share, i) =>
        isWithin(
          values[i] ?? null,
          (actual as Record<string, Value> | null)?.[`p${share * 100}`] ?? null,
          0.0100001,
          0,
        ),
      );
    },
  },
  histogram: {
    draw: (random) => ({ field: random.pick(numeric), numbers: [-1000, 0, 2.5, 5000].slice(0, random.int(1, 4)) }),
    js: ({ field, numbers }) => `histogram('${field}', ${JSON.stringify(numbers)})`,
    sql: ({ field, numbers = [] }) => {
      const edges = ["'-infinity'::DOUBLE", ...numbers.map(String), "'infinity'::DOUBLE"];
      const bins = edges.slice(1).map((edge, i) => `count(*) FILTER (${field} >= ${edges[i]} AND ${field} < ${edge})`);
      return `{'counts': [${bins.join(', ')}], 'edges': [${numbers.join(', ')}]}`;
    },
    agrees: isEqual,
  },
  own: {
    draw: () => ({}),
    js: () => 'differingBits',
    sql: () => 'coalesce(bit_xor(i::INTEGER), 0)',
    agrees: isEqual,
  },
};
