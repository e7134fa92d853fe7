import * as z from 'zod';
import type { Duration } from '../../functions/core/arguments/duration.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import {
  type AnyAggregate,
  avg,
  count,
  definePipeline,
  max,
  min,
  type Pipeline,
  sum,
  type WindowKind,
} from '../../functions/core/index.ts';
import { mixed, uuid } from '../fixtures/scattered.ts';

/** Records of a batch, one event each. */
export const recordsInBatch = 1000;
/** One batch a second of event time. */
export const batchMs = 1000;
/** The start of an hour. */
export const firstTime = 1_700_002_800_000;

/** An event as the benchmarks of writes make them. */
export interface KeyedEvent {
  readonly time: number;
  readonly key: string;
  readonly id: string;
  /** With two decimals, as prices have. */
  readonly amount: number;
  readonly ms: number;
}

/** The aggregates of the queries: one, and as many as people ask for together. */
export const aggregateSets = {
  count: { count: count() },
  'five aggregates': {
    count: count(),
    total: sum<'amount'>('amount'),
    mean: avg<'amount'>('amount'),
    least: min<'ms'>('ms'),
    most: max<'ms'>('ms'),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, AnyAggregate<KeyedEvent>>>>>;

/** Names of keys, by their number. */
const keyNames = {
  text: (i: number) => `user-${String(i).padStart(6, '0')}`,
  UUID: uuid,
} as const;

/** What a stream of events looks like. */
export interface KeyedStream {
  readonly keys: number;
  readonly named: keyof typeof keyNames;
  /** How late every tenth event is, at most, in ms. */
  readonly lateMs: number;
  /** After so many events the one before comes again; undefined: none does. */
  readonly retriedEvery?: number;
}

/** A pipeline that counts by key. */
export function keyedPipeline(
  window: WindowKind,
  aggregates: Readonly<Record<string, AnyAggregate<KeyedEvent>>> = aggregateSets.count,
  dedup?: { readonly by: (event: KeyedEvent) => string; readonly within: Duration },
): Pipeline {
  return definePipeline({
    name: 'bench-writes',
    event: z.object({ time: z.number(), key: z.string(), id: z.string(), amount: z.number(), ms: z.number() }),
    eventTime: { of: (event: KeyedEvent) => event.time, unit: 'ms' },
    watermark: { delay: '10 seconds' },
    queries: { byKey: { groupBy: ['key'], window, aggregates } },
    ...(dedup === undefined ? {} : { dedup }),
  });
}

/**
 * The records of a batch: the events of one second, each with a key at random. The same numbers give the same events.
 */
export function batchOf(stream: KeyedStream, batch: number): readonly StreamRecord[] {
  return eventsOf(stream, batch).map((event, i) => {
    const text = JSON.stringify(event);
    return {
      sequenceNumber: sequenceNumberOf(batch, i),
      arrival: firstTime + batch * batchMs + i,
      partitionKey: event.key,
      events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
    };
  });
}

/** The events of {@link batchOf}. */
export function eventsOf({ keys, named, lateMs, retriedEvery }: KeyedStream, batch: number): readonly KeyedEvent[] {
  return Array.from({ length: recordsInBatch }, (_, i) => {
    const number = batch * recordsInBatch + i;
    const random = mixed(number);
    const again = retriedEvery !== undefined && i % retriedEvery === retriedEvery - 1 ? 1 : 0;
    return {
      time: firstTime + batch * batchMs + i - (i % 10 === 0 ? random % Math.max(lateMs, 1) : 0),
      key: keyNames[named](random % keys),
      id: `5f0c-${number - again}`,
      amount: (mixed(number + 7) % 100_000) / 100,
      ms: mixed(number + 13) % 2000,
    };
  });
}

/** Sequence numbers of the length that Kinesis gives: they are part of every entry. */
function sequenceNumberOf(batch: number, i: number): string {
  return `4959${String(batch * recordsInBatch + i + 1).padStart(52, '0')}`;
}
