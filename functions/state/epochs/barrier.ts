import { type LogTotals, totalsAtBarrier } from '../../core/log/totals.ts';
import { itemOf, type LogEntry, type StoredEntry } from '../log/entry.ts';
import type { Epoch } from '../log/epoch.ts';
import { putEntry, readEntries } from '../log/log.ts';
import { joinedTail, noteJoined, noteSealed } from '../log/registration.ts';
import type { Table } from '../table/table.ts';

/** Where an epoch cuts a log. */
export type Cut =
  /** At its barrier, or at the join at this epoch; the totals are of that entry. */
  | { readonly outcome: 'cut'; readonly position: number; readonly totals: LogTotals }
  /** Nowhere: it is sealed, with these totals. */
  | { readonly outcome: 'sealed'; readonly totals: LogTotals }
  /** Nowhere: it is at a later epoch, so that this one has its plan. */
  | { readonly outcome: 'passed' };

/**
 * More losses of a place than any number of batches causes between a read and a put. Beyond it, something is broken.
 */
const mostTries = 1_000;

/**
 * Puts the barrier of an epoch into a registered log, unless it is there (DESIGN 4.2, step 2). A log that is registered
 * and empty is joined for it, by the rule of the join: at the latest epoch, read now.
 * @param known the tail as it was read last; it may be old, since the put has the last word
 */
export async function cutLog(
  state: Table,
  shardId: string,
  epoch: Epoch,
  nowMs: number,
  known: StoredEntry | undefined,
): Promise<Cut> {
  let tail = known ?? (await joinedTail(state, shardId, nowMs));
  if (known !== undefined) await noteJoined(state, shardId, known);
  for (let tries = 0; tries < mostTries; tries++) {
    const { position, kind, totals } = tail;
    if (kind === 'seal') {
      // The run that put it may have died before the registration took it.
      await noteSealed(state, shardId, tail);
      return { outcome: 'sealed', totals };
    }
    if (totals.epoch > epoch.epoch) return { outcome: 'passed' };
    if (totals.epoch === epoch.epoch)
      return cutAt(position === totals.barrier ? tail : await barrierOf(state, shardId, tail));
    const barrier: LogEntry = {
      position: position + 1,
      kind: 'barrier',
      putAt: nowMs,
      totals: totalsAtBarrier(totals, epoch, kind === 'batch', position + 1),
    };
    if ((await putEntry(state, shardId, tail, barrier)) === 'applied') return cutAt(barrier);
    tail = await joinedTail(state, shardId, nowMs);
  }
  throw new Error(`log of shard ${shardId}: no place for the barrier of epoch ${epoch.epoch} in ${mostTries} tries`);
}

async function barrierOf(state: Table, shardId: string, { totals }: LogEntry): Promise<LogEntry> {
  const [barrier] = await readEntries(state, shardId, totals.barrier, totals.barrier);
  if (barrier === undefined) throw new Error(`log of shard ${shardId}: no barrier at position ${totals.barrier}`);
  return barrier;
}

function cutAt({ position, totals }: LogEntry): Cut {
  return { outcome: 'cut', position, totals };
}

/**
 * Seals the log of a shard that is proven drained, behind the barrier of an epoch that is gathered, if that place is
 * free. Taken: it was not drained after all. Then its registration takes its totals, and nobody reads the log any more.
 * @param tail the last entry as it was read before the shard was found drained
 */
export async function sealLog(
  state: Table,
  shardId: string,
  tail: StoredEntry,
  gathered: number,
  nowMs: number,
): Promise<void> {
  const { position, kind, totals } = tail;
  if (kind === 'seal') return noteSealed(state, shardId, tail);
  if (position !== totals.barrier || totals.epoch > gathered) return;
  await noteJoined(state, shardId, tail);
  const seal: LogEntry = { position: position + 1, kind: 'seal', putAt: nowMs, totals: { ...totals, bytes: 0 } };
  if ((await putEntry(state, shardId, tail, seal)) === 'applied')
    await noteSealed(state, shardId, { ...seal, item: itemOf(shardId, seal, 0) });
}
