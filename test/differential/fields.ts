import type { Random } from '../../functions/testing/random.ts';
import type { CaseFormat, FieldName } from './case.ts';

/** What a field of events is: to the pipeline's schema, to DuckDB, and to who draws events. */
export interface FieldKind {
  /** The schema, as TypeScript. */
  readonly schema: string;
  /** The column of a Parquet file. */
  readonly parquet: string;
  /** The types of JSON that the schema takes, as DuckDB's `json_type` names them. */
  readonly json: readonly string[];
  /** The value in SQL, from its text. */
  readonly sql: (text: string) => string;
  /** A value as JSON text. */
  readonly draw: (random: Random, format: CaseFormat) => string;
  /** JSON text that the schema refuses. Undefined: it takes all text. */
  readonly broken?: string;
}

const numbers = ['BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE'] as const;
const texts = [
  '',
  'a',
  'b',
  'B',
  'Zürich',
  'a,b',
  'say "x"',
  ' b',
  '東京',
  '😀',
  "it's",
  '007',
  'true',
  'null',
] as const;

/** Zero has one sign in Tidemark's results (docs/AGGREGATES.md); DuckDB keeps both. */
const double = (text: string) => `(TRY_CAST(${text} AS DOUBLE) + 0.0)`;

/** The fields besides the time. */
export const fields: Readonly<Record<Exclude<FieldName, 'time'>, FieldKind>> = {
  id: {
    schema: 'z.string().nullish()',
    parquet: 'VARCHAR',
    json: ['VARCHAR'],
    sql: (text) => text,
    draw: (random) => JSON.stringify(`event-${random.int(1, 60)}`),
  },
  k: {
    schema: 'z.string().nullish()',
    parquet: 'VARCHAR',
    json: ['VARCHAR'],
    sql: (text) => text,
    draw: (random) => JSON.stringify(random.pick(texts)),
  },
  g: {
    schema: 'z.union([z.string(), z.number(), z.boolean()]).nullish()',
    parquet: 'VARCHAR',
    json: ['VARCHAR', 'BOOLEAN', ...numbers],
    sql: (text) => text,
    // Only JSON tells a number from the text of its digits without quotes.
    draw: (random, format) =>
      format === 'json'
        ? random.pick(['"1"', '1', '1.0', 'true', 'false', '"x"', '-2.5', '1e1', '10'])
        : JSON.stringify(random.pick(['x', 'y', '10'])),
  },
  i: {
    schema: 'z.number().nullish()',
    parquet: 'BIGINT',
    json: numbers,
    sql: (text) => `TRY_CAST(TRY_CAST(${text} AS DECIMAL(38, 9)) AS BIGINT)`,
    draw: (random) => String(random.chance(0.3) ? random.int(-3, 3) : random.int(-100_000, 100_000)),
    broken: '"many"',
  },
  x: {
    // Sums of these are exact in doubles, whatever the order.
    schema: 'z.number().nullish()',
    parquet: 'DOUBLE',
    json: numbers,
    sql: double,
    draw: (random) => String(random.int(-(2 ** 20), 2 ** 20) / 64),
    broken: '"one"',
  },
  f: {
    schema: 'z.number().nullish()',
    parquet: 'DOUBLE',
    json: numbers,
    sql: double,
    draw: (random) => String(random.int(-1_000_000, 1_000_000) / random.pick([3, 7, 100, 1000])),
    broken: 'true',
  },
  d: {
    schema: 'z.string().nullish()',
    parquet: 'VARCHAR',
    json: ['VARCHAR'],
    sql: (text) => text,
    draw: (random) =>
      JSON.stringify(
        `${random.pick(['', '', '-'])}${random.int(0, 10 ** random.int(0, 12))}.${String(random.int(0, 999_999)).padStart(6, '0').slice(0, random.int(1, 6))}`,
      ),
    broken: '12.5',
  },
  w: {
    schema: 'z.union([z.number(), z.string()]).nullish()',
    parquet: 'BIGINT',
    json: ['VARCHAR', ...numbers],
    sql: (text) => `TRY_CAST(${text} AS DECIMAL(38, 0))`,
    draw: (random, format) => {
      const digits = `${random.pick(['', '-'])}${random.int(1, 9)}${Array.from({ length: random.int(0, format === 'parquet' ? 17 : 24) }, () => random.int(0, 9)).join('')}`;
      return format === 'json' && random.chance(0.3) ? JSON.stringify(digits) : digits;
    },
    broken: 'false',
  },
  b: {
    schema: 'z.boolean().nullish()',
    parquet: 'BOOLEAN',
    json: ['BOOLEAN'],
    sql: (text) => `TRY_CAST(${text} AS BOOLEAN)`,
    draw: (random) => random.pick(['true', 'false']),
    broken: '"perhaps"',
  },
};
