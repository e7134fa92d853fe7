import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import { createFold, type SliceFold } from '../../core/fold/fold.ts';
import { pageOf } from '../../core/fold/page-hash.ts';
import type { AcceptedEvent, EventReader } from '../../core/fold/read-event.ts';
import { type RawEvent, readRaw, type StreamRecord } from '../../core/fold/stream-record.ts';
import type { ShardSideEvent } from '../items/side-output.ts';

/** A chunk of whole Kinesis records, classified and folded, nothing of it applied yet. */
export interface ReadChunk {
  readonly records: readonly StreamRecord[];
  readonly accepted: readonly {
    readonly event: unknown;
    /** The inputs that each query takes from the event, by its position. */
    readonly inputs: AcceptedEvent['inputs'];
    readonly time: number;
    readonly raw: RawEvent;
    readonly record: StreamRecord;
    readonly sequenceNumber: SequenceNumber;
  }[];
  /** How many of the accepted are duplicates: they are in no slice. */
  readonly duplicates: number;
  /** How many of the accepted no query wants. */
  readonly filtered: number;
  /** How many of the accepted a query does not want, by its position in the pipeline; duplicates are asked nothing. */
  readonly filteredPairs: readonly number[];
  readonly rejected: readonly ShardSideEvent[];
  readonly slices: readonly SliceFold[];
}

/** Most pages that one chunk writes: about two seconds of writes, so that some progress fits every time-out. */
const pagesPerChunk = 2000;

/** The inputs of {@link readChunk}. */
export interface ChunkOptions {
  readonly pipeline: Pipeline;
  readonly reader: EventReader;
  /** How many pages the bucket of a slice has, or would be given. */
  readonly pageCount: (query: Query, slice: number) => number;
  /** Asked once for each accepted event, in order. @default none is */
  readonly isDuplicate?: ((read: AcceptedEvent, arrivalMs: number) => boolean) | undefined;
}

/** Classifies and folds records from a position on, as many as touch a bounded number of pages (DESIGN 4.1, step 2). */
export function readChunk(
  { pipeline, reader, pageCount, isDuplicate = () => false }: ChunkOptions,
  records: readonly StreamRecord[],
  from: number,
): ReadChunk {
  const fold = createFold();
  const touched = new Set<string>();
  const accepted: ReadChunk['accepted'][number][] = [];
  const rejected: ShardSideEvent[] = [];
  const filteredPairs = pipeline.queries.map(() => 0);
  let duplicates = 0;
  let filtered = 0;
  let to = from;
  for (; to < records.length && touched.size < pagesPerChunk; to++) {
    const record = records[to];
    if (record === undefined) break;
    for (const raw of record.events) {
      const read = readRaw(reader, raw, record.arrival);
      if (read.outcome === 'rejected') {
        rejected.push(
          sideEvent(record, raw, { reason: read.reason, detail: read.detail, query: undefined, eventTime: undefined }),
        );
        continue;
      }
      const { event, inputs, time, keys } = read;
      const position = accepted.push({ event, inputs, time, raw, record, sequenceNumber: record.sequenceNumber }) - 1;
      if (isDuplicate(read, record.arrival)) {
        duplicates++;
        continue;
      }
      if (keys.every((key) => key === undefined)) filtered++;
      for (const query of pipeline.queries) {
        const key = keys[query.index];
        const ofQuery = inputs[query.index];
        if (key === undefined || ofQuery === undefined) {
          filteredPairs[query.index] = (filteredPairs[query.index] ?? 0) + 1;
          continue;
        }
        const folded = fold.add(query, key, ofQuery, time);
        if (folded.events.push(position) > 1) continue;
        const slice = query.window.sliceOf(time);
        touched.add(`${query.index}#${slice}#${pageOf(key, pageCount(query, slice))}`);
      }
    }
  }
  return {
    records: records.slice(from, to),
    accepted,
    duplicates,
    filtered,
    filteredPairs,
    rejected,
    slices: [...fold.slices],
  };
}

/** An event for the side output, and why it goes there. */
export function sideEvent(
  record: StreamRecord,
  raw: RawEvent,
  why: Pick<ShardSideEvent, 'reason' | 'detail' | 'query' | 'eventTime'>,
): ShardSideEvent {
  const { sequenceNumber, arrival, partitionKey } = record;
  return { ...why, sequenceNumber, subRecord: raw.subRecord, arrival, partitionKey, payload: raw.bytes() };
}
