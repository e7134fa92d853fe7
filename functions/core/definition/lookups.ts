import { argumentError } from '../arguments/error.ts';
import { lruMap } from '../arguments/lru-map.ts';
import { isoTime } from '../events/event-time.ts';
import { rowsByKey } from './lookup.ts';
import { type LookupList, type LookupRows, type LookupVersion, type RowsAt, versionAt } from './lookup-table.ts';
import type { Pipeline } from './pipeline.ts';

/** The source of the versions of a table and of their rows. */
export interface LookupSource {
  /** The versions, sealed through an arrival. */
  sealed(table: string, arrivalMs: number): Promise<LookupList>;
  /** The rows of one version; undefined when they are not kept any more. */
  rows(table: string, version: LookupVersion): Promise<readonly object[] | undefined>;
}

/** The rows that a pipeline's lookup needs, for records that have arrived. */
export interface Lookups {
  /**
   * The rows for records of these arrivals, epoch ms, and no others. Nothing is read that a warm container has already:
   * a list that is sealed as far, or rows that it has loaded. The result throws when it is asked for rows that are not
   * kept any more.
   */
  rowsAt(arrivals: readonly number[]): Promise<RowsAt>;
}

/**
 * Number of versions whose rows a container keeps between batches. While one version follows another, shards ask for
 * both.
 */
const keptVersions = 2;

/** The lookups of a pipeline. A pipeline without a table asks for nothing, and costs no call. */
export function lookupsOf({ lookupTable }: Pipeline, source: LookupSource): Lookups {
  if (lookupTable === undefined) return { rowsAt: async () => () => undefined };
  const { table, key } = lookupTable;
  let list: LookupList | undefined;
  /** By version. */
  const loaded = lruMap<string, Promise<LookupRows | undefined>>();

  function load(version: LookupVersion): Promise<LookupRows | undefined> {
    const known = loaded.get(version.id);
    if (known !== undefined) return known;
    const rows = source.rows(table, version).then((found) => found && rowsByKey(`lookup ${table}`, found, key));
    loaded.set(version.id, rows);
    // A failed load, and rows that are gone, are asked for again the next time.
    rows.then(
      (found) => found === undefined && loaded.delete(version.id),
      () => loaded.delete(version.id),
    );
    return rows;
  }

  return {
    async rowsAt(arrivals) {
      const greatest = arrivals.reduce((most, arrival) => Math.max(most, arrival), Number.NEGATIVE_INFINITY);
      if (list === undefined || list.sealedThrough < greatest) list = await source.sealed(table, greatest);
      const sealed = list;
      const wanted = new Map<string, LookupVersion>();
      for (const arrival of arrivals) {
        const version = arrival < sealed.keptFrom ? undefined : versionAt(sealed, arrival);
        if (version !== undefined) wanted.set(version.id, version);
      }
      const rows = new Map(
        await Promise.all([...wanted.values()].map(async (version) => [version.id, await load(version)] as const)),
      );
      loaded.trim(() => loaded.size <= keptVersions);
      return (arrivalMs) => {
        const version = arrivalMs < sealed.keptFrom ? undefined : versionAt(sealed, arrivalMs);
        if (version === undefined && arrivalMs >= sealed.keptFrom) return undefined;
        const found = version && rows.get(version.id);
        if (found === undefined) throw gone(table, arrivalMs);
        return found;
      };
    },
  };
}

function gone(table: string, arrivalMs: number): Error {
  return argumentError(
    `lookup ${table}`,
    isoTime(arrivalMs),
    'arrived when a version held whose rows are no longer kept: rows go the retention of the stream and two days after they are superseded',
  );
}
