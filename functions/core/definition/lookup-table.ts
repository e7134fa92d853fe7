import { argumentError } from '../arguments/error.ts';
import type { Enriched, LookupKey } from './enriched.ts';

/**
 * Rows that are published apart from the pipeline, in versions that begin at a time of arrival; {@link table} makes
 * one.
 */
export interface LookupTable<Row extends object> {
  readonly table: string;
  /** For the types only. */
  readonly row?: Row;
}

/**
 * A table for `lookup`, which `tidemark lookup publish NAME FILE` gives its rows, while the pipeline runs.
 * @param name letters, digits, _ and -, a letter first, at most 64
 * @throws TidemarkError when it is no such name
 */
export function table<Row extends object = Readonly<Record<string, LookupKey | null>>>(name: string): LookupTable<Row> {
  if (!isTableName(name))
    throw argumentError(
      'enrich.table',
      name,
      'is no name of a table: use letters, digits, _ and -, a letter first, at most 64',
    );
  return { table: name };
}

/** Whether a text may be the name of a table: it is part of keys. */
export function isTableName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name);
}

/** The rows of a version, by what JSON writes for their key. */
export type LookupRows = ReadonlyMap<string, object>;

/**
 * The rows that hold for what arrived at a time, epoch ms; undefined before the first version. Throws when they are no
 * longer kept.
 */
export type RowsAt = (arrivalMs: number) => LookupRows | undefined;

/** A checked lookup in a table: what it needs of the rows' versions comes as an argument. */
export interface TableLookup<Event, Added> {
  readonly table: string;
  /** The field of the rows that holds the key. */
  readonly key: string;
  /**
   * The field of the event that holds the key, where it was given by name; and the fields that events get. Undefined:
   * nobody knows.
   */
  readonly eventField?: string | undefined;
  readonly adds?: readonly string[];
  /** Pure, for the same rows. What the key's function throws is thrown. */
  readonly enrichFrom: (rowsAt: RowsAt) => (event: unknown, arrivalMs: number) => Enriched;
  /** For the types only. */
  readonly types?: (event: Event) => Added;
}

/** What is known of a version of a table, which never changes: its rows are kept under its id. */
export interface LookupVersion {
  readonly id: string;
  /** Epoch ms: it holds for what arrives from then on, until the next one's. */
  readonly from: number;
  readonly rows: number;
  /** Items that hold the rows. */
  readonly parts: number;
  /** Of the rows: equal ones are not published twice. */
  readonly hash: string;
  /** Epoch ms. */
  readonly publishedAt: number;
}

/** The versions of a table, and how far they are settled. */
export interface LookupList {
  /** By `from`, ascending. */
  readonly versions: readonly LookupVersion[];
  /**
   * Which version holds is settled for all arrivals up to here, epoch ms: a later version begins after it. Minus
   * infinity: nothing was asked for yet.
   */
  readonly sealedThrough: number;
  /** Versions that held before here, epoch ms, are forgotten; minus infinity: none. */
  readonly keptFrom: number;
}

/**
 * The version that holds for an arrival: the newest that begins at or before it. It follows from the arrival alone once
 * that is sealed, so every attempt of a record, and whoever reads it again, finds the same.
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
