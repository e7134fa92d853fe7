import { argumentError } from '../arguments/error.ts';
import type { Enriched, LookupKey } from './enriched.ts';

/**
 * Rows that are published apart from the pipeline, in versions that begin at a time of arrival. {@link table} makes
 * one.
 */
export interface LookupTable<Row extends object> {
  readonly table: string;
  /** For the types only. */
  readonly row?: Row;
}

/**
 * A table for `lookup`. `tidemark lookup publish NAME FILE` gives it its rows while the pipeline runs.
 * @example
 * table<{ productId: string; price: number }>('products');
 * @param name letters, digits, _ and -, a letter first, at most 64
 * @throws TidemarkError when the name is not such a name
 */
export function table<Row extends object = Readonly<Record<string, LookupKey | null>>>(name: string): LookupTable<Row> {
  if (!isTableName(name))
    throw argumentError(
      'enrich.table',
      name,
      'is not a name of a table: use letters, digits, _ and -, a letter first, at most 64',
    );
  return { table: name };
}

/** Whether a text may be the name of a table. The name is part of keys. */
export function isTableName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name);
}

/** The rows of a version, by the JSON of their key. */
export type LookupRows = ReadonlyMap<string, object>;

/**
 * The rows that hold for an arrival, epoch ms; undefined before the first version. Throws when they are not kept any
 * more.
 */
export type RowsAt = (arrivalMs: number) => LookupRows | undefined;

/** Fields for events from a {@link table}, for `enrich`, as {@link lookup} gives it. */
export interface TableLookup<Event, Added> {
  readonly table: string;
  /** The field of the rows that holds the key. */
  readonly key: string;
  /**
   * The field of the event that holds the key, where it was given by name, and the fields that events get. Undefined
   * where they are not known.
   */
  readonly eventField?: string | undefined;
  readonly adds?: readonly string[];
  /** Pure for the same rows. An error of the key's function is thrown on. */
  readonly enrichFrom: (rowsAt: RowsAt) => (event: unknown, arrivalMs: number) => Enriched;
  /** For the types only. */
  readonly types?: (event: Event) => Added;
}

/** The description of a version of a table, which never changes. Its rows are kept under its id. */
export interface LookupVersion {
  readonly id: string;
  /** Epoch ms: the version holds for arrivals from then on, until the next version's. */
  readonly from: number;
  readonly rows: number;
  /** The number of items that hold the rows. */
  readonly parts: number;
  /** The hash of the rows: equal rows are not published twice. */
  readonly hash: string;
  /** Epoch ms. */
  readonly publishedAt: number;
}

/** The versions of a table, and how far they are settled. */
export interface LookupList {
  /** By `from`, ascending. */
  readonly versions: readonly LookupVersion[];
  /**
   * The greatest arrival, epoch ms, up to which it is settled which version holds: a later version begins after it.
   * Minus infinity when nothing was asked for yet.
   */
  readonly sealedThrough: number;
  /** Versions that held before this moment, epoch ms, are forgotten; minus infinity: none is. */
  readonly keptFrom: number;
}

/**
 * The version that holds for an arrival: the newest that begins at or before it. Once that is sealed, it follows from
 * the arrival alone. So every attempt of a record finds the same version, and so does everybody who reads the record
 * again.
 * @returns undefined before the first version
 */
export function versionAt({ versions }: Pick<LookupList, 'versions'>, arrivalMs: number): LookupVersion | undefined {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((versions[middle]?.from ?? Number.POSITIVE_INFINITY) <= arrivalMs) low = middle + 1;
    else high = middle;
  }
  return versions[low - 1];
}
