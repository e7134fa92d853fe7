import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { isoTime } from '../../core/events/event-time.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { RejectReason } from '../../core/fold/read-event.ts';
import {
  type Attribute,
  type Clause,
  type Item,
  type Key,
  numberOf,
  type Table,
  textOf,
  type WriteOutcome,
} from '../table/table.ts';

/** Why an event is in the side output. */
export type SideReason = RejectReason | 'late';

/** An event in the side output: rejected, or late for one query. */
export interface SideEvent {
  readonly reason: SideReason;
  readonly detail: string;
  readonly shardId: string;
  readonly sequenceNumber: SequenceNumber;
  /** Position in an aggregated Kinesis record; 0 in a plain one. */
  readonly subRecord: number;
  /**
   * Position in the shard: the n-th event that it received, from 0. By it the entry that decided names its late events.
   * Undefined in events of before positions were kept.
   */
  readonly position?: number | undefined;
  /** The query for which it was late; undefined when it was rejected for all. */
  readonly query: string | undefined;
  /** When the stream took it, epoch ms. */
  readonly arrival: number;
  /** Epoch ms; undefined when it has none. */
  readonly eventTime: number | undefined;
  readonly partitionKey: string;
  readonly payload: Uint8Array;
}

/** An event of a shard that is known already. */
export type ShardSideEvent = Omit<SideEvent, 'shardId'>;

/** An event read back from the side output. */
export interface StoredSideEvent extends Omit<SideEvent, 'payload'> {
  /** The event's bytes; of a very large one only the first 4 KB. */
  readonly payload: Uint8Array;
  /** Length of the whole event, in bytes. */
  readonly payloadBytes: number;
  /** SHA-256 of the whole event, hexadecimal, where only its beginning is kept. */
  readonly payloadHash: string | undefined;
  /** The decision that somebody has made about a late event; null: none yet. */
  readonly settled: Settled | null;
  /** The command that has taken a late event; undefined: none has. */
  readonly claim: Claim | undefined;
  /** Windows, as `start/end`, that hold a late event through commands before, of several windows that it missed. */
  readonly inside: readonly string[];
}

/** Put into its windows after all, left out for good, or brought by a backfill whose input held it. */
export type Settled = 'replayed' | 'discarded' | 'backfilled';

/** A command has taken a late event: nobody else puts it into a window, unless the command never comes to be. */
export interface Claim {
  readonly id: string;
  /**
   * Until when its claimant is at work at most, epoch ms; 0: it was given up. Afterwards the command may be declared
   * void, see commands/command.ts.
   */
  readonly until: number;
}

/** Payloads up to this many bytes that are text stay readable in the console. */
const readableBytes = 4096;

/** Largest compressed payload that is kept whole: an item holds 400 KB. */
const largestPayload = 300 * 1024;

/** How long the side output is kept, in seconds from the event's arrival. */
const keptSeconds = 30 * 24 * 3600;

const hourMs = 3_600_000;

function partition(arrival: number, shardId: string): string {
  return `${isoTime(Math.floor(arrival / hourMs) * hourMs)}#${shardId}`;
}

/** Items written at a time: a storm of bad events should hold up its shard for no longer than it has to. */
const putsAtATime = 64;

/**
 * Writes events of a shard to the side output. An item follows from its event alone, so a retry has nothing to add.
 * Each is put only where it is absent: the mark of one that was settled meanwhile stays.
 */
export async function writeSideOutput(
  rejects: Table,
  shardId: string,
  events: readonly ShardSideEvent[],
): Promise<void> {
  const left = events.values();
  const putEach = async () => {
    for (const event of left) await rejects.put(itemOf(shardId, event), [{ attribute: 'reason', is: 'absent' }]);
  };
  await Promise.all(Array.from({ length: Math.min(putsAtATime, events.length) }, putEach));
}

/**
 * Notes what was done about an event. Conditional: it brings back none that has expired, the first note stays, and an
 * event that is another's is left alone.
 * @param by the command that has claimed it; undefined: the claim is as the event was read
 */
export async function settle(
  rejects: Table,
  event: StoredSideEvent,
  settled: Settled,
  atMs: number,
  by?: string,
): Promise<WriteOutcome> {
  const { outcome } = await rejects.update(keyOf(event.shardId, event), { set: { settled, settledAt: atMs } }, [
    ...isOpen,
    isClaimed(by ?? event.claim?.id),
  ]);
  return outcome;
}

/**
 * Claims a late event for a command. Conditional: it is claimed as it was when it was read, and not settled.
 */
export async function claim(rejects: Table, event: StoredSideEvent, { id, until }: Claim): Promise<WriteOutcome> {
  const { outcome } = await rejects.update(keyOf(event.shardId, event), { set: { claimed: id, claimedUntil: until } }, [
    ...isOpen,
    isClaimed(event.claim?.id),
  ]);
  return outcome;
}

/**
 * Lets go of a late event that a command did not put into all of its windows. Conditional: it is still the command's.
 * The name in the claim's place is one that no claim before had: who read the event before this does not get it.
 * @param inside the windows that hold it now
 */
export async function release(
  rejects: Table,
  event: StoredSideEvent,
  id: string,
  inside: readonly string[],
): Promise<WriteOutcome> {
  const { outcome } = await rejects.update(
    keyOf(event.shardId, event),
    { set: { claimed: `released#${id}`, claimedUntil: 0, inside } },
    [...isOpen, isClaimed(id)],
  );
  return outcome;
}

/** Conditions: the event is there, and not settled. */
const isOpen = [
  { attribute: 'reason', is: 'present' },
  { attribute: 'settled', is: 'absent' },
] as const;

/** The condition that an event is claimed by a command, or by none. */
function isClaimed(id: string | undefined): Clause {
  return id === undefined ? { attribute: 'claimed', is: 'absent' } : { attribute: 'claimed', is: 'equal', to: id };
}

/** An event as it is now; undefined when it is gone. */
export async function readSideEvent(rejects: Table, event: StoredSideEvent): Promise<StoredSideEvent | undefined> {
  const item = await rejects.get(keyOf(event.shardId, event));
  return item === undefined ? undefined : storedSideEvent(item);
}

function keyOf(shardId: string, { arrival, sequenceNumber, subRecord, query }: Omit<ShardSideEvent, 'payload'>): Key {
  return { pk: partition(arrival, shardId), sk: `${sequenceNumber}#${subRecord}#${query ?? ''}` };
}

function itemOf(shardId: string, event: ShardSideEvent): Item {
  const { query, eventTime, position, payload, sequenceNumber, subRecord, ...rest } = event;
  return {
    ...keyOf(shardId, event),
    attributes: {
      ...rest,
      ...(eventTime === undefined ? {} : { eventTime }),
      ...(position === undefined ? {} : { position }),
      ...payloadAttributes(payload),
      expiresAt: Math.floor(event.arrival / 1000) + keptSeconds,
    },
  };
}

function payloadAttributes(payload: Uint8Array): Readonly<Record<string, Attribute>> {
  if (payload.length <= readableBytes && isUtf8(payload)) return { payload: Buffer.from(payload).toString() };
  const compressed = deflateRawSync(payload);
  if (compressed.length <= largestPayload) return { payload: compressed };
  return {
    payload: deflateRawSync(payload.subarray(0, readableBytes)),
    payloadBytes: payload.length,
    payloadHash: createHash('sha256').update(payload).digest('hex'),
  };
}

/** A range of arrival times, epoch ms: `fromMs` inclusive, `toMs` exclusive. */
export interface ArrivalRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A place in the side output: an event's shard, hour of arrival (epoch ms) and sort key. */
export type SidePlace = readonly [shardId: string, hour: number, sortKey: string];

/** Items read at a time. Each may be 400 KB, and a megabyte when inflated, so that they are not all held at once. */
const itemsAtOnce = 100;

/** The side output of some shards in a range of arrival times, in the order of shard, hour and sequence number. */
export async function readSideOutput(
  rejects: Table,
  shardIds: readonly string[],
  range: ArrivalRange & { readonly limit: number },
): Promise<readonly StoredSideEvent[]> {
  const found: StoredSideEvent[] = [];
  for await (const { event } of sideOutput(rejects, shardIds, range)) {
    if (found.length === range.limit) break;
    found.push(event);
  }
  return found;
}

/**
 * {@link readSideOutput} one event after the other, as far as it is asked for, each with its place.
 * @param shardIds ascending
 * @param after begins behind this place
 */
export async function* sideOutput(
  rejects: Table,
  shardIds: readonly string[],
  { fromMs, toMs }: ArrivalRange,
  after?: SidePlace,
): AsyncGenerator<{ readonly event: StoredSideEvent; readonly place: SidePlace }> {
  const ranges = shardIds.map((shardId) => ({ shardId, fromMs, toMs }));
  for await (const { event, place } of scanSideOutput(rejects, ranges, after))
    if (event !== undefined) yield { event, place };
}

/** Hours that are looked at together, to pass those that hold nothing. */
const hoursAtOnce = 32;

/**
 * The side output in the order of shard, hour and sequence number. Stretches that hold nothing give a place without an
 * event, so that a reader who is cut off can go on from there.
 * @param ranges by shard, ascending
 * @param after begins behind this place
 */
export async function* scanSideOutput(
  rejects: Table,
  ranges: readonly (ArrivalRange & { readonly shardId: string })[],
  after?: SidePlace,
): AsyncGenerator<{ readonly event: StoredSideEvent | undefined; readonly place: SidePlace }> {
  const [lastShard, lastHour, lastKey] = after ?? ['', 0, ''];
  for (const { shardId, fromMs, toMs } of ranges) {
    if (shardId < lastShard) continue;
    const isLast = shardId === lastShard;
    const first = Math.floor(fromMs / hourMs) * hourMs;
    for (let begin = isLast ? Math.max(first, lastHour) : first; begin < toMs; begin += hoursAtOnce * hourMs) {
      const hours = Array.from({ length: hoursAtOnce }, (_, i) => begin + i * hourMs).filter((hour) => hour < toMs);
      for (const hour of await heldHours(rejects, shardId, hours)) {
        const from = isLast && hour === lastHour && lastKey !== '' ? `${lastKey}\u0000` : '';
        for await (const item of itemsOf(rejects, partition(hour, shardId), from)) {
          const event = storedSideEvent(item);
          if (event.arrival >= fromMs && event.arrival < toMs) yield { event, place: [shardId, hour, item.sk] };
        }
      }
      yield { event: undefined, place: [shardId, begin + hours.length * hourMs, ''] };
    }
  }
}

/** The hours that hold anything. */
async function heldHours(rejects: Table, shardId: string, hours: readonly number[]): Promise<readonly number[]> {
  // A single one is read as it is.
  if (hours.length < 2) return hours;
  const found = await Promise.all(
    hours.map((hour) => rejects.query(partition(hour, shardId), { limit: 1, only: ['reason'] })),
  );
  return hours.filter((_, i) => (found[i]?.length ?? 0) > 0);
}

/** The items of a partition, from a sort key on. */
async function* itemsOf(rejects: Table, pk: string, begin: string): AsyncGenerator<Item> {
  for (let from = begin; ; ) {
    const items = await rejects.query(pk, from === '' ? { limit: itemsAtOnce } : { from, limit: itemsAtOnce });
    yield* items;
    const last = items[itemsAtOnce - 1];
    if (last === undefined) return;
    from = `${last.sk}\u0000`;
  }
}

/** The event that an item of the side output holds. */
export function storedSideEvent(item: Item): StoredSideEvent {
  const [sequenceNumber, subRecord, query] = item.sk.split('#');
  const data = item.attributes.payload;
  const payload = data instanceof Uint8Array ? inflateRawSync(data) : Buffer.from(String(data));
  return {
    reason: textOf(item, 'reason') as SideReason,
    detail: textOf(item, 'detail') ?? '',
    shardId: item.pk.slice(item.pk.indexOf('#') + 1),
    sequenceNumber: sequenceNumber ?? '',
    subRecord: Number(subRecord),
    position: numberOf(item, 'position'),
    query: query === '' ? undefined : query,
    arrival: numberOf(item, 'arrival') ?? Number.NaN,
    eventTime: numberOf(item, 'eventTime'),
    partitionKey: textOf(item, 'partitionKey') ?? '',
    payload,
    payloadBytes: numberOf(item, 'payloadBytes') ?? payload.length,
    payloadHash: textOf(item, 'payloadHash'),
    settled: (textOf(item, 'settled') as Settled | undefined) ?? null,
    claim: claimOf(item),
    inside: Array.isArray(item.attributes.inside) ? item.attributes.inside.map(String) : [],
  };
}

function claimOf(item: Item): Claim | undefined {
  const id = textOf(item, 'claimed');
  return id === undefined ? undefined : { id, until: numberOf(item, 'claimedUntil') ?? 0 };
}
