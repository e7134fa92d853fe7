import { isoTime, parseIsoTime } from '../../core/events/event-time.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import { laneOf } from '../../core/log/lane.ts';
import type { Item, Key } from '../table/table.ts';

/** A range of arrival times, epoch ms: `fromMs` inclusive, `toMs` exclusive. */
export interface ArrivalRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A place in the side output: an event's shard, hour of arrival (epoch ms) and sort key. */
export type SidePlace = readonly [shardId: string, hour: number, sortKey: string];

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/**
 * Partitions of a shard and hour. A partition of DynamoDB takes 1,000 write units a second. So these take 16,000 events
 * a second of up to 1 KB each: a shard, which takes 1 MB a second, has more only of packed events below 64 bytes. Part
 * of the stored format.
 */
const partitions = 16;

/** What names an event in the side output. */
export interface SideName {
  readonly sequenceNumber: SequenceNumber;
  readonly subRecord: number;
  readonly query: string | undefined;
  /** Epoch ms. */
  readonly arrival: number;
}

/** The key of an event: `HOUR#SHARD#PARTITION`, and `SEQUENCE-NUMBER#SUB-RECORD#QUERY`. It follows from the event. */
export function eventKey(shardId: string, { arrival, sequenceNumber, subRecord, query }: SideName): Key {
  const partition = laneOf(`${sequenceNumber}#${subRecord}`, partitions);
  return {
    pk: partitionKey(shardId, Math.floor(arrival / hourMs) * hourMs, String(partition).padStart(2, '0')),
    sk: `${sequenceNumber}#${subRecord}#${query ?? ''}`,
  };
}

/** @param hour epoch ms @param partition as the directory names it */
export function partitionKey(shardId: string, hour: number, partition: string): string {
  return `${isoTime(hour)}#${shardId}#${partition}`;
}

/** The reverse of {@link eventKey}. */
export function parseEventKey({ pk, sk }: Key): Omit<SideName, 'arrival'> & { readonly shardId: string } {
  const [sequenceNumber = '', subRecord, query] = sk.split('#');
  return {
    shardId: pk.slice(pk.indexOf('#') + 1, pk.lastIndexOf('#')),
    sequenceNumber,
    subRecord: Number(subRecord),
    query: query === '' ? undefined : query,
  };
}

/** The sort key of what is decided about an event. It comes right behind the event. */
export function markSortKey(sortKey: string): string {
  return `${sortKey}#${markName}`;
}

const markName = 'mark';

/** The key of what is decided about an event. */
export function markKey(shardId: string, event: SideName): Key {
  const { pk, sk } = eventKey(shardId, event);
  return { pk, sk: markSortKey(sk) };
}

/** Whether an item is what is decided about an event. */
export function isMark({ sk }: Key): boolean {
  return sk.split('#')[3] === markName;
}

/** The partition of a shard's directory of a day (epoch ms): it has an item for each partition that holds an event. */
export function directoryKey(shardId: string, day: number): string {
  return `${directoryName}#${isoTime(day)}#${shardId}`;
}

const directoryName = 'held';

/** The entry of a partition, by one of its events. It follows from its key. @param keptSeconds of an event */
export function directoryItem({ pk }: Key, arrival: number, keptSeconds: number): Item {
  const hour = Math.floor(arrival / hourMs) * hourMs;
  const partition = pk.slice(pk.lastIndexOf('#') + 1);
  return {
    pk: directoryKey(parseEventKey({ pk, sk: '' }).shardId, Math.floor(arrival / dayMs) * dayMs),
    sk: `${isoTime(hour)}#${partition}`,
    attributes: { expiresAt: (hour + hourMs) / 1000 + keptSeconds },
  };
}

/** Whether an item is an entry of a directory. */
export function isDirectory({ pk }: Key): boolean {
  return pk.startsWith(`${directoryName}#`);
}

/** The partition that an entry of a directory names, with its hour, epoch ms. */
export function parseDirectory({ sk }: Key): { readonly hour: number; readonly partition: string } {
  const [time = '', partition = ''] = sk.split('#');
  return { hour: parseIsoTime(time) ?? Number.NaN, partition };
}
