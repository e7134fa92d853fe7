import { type LogTotals, totalsAtJoin } from '../../core/log/totals.ts';
import { type Item, numberOf, type Table } from '../table/table.ts';
import { entryOf, itemOf, type LogEntry, type StoredEntry } from './entry.ts';
import { readNewestEpoch } from './epoch.ts';
import { lostLog, putEntry, readTail } from './log.ts';

/**
 * The registration of a shard: finalize cuts the logs of all registered shards. It is written before the shard's log
 * begins, and stays.
 */
export interface Registration {
  readonly shardId: string;
  /** Epoch ms. */
  readonly registeredAt: number;
  /** Whether its log has begun. */
  readonly joined: boolean;
  /** The totals of a log that was sealed: nothing comes any more. */
  readonly sealed: LogTotals | undefined;
}

const partition = 'registrations';
const keyOf = (shardId: string) => ({ pk: partition, sk: shardId });

/** All registered shards, in the order of their names. */
export async function readRegistrations(state: Table): Promise<readonly Registration[]> {
  return (await state.query(partition)).map(registrationOf);
}

/** When the first of some shards was registered, epoch ms: before any epoch, what is known is as of then. */
export function firstRegistration(registrations: readonly Registration[]): number {
  return Math.min(...registrations.map(({ registeredAt }) => registeredAt));
}

function registrationOf(item: Item): Registration {
  const sealed = item.attributes.sealed;
  return {
    shardId: item.sk,
    registeredAt: numberOf(item, 'registeredAt') ?? Number.NaN,
    joined: item.attributes.joined === true,
    // Written by noteSealed below and by nobody else.
    sealed: sealed === undefined ? undefined : entryOf({ ...item, attributes: sealed as Item['attributes'] }).totals,
  };
}

/**
 * The tail of a shard's log, which is begun if there is none: registers the shard, **then** reads the latest epoch,
 * **then** puts position 1 at that epoch (DESIGN 4.1). In this order a finalizer whose epoch is later finds the
 * registration, and cuts the log.
 * @param nowMs epoch ms
 * @throws TidemarkError when the log was begun before and is gone
 */
export async function joinedTail(state: Table, shardId: string, nowMs: number): Promise<StoredEntry> {
  const tail = (await readTail(state, shardId)) ?? (await join(state, shardId, nowMs));
  await noteJoined(state, shardId, tail);
  return tail;
}

/**
 * Marks the registration of a log that ends at position 1 as joined: **before** anybody puts position 2, so that a log
 * that is lost later is known to be (DESIGN 4.1).
 */
export async function noteJoined(state: Table, shardId: string, { position }: StoredEntry): Promise<void> {
  if (position === 1)
    await state.update(keyOf(shardId), { set: { joined: true } }, [{ attribute: 'joined', is: 'absent' }]);
}

async function join(state: Table, shardId: string, nowMs: number): Promise<StoredEntry> {
  const answer = await state.update(keyOf(shardId), { set: { registeredAt: nowMs } }, [
    { attribute: 'registeredAt', is: 'absent' },
  ]);
  if (answer.outcome === 'refused') {
    const standing = await state.get(keyOf(shardId));
    if (standing?.attributes.joined === true) {
      // Another has joined meanwhile, or the log is lost.
      const tail = await readTail(state, shardId);
      if (tail === undefined) throw lostLog(shardId);
      return tail;
    }
  }
  const { epoch, closedThrough } = await readNewestEpoch(state);
  const totals = totalsAtJoin(epoch, closedThrough);
  const entry = { position: 1, kind: 'join', putAt: nowMs, totals } as const;
  if ((await putEntry(state, shardId, undefined, entry)) === 'applied')
    return { ...entry, item: itemOf(shardId, entry, 0) };
  const tail = await readTail(state, shardId);
  if (tail === undefined) throw lostLog(shardId);
  return tail;
}

/** Notes the totals of a log that was sealed, for readers: they need not read it any more. */
export async function noteSealed(state: Table, shardId: string, seal: StoredEntry): Promise<void> {
  await state.update(keyOf(shardId), { set: { sealed: seal.item.attributes, sealedAt: seal.position } }, [
    { attribute: 'sealed', is: 'absent' },
    { attribute: 'registeredAt', is: 'present' },
  ]);
}

/** The end of a log, as far as it is known. */
export interface LastOfLog extends Pick<LogEntry, 'kind' | 'totals'> {
  /** Undefined: the log is sealed, and its entries have expired. */
  readonly position: number | undefined;
}

/**
 * The end of a shard's log, as far as it is known: its last entry, or what was noted when it was sealed.
 * @returns undefined when the shard was never registered
 */
export async function lastOfLog(state: Table, shardId: string): Promise<LastOfLog | undefined> {
  const tail = await readTail(state, shardId);
  if (tail !== undefined) return tail;
  const item = await state.get(keyOf(shardId));
  const totals = item === undefined ? undefined : registrationOf(item).sealed;
  return totals && { kind: 'seal', totals, position: undefined };
}
