import type { Pipeline } from '../../core/definition/pipeline.ts';
import { noPairs, type QueryCounters } from '../../core/events/counters.ts';
import type { AcceptedEvent, EventReader, Rejection } from '../../core/fold/read-event.ts';
import { type RawEvent, readRaw, type StreamRecord } from '../../core/fold/stream-record.ts';
import { type BatchFold, createBatchFold, type QueryFold } from '../../core/log/batch-fold.ts';
import type { BatchTotals, LogTotals } from '../../core/log/totals.ts';
import type { ShardSideEvent } from '../items/side-event.ts';
import type { Deduplication, Judged } from './deduplication.ts';

/**
 * A stream record that was read: what follows from the shard's records, wherever in the log they come to lie. Whether
 * its events are late is not known yet.
 */
export interface ReadRecord {
  readonly record: StreamRecord;
  /** Its events, in their order. */
  readonly events: readonly (AcceptedEvent | Rejection)[];
  /** Which of them came before, by position; undefined: the pipeline does not deduplicate. */
  readonly duplicates: readonly boolean[] | undefined;
  /** What was judged up to its last event; undefined: the pipeline does not deduplicate. */
  readonly judged: Judged | undefined;
}

/** Most events that are read at a time: progress that fits every time-out, and bounded memory. */
const mostEvents = 25_000;

/** The inputs of {@link readRecords}. */
export interface ReadOptions {
  readonly reader: EventReader;
  /** Undefined: the pipeline does not deduplicate. */
  readonly ids: Deduplication | undefined;
}

/**
 * Reads and judges records from a position on, whole records until there are enough events. The user's code runs here.
 */
export function readRecords(
  { reader, ids }: ReadOptions,
  records: readonly StreamRecord[],
  from: number,
): readonly ReadRecord[] {
  const read: ReadRecord[] = [];
  let events = 0;
  for (let at = from; at < records.length && events < mostEvents; at++) {
    const record = records[at];
    if (record === undefined) break;
    events += record.events.length;
    read.push(readRecord(reader, ids, record));
  }
  return read;
}

function readRecord(reader: EventReader, ids: Deduplication | undefined, record: StreamRecord): ReadRecord {
  const { arrival } = record;
  const events = record.events.map((raw) => readRaw(reader, raw, arrival));
  if (ids === undefined) return { record, events, duplicates: undefined, judged: undefined };
  const duplicates = events.map((event) => event.outcome === 'accepted' && ids.isDuplicate(event, arrival));
  return { record, events, duplicates, judged: ids.judged };
}

/** A chunk: whole records, classified and folded behind one entry of the log, nothing of it written yet. */
export interface Chunk {
  /** By query; only queries that were asked. */
  readonly folds: readonly QueryFold[];
  /** All but the bytes of the sections. */
  readonly added: Omit<BatchTotals, 'bytes'>;
  /** Rejected events, and each late pair of an event and a query. */
  readonly side: readonly ShardSideEvent[];
  /** What was judged up to its last event. */
  readonly judged: Judged | undefined;
}

/** The running totals that a chunk follows from. */
export type ChunkBase = Pick<LogTotals, 'closedThrough' | 'counters'>;

/**
 * Classifies and folds records behind an entry (DESIGN 4.1, step 2). An event is in the first class that holds:
 * rejected, duplicate, counted by any query, late for all that want it, filtered (DESIGN section 2). Each class is
 * counted where it is decided, and so are the events received: an event that is lost, or there twice, shows.
 * @param records at least one
 * @param before the totals of the entry: an event's position in the shard is the number of events received before it
 */
export function foldChunk(pipeline: Pipeline, records: readonly ReadRecord[], before: ChunkBase): Chunk {
  const last = records[records.length - 1];
  if (last === undefined) throw new Error('a chunk without records');
  const fold = createBatchFold(before.closedThrough);
  const side: ShardSideEvent[] = [];
  const counters = { received: 0, counted: 0, late: 0, duplicate: 0, rejected: 0, filtered: 0 };
  let maxEventTime: number | undefined;
  let acceptedArrival: number | undefined;
  let position = before.counters.received;
  for (const { record, events, duplicates } of records) {
    counters.received += record.events.length;
    for (let i = 0; i < events.length; i++) {
      const read = events[i];
      const raw = record.events[i];
      if (read === undefined || raw === undefined) throw new Error('a record whose events were not read');
      const at = position++;
      if (read.outcome === 'rejected') {
        counters.rejected++;
        const { reason, detail } = read;
        side.push(sideEvent(record, raw, at, { reason, detail, query: undefined, eventTime: undefined }));
        continue;
      }
      acceptedArrival = record.arrival;
      if (maxEventTime === undefined || read.time > maxEventTime) maxEventTime = read.time;
      if (duplicates?.[i] === true) counters.duplicate++;
      else counters[addEvent(pipeline, fold, read, record, raw, at, side)]++;
    }
  }
  const folds = fold.queries;
  return {
    folds,
    added: {
      sequenceNumber: last.record.sequenceNumber,
      lastArrival: last.record.arrival,
      maxEventTime,
      acceptedArrival,
      arrivalClock: last.judged?.clockMs,
      counters,
      queries: pairsOf(pipeline, folds),
    },
    side,
    judged: last.judged,
  };
}

/**
 * Adds an event to all queries.
 * @param position of the event in the shard
 * @returns its class
 */
function addEvent(
  { queries }: Pipeline,
  fold: BatchFold,
  { keys, inputs, time }: AcceptedEvent,
  record: StreamRecord,
  raw: RawEvent,
  position: number,
  side: ShardSideEvent[],
): 'counted' | 'late' | 'filtered' {
  let isCounted = false;
  let isLate = false;
  for (const query of queries) {
    const key = keys[query.index];
    const ofQuery = inputs[query.index];
    if (key === undefined || ofQuery === undefined) fold.filter(query);
    else if (fold.add(query, key, ofQuery, time, position) === 'counted') isCounted = true;
    else {
      isLate = true;
      const detail = `query ${query.name}: event time ${time}, its window was closed`;
      side.push(sideEvent(record, raw, position, { reason: 'late', detail, query: query.name, eventTime: time }));
    }
  }
  return isCounted ? 'counted' : isLate ? 'late' : 'filtered';
}

/** The pairs of every query of the pipeline: whoever reads them sees which queries the code knew. */
function pairsOf({ queries }: Pipeline, folds: readonly QueryFold[]): Readonly<Record<string, QueryCounters>> {
  const found = new Map(folds.map(({ query, pairs }) => [query.name, pairs]));
  return Object.fromEntries(queries.map(({ name }) => [name, found.get(name) ?? noPairs]));
}

/** An event for the side output, and why it goes there. It follows from the stream and the log, whoever writes it. */
function sideEvent(
  { sequenceNumber, arrival, partitionKey }: StreamRecord,
  raw: RawEvent,
  position: number,
  why: Pick<ShardSideEvent, 'reason' | 'detail' | 'query' | 'eventTime'>,
): ShardSideEvent {
  return { ...why, sequenceNumber, subRecord: raw.subRecord, position, arrival, partitionKey, payload: raw.bytes() };
}
