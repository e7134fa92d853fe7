import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { RejectReason } from '../../core/fold/read-event.ts';
import { type Attribute, type Item, numberOf, type Table, textOf } from '../table/table.ts';
import { directoryItem, eventKey, isDirectory, isMark, parseEventKey } from './side-place.ts';

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

/**
 * Writes events of a shard to the side output. An item follows from its event alone, so a retry writes the same; what
 * is decided about an event is in an item of its own, so nothing of that is lost.
 */
export async function writeSideOutput(
  rejects: Table,
  shardId: string,
  events: readonly ShardSideEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const items = events.map((event) => itemOf(shardId, event));
  const entries = new Map(
    items.map((item, i) => [item.pk, directoryItem(item, events[i]?.arrival ?? 0, keptSeconds)] as const),
  );
  await rejects.putAll([...entries.values(), ...items]);
}

function itemOf(shardId: string, event: ShardSideEvent): Item {
  const { query, eventTime, position, payload, sequenceNumber: _number, subRecord: _sub, ...rest } = event;
  return {
    ...eventKey(shardId, event),
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

/** Whether an item of the side output is an event, and not what is noted beside one. */
export function isSideEvent(item: Item): boolean {
  return !isDirectory(item) && !isMark(item);
}

/** The event that an item of the side output holds. @param mark what is decided about it; undefined: nothing is yet */
export function storedSideEvent(item: Item, mark?: Item): StoredSideEvent {
  const data = item.attributes.payload;
  const payload = data instanceof Uint8Array ? inflateRawSync(data) : Buffer.from(String(data));
  const inside = mark?.attributes.inside;
  return {
    reason: textOf(item, 'reason') as SideReason,
    detail: textOf(item, 'detail') ?? '',
    ...parseEventKey(item),
    position: numberOf(item, 'position'),
    arrival: numberOf(item, 'arrival') ?? Number.NaN,
    eventTime: numberOf(item, 'eventTime'),
    partitionKey: textOf(item, 'partitionKey') ?? '',
    payload,
    payloadBytes: numberOf(item, 'payloadBytes') ?? payload.length,
    payloadHash: textOf(item, 'payloadHash'),
    settled: ((mark && textOf(mark, 'settled')) as Settled | undefined) ?? null,
    claim: mark && claimOf(mark),
    inside: Array.isArray(inside) ? inside.map(String) : [],
  };
}

function claimOf(item: Item): Claim | undefined {
  const id = textOf(item, 'claimed');
  return id === undefined ? undefined : { id, until: numberOf(item, 'claimedUntil') ?? 0 };
}
