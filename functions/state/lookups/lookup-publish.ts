import { argumentError } from '../../core/arguments/error.ts';
import { checkLookupRows, rowsHash } from '../../core/definition/lookup-rows.ts';
import type { LookupList, LookupVersion } from '../../core/definition/lookup-table.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import { streamRetentionHours } from '../../core/deployment/settings.ts';
import { isoTime } from '../../core/events/event-time.ts';
import type { Table } from '../table/table.ts';
import { addVersion, readLookupList } from './lookup-list.ts';
import { hasExpiry, keepRows, readRows } from './lookup-rows.ts';

/** A version that is to be published. Its rows are kept already. */
export interface LookupPublication {
  readonly table: string;
  readonly id: string;
  readonly parts: number;
  /** As {@link rowsHash} gives it. */
  readonly hash: string;
  /** Epoch ms; undefined: in a minute, or from the beginning while no record has asked for the table. */
  readonly from: number | undefined;
}

/** The answer to a publication. */
export interface LookupAnswer {
  readonly table: string;
  /** `standing`: the version was there before, with the same rows, and stays as it is. */
  readonly outcome: 'published' | 'standing';
  readonly version: LookupVersion;
}

/** The inputs of a publication. */
export interface LookupPublishOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  /** Epoch ms. */
  readonly now: () => number;
}

/**
 * Most versions of a table that may still be asked for. The list is read with every batch that comes to a cold
 * container.
 */
const mostVersions = 500;
/** How far ahead a version begins when the publication gives no `from`, in ms. */
const aheadMs = 60_000;
/**
 * How long a version is kept after the next one began, in ms: as long as records may still be read again (DESIGN 4.5).
 */
const keptMs = (streamRetentionHours + 48) * 3_600_000;
/** More races than publishers make who work at the same time. Beyond this number, something is broken. */
const mostRaces = 20;

/**
 * Publishes a version: its rows are there and stay, **then** it is in the list, **then** the version before it is given
 * an expiry. Idempotent: rows that are the newest version's are not published again, and a run that died is repeated.
 * @throws TidemarkError when the rows are not whole, or when the version would begin where records are judged already
 * or before the newest version
 */
export async function publishLookup(
  options: LookupPublishOptions,
  publication: LookupPublication,
): Promise<LookupAnswer> {
  const { state, now } = options;
  const { table, id, parts, hash } = publication;
  for (let race = 0; race < mostRaces; race++) {
    const list = await readLookupList(state, table);
    const newest = list.versions.at(-1);
    const own = list.versions.find((version) => version.id === id) ?? (newest?.hash === hash ? newest : undefined);
    if (own !== undefined && (publication.from === undefined || publication.from === own.from)) {
      await expireSuperseded(options, table, list);
      return { table, outcome: 'standing', version: own };
    }
    const from =
      publication.from ?? (newest === undefined && !Number.isFinite(list.sealedThrough) ? 0 : now() + aheadMs);
    checkFrom(table, list, from, publication.from);
    const rows = await checkedRows(options, publication);
    if (!(await keepRows(state, { table, id }, parts, undefined))) throw notWhole(table, id);
    const version = { id, from, rows, parts, hash, publishedAt: now() };
    const added = await addVersion(state, table, list, keptOf(table, list, now()), version);
    if (added === undefined) continue; // another version, or a record that arrived later, was quicker
    await expireSuperseded(options, table, added);
    return { table, outcome: 'published', version };
  }
  throw new Error(`table ${table}: lost ${mostRaces} races against other publications`);
}

function checkFrom(
  table: string,
  { versions, sealedThrough }: LookupList,
  from: number,
  given: number | undefined,
): void {
  const newest = versions.at(-1);
  if (newest !== undefined && from <= newest.from)
    throw argumentError(
      'from',
      isoTime(from),
      `is not after ${isoTime(newest.from)}, where the newest version of ${table} begins: ${given === undefined ? 'give a later one' : 'versions are only added behind it, give a later one'}`,
    );
  if (from <= sealedThrough)
    throw argumentError(
      'from',
      isoTime(from),
      `is not after ${isoTime(sealedThrough)}: which version holds until then is settled, for records that arrived are judged by it already: give a later one`,
    );
}

async function checkedRows(
  { pipeline, state }: LookupPublishOptions,
  { table, id, parts, hash }: LookupPublication,
): Promise<number> {
  const rows = await readRows(state, { table, id }, parts);
  if (rows === undefined || rowsHash(rows) !== hash) throw notWhole(table, id);
  checkLookupRows(pipeline, rows);
  return rows.length;
}

function notWhole(table: string, id: string): Error {
  return argumentError(`lookup ${table}`, id, 'has not all its rows: run tidemark lookup publish again');
}

/**
 * The versions that stay in the list. A version that was superseded so long ago that its rows are gone is not asked for
 * any more.
 */
function keptOf(
  table: string,
  { versions, keptFrom }: LookupList,
  nowMs: number,
): Pick<LookupList, 'versions' | 'keptFrom'> {
  const first = versions.findIndex((_, i) => (versions[i + 1]?.from ?? Number.POSITIVE_INFINITY) + keptMs > nowMs);
  if (versions.length - Math.max(first, 0) >= mostVersions)
    throw argumentError(
      `lookup ${table}`,
      versions.length,
      `versions may still be asked for, and no more are kept: publish less often, or wait until they expire`,
    );
  return first <= 0
    ? { versions, keptFrom }
    : { versions: versions.slice(first), keptFrom: versions[first]?.from ?? keptFrom };
}

/**
 * Gives superseded versions their expiry, from the newest backwards, until one that has it. A run that died before has
 * left only later versions without an expiry.
 */
async function expireSuperseded(
  { state, now }: LookupPublishOptions,
  table: string,
  { versions }: LookupList,
): Promise<void> {
  for (let i = versions.length - 2; i >= 0; i--) {
    const [version, next] = versions.slice(i, i + 2);
    if (version === undefined || next === undefined) return;
    const name = { table, id: version.id };
    if (await hasExpiry(state, name, version.parts)) return;
    await keepRows(state, name, version.parts, Math.max(next.from, now()) + keptMs);
  }
}
