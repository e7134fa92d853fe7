import { entryKey, entryOf, type StoredEntry } from '../log/entry.ts';
import { lostLog, readEntries, readTail } from '../log/log.ts';
import type { Plan } from '../log/plan.ts';
import type { Registration } from '../log/registration.ts';
import type { Table } from '../table/table.ts';

/** Most logs that one request reads (DESIGN 4.4). */
export const mostLogs = 64;

/** Most bytes of sections that one request reads from tails, by the totals of their logs. */
export const mostTailBytes = 8 * 1024 * 1024;

/** Most entries that one request reads from tails: batches of which nothing is counted have no sections. */
export const mostTailEntries = 8_192;

/** The entries of a log that are behind the newest epoch that is gathered, in order, at least one. */
export interface LogTail {
  readonly shardId: string;
  readonly entries: readonly StoredEntry[];
}

/** A log with something behind the epoch. */
interface Behind {
  readonly shardId: string;
  /** The first position behind the epoch. */
  readonly first: number;
  readonly tail: StoredEntry;
}

/**
 * The entries that are behind an epoch, of all logs, by shard. Every entry that was put before this call is in them or
 * gathered.
 * @param registrations read **before** `gathered` was: a shard that is not among them had no entry when that began
 * @param gathered the newest epoch that is gathered; 0: none is
 * @param plan of that epoch, which says how far it goes in each log. A log that is not in it, and not sealed by then,
 * was registered later: all of it is behind
 * @returns undefined when they are more than a request should read
 * @throws TidemarkError when a log was begun and is gone; LogGap
 */
export async function readTails(
  state: Table,
  registrations: readonly Registration[],
  gathered: number,
  plan: Plan | undefined,
): Promise<readonly LogTail[] | undefined> {
  const open = registrations.filter(({ sealed }) => sealed === undefined || sealed.epoch > gathered);
  if (open.length > mostLogs) return undefined;
  const behind = (await Promise.all(open.map((one) => readBehind(state, one, gathered, plan)))).flat();
  const entries = behind.reduce((total, { first, tail }) => total + tail.position - first + 1, 0);
  if (entries > mostTailEntries) return undefined;
  const bytes = await Promise.all(behind.map((log) => bytesOf(state, log)));
  if (bytes.reduce((total, ofLog) => total + ofLog, 0) > mostTailBytes) return undefined;
  return Promise.all(
    behind.map(async ({ shardId, first, tail }) => {
      const entries = tail.position === first ? [tail] : await readEntries(state, shardId, first, tail.position);
      const [next] = entries;
      if (next !== undefined && next.totals.epoch < gathered)
        throw new Error(`log of shard ${shardId}: epoch ${next.totals.epoch} at ${first}, behind epoch ${gathered}`);
      return { shardId, entries };
    }),
  );
}

async function readBehind(
  state: Table,
  { shardId, joined }: Registration,
  gathered: number,
  plan: Plan | undefined,
): Promise<readonly Behind[]> {
  const tail = await readTail(state, shardId);
  if (tail === undefined) {
    if (joined) throw lostLog(shardId);
    return [];
  }
  // Sealed since the registrations were read: the plan of a later epoch does not have it, and nothing is behind it.
  if (tail.kind === 'seal' && tail.totals.epoch <= gathered) return [];
  const last = plan?.logs[shardId]?.[1] ?? 0;
  if (tail.position < last) throw lostLog(shardId);
  return tail.position === last ? [] : [{ shardId, first: last + 1, tail }];
}

/**
 * The bytes behind the epoch, as the totals tell them: since the last barrier, and what that one cut if it is later.
 */
async function bytesOf(state: Table, { shardId, first, tail: { position, totals } }: Behind): Promise<number> {
  if (totals.barrier < first || totals.barrier === position) return totals.bytes;
  const barrier = await state.get(entryKey(shardId, totals.barrier));
  return totals.bytes + (barrier === undefined ? 0 : entryOf(barrier).totals.bytes);
}
