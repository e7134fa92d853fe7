import { deaggregateSync } from 'aws-kinesis-agg';
import {
  addQueryCounters,
  type Counters,
  noEvents,
  noPairs,
  type QueryCounters,
} from '../../functions/core/events/counters.ts';
import type { AcceptedEvent, Rejection } from '../../functions/core/fold/read-event.ts';
import { createStaticRun, type StaticWindow, staticAnswer } from '../../functions/core/static/static-run.ts';
import { looksAggregated } from '../../functions/feeder/kpl-record.ts';
import type { KinesisRecord } from '../../infra/local/mapping/kinesis-event.ts';
import pipeline from './pipeline.ts';
import type { ShardContent } from './stream-content.ts';

/** An event of the stream, and the facts that follow from the event alone. */
export interface StreamEvent {
  /** `shard#sequence number#sub-record`: the side output names an event by these. */
  readonly place: string;
  readonly text: string;
  readonly arrivalMs: number;
  readonly read: AcceptedEvent | Rejection;
  /**
   * The greatest event time of the records before this one in its shard and in all of that shard's ancestors, epoch ms.
   */
  readonly latestBefore: number;
}

/**
 * The contents that the tables have to have when every event of the stream has been applied once, given the events that
 * were late for a query.
 */
export interface Expected {
  readonly windows: readonly StaticWindow[];
  readonly counters: Counters;
  readonly queries: Readonly<Record<string, QueryCounters>>;
}

/** All events of the stream, in the order of the shards. */
export function eventsOf(content: readonly ShardContent[]): readonly StreamEvent[] {
  const run = createStaticRun(pipeline);
  const latestOf = new Map<string, number>();
  const events: StreamEvent[] = [];
  for (const { shardId, parents, records } of content) {
    let latest = Math.max(
      Number.NEGATIVE_INFINITY,
      ...parents.map((parent) => latestOf.get(parent) ?? Number.NEGATIVE_INFINITY),
    );
    for (const record of records) {
      const latestBefore = latest;
      const arrivalMs = Math.round(record.ApproximateArrivalTimestamp * 1000);
      textsOf(record).forEach((text, subRecord) => {
        const read = run.add(text, arrivalMs);
        if (read.outcome === 'accepted') latest = Math.max(latest, read.time);
        events.push({ place: `${shardId}#${record.SequenceNumber}#${subRecord}`, text, arrivalMs, read, latestBefore });
      });
    }
    latestOf.set(shardId, latest);
  }
  return events;
}

function textsOf(record: KinesisRecord): readonly string[] {
  const data = Buffer.from(record.Data, 'base64');
  if (!looksAggregated(data)) return [data.toString()];
  const texts: string[] = [];
  const kinesis = {
    kinesisSchemaVersion: '1.0',
    partitionKey: record.PartitionKey,
    sequenceNumber: record.SequenceNumber,
    data: record.Data,
  };
  deaggregateSync(
    { ...kinesis, approximateArrivalTimestamp: record.ApproximateArrivalTimestamp },
    true,
    (error, packed) => {
      if (error) throw error;
      for (const { data: inner } of packed ?? []) texts.push(Buffer.from(inner, 'base64').toString());
    },
  );
  return texts;
}

/** @param isLate whether an event was late for a query; another check decides whether it had a reason to be */
export function expectedOf(
  events: readonly StreamEvent[],
  isLate: (place: string, query: string) => boolean,
): Expected {
  const counters: { -readonly [name in keyof Counters]: number } = { ...noEvents };
  const queries: Record<string, QueryCounters> = {};
  const runs = pipeline.queries.map(() => createStaticRun(pipeline));
  for (const { name } of pipeline.queries) queries[name] = noPairs;
  for (const { place, text, arrivalMs, read } of events) {
    counters.received++;
    if (read.outcome === 'rejected') {
      counters.rejected++;
      continue;
    }
    const outcomes = pipeline.queries.map(({ name, index }) =>
      read.keys[index] === undefined ? 'filtered' : isLate(place, name) ? 'late' : 'counted',
    );
    counters[outcomes.includes('counted') ? 'counted' : outcomes.includes('late') ? 'late' : 'filtered']++;
    pipeline.queries.forEach(({ name }, i) => {
      const outcome = outcomes[i] ?? 'filtered';
      queries[name] = addQueryCounters(queries[name] ?? noPairs, { ...noPairs, [outcome]: 1 });
      if (outcome === 'counted') runs[i]?.add(text, arrivalMs);
    });
  }
  const windows = pipeline.queries.flatMap(({ name }, i) => {
    const part = runs[i]?.part();
    return part === undefined ? [] : staticAnswer(pipeline, [part]).windows.filter(({ query }) => query === name);
  });
  return { windows, counters, queries };
}

/** The end of the window of a query that an event belongs to, epoch ms. */
export function windowEnd(query: string, time: number): number {
  const window = pipeline.queries.find(({ name }) => name === query)?.window;
  return window === undefined ? Number.NaN : Math.max(...window.closings(window.sliceOf(time)));
}

export { pipeline };
