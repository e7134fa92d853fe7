import { argumentError } from '../../core/arguments/error.ts';
import type { Attributes, Table, WriteOutcome } from '../table/table.ts';
import { entryKey, entryOf, itemOf, type LogEntry, logPartition, positionText, type StoredEntry } from './entry.ts';

/**
 * How long entries are kept after they were put, in ms: 35 days (DESIGN 4.5). A setting of the deployment may make it
 * longer or shorter, at least 7 days.
 */
export const entryLifeMs = 35 * 86_400_000;

/** Reads of a gap before it is one: an item that is put is there in every strongly consistent read after it. */
const mostReads = 4;

/** A gap in a log that reading again does not fill. */
export class LogGap extends Error {}

/**
 * The last entry of a log, one item however long it has become. It is the last whatever the read saw of the others,
 * since an entry is put only behind another one.
 * @param after only one behind this position. In the steady state of a batch that is an empty read, which costs less
 * @returns undefined when there is none
 */
export async function readTail(state: Table, shardId: string, after = 0): Promise<StoredEntry | undefined> {
  const range = { from: positionText(after + 1), order: 'descending', limit: 1 } as const;
  const [last] = await state.query(logPartition(shardId), range);
  return last === undefined ? undefined : entryOf(last);
}

/** One entry of a log; undefined when it is not there. */
export async function readEntry(state: Table, shardId: string, position: number): Promise<StoredEntry | undefined> {
  const item = await state.get(entryKey(shardId, position));
  return item === undefined ? undefined : entryOf(item);
}

/**
 * The entries of a log from a position on, without gaps: a read of a range is no snapshot, and one that finds n + 2
 * and not n + 1 is made again.
 * @param to the last position, inclusive; undefined: as far as the log goes now
 * @throws LogGap when the gap stays: what lay there has expired, or the knowledge of the log is not of this one
 */
export async function readEntries(
  state: Table,
  shardId: string,
  from: number,
  to?: number,
): Promise<readonly StoredEntry[]> {
  const range = { from: positionText(from), ...(to === undefined ? {} : { to: positionText(to) }) };
  for (let read = 0; read < mostReads; read++) {
    const entries = (await state.query(logPartition(shardId), range)).map(entryOf);
    const isWhole = to === undefined || entries.length === Math.max(to - from + 1, 0);
    if (isWhole && entries.every(({ position }, i) => position === from + i)) return inOrder(shardId, entries);
  }
  throw new LogGap(
    `log of shard ${shardId}: entries from position ${from}${to === undefined ? '' : ` to ${to}`} are missing`,
  );
}

/**
 * The epochs of a log never fall: an entry whose epoch is below that of the one before it is a fault of the protocol.
 */
function inOrder(shardId: string, entries: readonly StoredEntry[]): readonly StoredEntry[] {
  for (const [i, entry] of entries.entries()) checkEpoch(shardId, entries[i - 1], entry);
  return entries;
}

/** @throws when an entry's epoch is below that of the one before it: a bug, or a log that is not of this pipeline */
export function checkEpoch(shardId: string, before: LogEntry | undefined, entry: LogEntry): void {
  if (before !== undefined && entry.totals.epoch < before.totals.epoch)
    throw new Error(
      `log of shard ${shardId}: epoch ${entry.totals.epoch} at position ${entry.position} follows ${before.totals.epoch}`,
    );
}

/**
 * Puts an entry behind the one that is known as the last, if nothing is there: the one write that decides everything.
 * @param before the entry before it; undefined for a join
 */
export async function putEntry(
  state: Table,
  shardId: string,
  before: LogEntry | undefined,
  entry: LogEntry,
  content?: Attributes,
): Promise<WriteOutcome> {
  if (entry.position !== (before?.position ?? 0) + 1)
    throw new Error(`log of shard ${shardId}: position ${entry.position} does not follow ${before?.position ?? 0}`);
  checkEpoch(shardId, before, entry);
  const expiresAt = Math.floor((entry.putAt + entryLifeMs) / 1000);
  return state.put(itemOf(shardId, entry, expiresAt, content), [{ attribute: 'kind', is: 'absent' }]);
}

/** The error for a log that is empty though it was joined. */
export function lostLog(shardId: string) {
  return argumentError(
    'state',
    shardId,
    'had a log that is not there any more: restore the state table, or deploy the pipeline as another stack ' +
      '(docs/OPERATIONS.md)',
  );
}
