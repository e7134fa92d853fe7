import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { isoTime } from '../../core/events/event-time.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { RejectReason } from '../../core/fold/read-event.ts';
import { type Attribute, type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';

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
}

/** Put into its windows after all, or left out for good. */
export type Settled = 'replayed' | 'discarded';

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
 * Writes events of a shard to the side output. An item follows from its event alone, so a retry has nothing to add. Each
 * is put only where it is absent: the mark of one that was settled meanwhile stays.
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

/** Notes what was done about an event. Conditional: it brings back none that has expired. */
export async function settle(rejects: Table, event: StoredSideEvent, settled: Settled, atMs: number): Promise<void> {
  await rejects.update(keyOf(event.shardId, event), { set: { settled, settledAt: atMs } }, [
    { attribute: 'reason', is: 'present' },
  ]);
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
  const [lastShard, lastHour, lastKey] = after ?? ['', 0, ''];
  for (const shardId of shardIds) {
    if (shardId < lastShard) continue;
    const isLast = shardId === lastShard;
    for (let hour = isLast ? lastHour : Math.floor(fromMs / hourMs) * hourMs; hour < toMs; hour += hourMs) {
      let from = isLast && hour === lastHour ? `${lastKey}\u0000` : '';
      for (let items: readonly Item[] | undefined; items === undefined || items.length === itemsAtOnce; ) {
        items = await rejects.query(
          partition(hour, shardId),
          from === '' ? { limit: itemsAtOnce } : { from, limit: itemsAtOnce },
        );
        for (const item of items) {
          from = `${item.sk}\u0000`;
          const event = eventOf(item);
          if (event.arrival >= fromMs && event.arrival < toMs) yield { event, place: [shardId, hour, item.sk] };
        }
      }
    }
  }
}

function eventOf(item: Item): StoredSideEvent {
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
  };
}
