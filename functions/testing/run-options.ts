import { argumentError, valueText } from '../core/arguments/error.ts';
import { onlyKnown, settings } from '../core/definition/checks.ts';
import { checkLookupRows } from '../core/definition/lookup-rows.ts';
import { nearest } from '../core/definition/named-fields.ts';
import type { Pipeline } from '../core/definition/pipeline.ts';

/**
 * How batches reach the functions. None of it changes a result, which is what Tidemark guarantees: a test with it tells
 * whether the pipeline's own functions are pure.
 */
export interface Deliveries {
  /** How often each batch comes again after it is in, at most 100. @default 0 */
  readonly retry?: number;
  /**
   * Each invocation of a function dies at its next call to a table after so many, before or after that call has taken
   * effect, and another container tries again. `'random'`: after a number that the seed draws.
   * @default none dies
   */
  readonly crashAfter?: number | 'random';
  /**
   * Most records of a batch. `'random'`: the seed draws the size of each. Batches of several shards come in a random
   * order then.
   * @default all that a `put` has for a shard
   */
  readonly batches?: number | 'random';
}

/** The options of a test's run. */
export interface RunOptions {
  /** Shards of the stream, 1 to 100. @default 1 */
  readonly shards?: number;
  /** What every random choice follows from. Equal seeds make equal runs. @default 1 */
  readonly seed?: number;
  /** How batches reach the functions; `'hostile'`: each comes twice, in random batches, and every invocation dies once. */
  readonly deliveries?: Deliveries | 'hostile';
  /** The rows of the tables that the pipeline looks up in, `table('products')`, by the table's name. */
  readonly lookups?: { readonly [table: string]: readonly object[] };
}

/** Checked options. */
export interface CheckedOptions {
  readonly shards: number;
  readonly seed: number;
  readonly deliveries: Deliveries;
  readonly lookupRows: readonly object[] | undefined;
}

const hostile: Deliveries = { retry: 1, crashAfter: 'random', batches: 'random' };

/** The greatest values that make sense in a test. */
const most = { shards: 100, retry: 100, calls: 1_000_000, records: 1_000_000 } as const;

/** @throws TidemarkError that names the option, the value and the remedy */
export function checkedOptions(pipeline: Pipeline, given: RunOptions): CheckedOptions {
  settings('options', given, 'a set of options: write { shards: 2 }');
  onlyKnown('options', given, ['shards', 'seed', 'deliveries', 'lookups']);
  const { shards = 1, seed = 1 } = given;
  checkWhole('shards', shards, 1, most.shards);
  checkWhole('seed', seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  return {
    shards,
    seed,
    deliveries: checkedDeliveries(given.deliveries ?? {}),
    lookupRows: checkedLookups(pipeline, given.lookups ?? {}),
  };
}

function checkedDeliveries(given: Deliveries | 'hostile'): Deliveries {
  if (given === 'hostile') return hostile;
  settings('deliveries', given, "deliveries: write { retry: 1, crashAfter: 3, batches: 'random' } or 'hostile'");
  onlyKnown('deliveries', given, ['retry', 'crashAfter', 'batches']);
  const { retry = 0, crashAfter, batches } = given;
  checkWhole('deliveries.retry', retry, 0, most.retry);
  if (crashAfter !== undefined && crashAfter !== 'random')
    checkWhole('deliveries.crashAfter', crashAfter, 0, most.calls, " or 'random'");
  if (batches !== undefined && batches !== 'random')
    checkWhole('deliveries.batches', batches, 1, most.records, " or 'random'");
  return given;
}

function checkWhole(field: string, value: number, least: number, greatest: number, or = ''): void {
  if (Number.isSafeInteger(value) && value >= least && value <= greatest) return;
  throw argumentError(field, value, `is not a whole number from ${least} to ${greatest}${or}: give one`);
}

function checkedLookups(pipeline: Pipeline, given: NonNullable<RunOptions['lookups']>): readonly object[] | undefined {
  const table = pipeline.lookupTable?.table;
  const unknown = Object.keys(given).find((name) => name !== table);
  if (unknown !== undefined)
    throw argumentError(
      `lookups.${unknown}`,
      unknown,
      table === undefined
        ? `is not a table of the pipeline ${pipeline.name}, which looks up in none: leave it out`
        : `is not the table that the pipeline ${pipeline.name} looks up in: give the rows of ${table}`,
    );
  if (table === undefined) return undefined;
  const rows = Object.hasOwn(given, table) ? given[table] : undefined;
  const form = `is not a list of rows: the pipeline ${pipeline.name} looks up in it, so write lookups: { ${table}: [{ ... }] }`;
  if (!Array.isArray(rows)) throw argumentError(`lookups.${table}`, rows, form);
  const odd = rows.find((row) => typeof row !== 'object' || row === null);
  if (odd !== undefined) throw argumentError(`lookups.${table}`, odd, form);
  checkLookupRows(pipeline, rows);
  return rows;
}

/**
 * One of the names, or an error that suggests the one that was meant.
 * @param what it is: `query of the pipeline orders`
 */
export function known<Name extends string>(field: string, name: Name, names: readonly string[], what: string): Name {
  if (names.includes(name)) return name;
  const near = typeof name === 'string' ? nearest(name, names) : undefined;
  const those = names.length === 0 ? 'there is none' : `use ${names.join(', ')}`;
  throw argumentError(
    field,
    name,
    `is not a ${what}: ${near === undefined ? those : `did you mean ${valueText(near)}?`}`,
  );
}
