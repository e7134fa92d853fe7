import { inflateRawSync } from 'node:zlib';
import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import type { SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { Attribute, Item } from '../../functions/state/table/table.ts';
import { clockLabels } from './clocks.ts';
import { duplicatesOf } from './duplicates.ts';
import type { SimulationOptions } from './options.ts';
import type { SinkTargetModel } from './sink-checks.ts';
import type { SimulatedEvent, SimulatedRecord, SimulatedShard } from './workload.ts';

/** An event with its place in the stream, and the oracle's statements about it. */
export interface KnownEvent extends SimulatedEvent {
  readonly shardId: string;
  readonly sequenceNumber: SequenceNumber;
  readonly subRecord: number;
  /** Whether it was sent again within the horizon, so that it must not be counted. */
  readonly isDuplicate: boolean;
  /** The queries that want it; none want a duplicate. */
  readonly wantedBy: readonly Query[];
}

/** The place where an event is counted. */
export interface Place {
  readonly page: string;
  readonly slice: number;
  readonly closesAt: number;
}

/** The committed part of a shard. */
export interface Committed {
  records: number;
  maxEventTime: number | undefined;
  acceptedArrival: number | undefined;
  lastArrival: number | undefined;
  /**
   * The time (epoch ms) until which the latest commits were nothing but garbage for the idle time. This may happen
   * again.
   */
  garbageUntil: number;
}

/** The fate of each event so far, seen from outside: from the writes that took effect. The checkers compare with it. */
export interface Ledger {
  readonly options: SimulationOptions;
  readonly pipeline: Pipeline;
  readonly shards: readonly SimulatedShard[];
  readonly events: ReadonlyMap<string, KnownEvent>;
  /** By name of the query, then id. */
  readonly placed: ReadonlyMap<string, Map<string, Place>>;
  /** By name of the query, slice and closing: the ids counted there. */
  readonly buckets: ReadonlyMap<string, Map<number, Map<number, Set<string>>>>;
  /** Late (event, query) pairs in the side output, as `query#id`. */
  readonly late: Set<string>;
  /** Ids of rejected events in the side output. */
  readonly rejected: Set<string>;
  readonly committed: Map<string, Committed>;
  /** Final windows, as `query#start/end`: the ids in them. */
  readonly finals: Map<string, ReadonlySet<string>>;
  /** The ids in the last pane of a window that is not final, by the same names. */
  readonly early: Map<string, ReadonlySet<string>>;
  /** The number of the window of the first query in which a moment lies, where its windows lie on clocks. */
  readonly labelOf: ((time: number) => number) | undefined;
  /** Windows that a sink has acknowledged, as `query#start/end`. */
  readonly published: Set<string>;
  /** The ids in each pane that was ever visible, as `query#start/end#revision`. */
  readonly panes: Map<string, ReadonlySet<string>>;
  /** The revisions of final windows. */
  readonly finalRevisions: Map<string, number>;
  /** The greatest revision of each window in each sink's outbox, as `sink#query#start/end`. */
  readonly outbox: Map<string, number>;
  readonly targets: SinkTargetModel;
  horizon: { closedThrough: number; finalizedThrough: number };
}

export function createLedger(
  options: SimulationOptions,
  pipeline: Pipeline,
  shards: readonly SimulatedShard[],
): Ledger {
  const events = new Map<string, KnownEvent>();
  const duplicates = duplicatesOf(pipeline, shards);
  for (const shard of shards)
    for (const record of shard.records)
      for (const [subRecord, event] of record.content.entries())
        events.set(event.id, {
          ...event,
          shardId: shard.shardId,
          sequenceNumber: record.sequenceNumber,
          subRecord,
          isDuplicate: duplicates.has(event.id),
          wantedBy:
            event.garbage || duplicates.has(event.id)
              ? []
              : pipeline.queries.filter(({ where }) => where === undefined || where(event)),
        });
  return {
    options,
    pipeline,
    shards,
    events,
    placed: new Map(pipeline.queries.map(({ name }) => [name, new Map()])),
    buckets: new Map(pipeline.queries.map(({ name }) => [name, new Map()])),
    late: new Set(),
    rejected: new Set(),
    committed: new Map(
      shards.map(({ shardId }) => [
        shardId,
        {
          records: 0,
          maxEventTime: undefined,
          acceptedArrival: undefined,
          lastArrival: undefined,
          garbageUntil: Number.NEGATIVE_INFINITY,
        },
      ]),
    ),
    finals: new Map(),
    early: new Map(),
    labelOf: options.clocks && clockLabels(options.clocks, options.windowMs),
    published: new Set(),
    panes: new Map(),
    finalRevisions: new Map(),
    outbox: new Map(),
    targets: { rows: new Map(), came: new Map() },
    horizon: { closedThrough: Number.NEGATIVE_INFINITY, finalizedThrough: Number.NEGATIVE_INFINITY },
  };
}

export function queryOf(ledger: Ledger, name: string): Query {
  const query = ledger.pipeline.queries.find((candidate) => candidate.name === name);
  if (query === undefined) throw new Error(`no query ${name}`);
  return query;
}

export function windowName(query: string, { start, end }: { readonly start: number; readonly end: number }): string {
  return `${query}#${start}/${end}`;
}

/** The ids that a window has to hold by the counts so far: those of its slices in buckets that close no later. */
export function idsOfWindow(
  ledger: Ledger,
  query: Query,
  window: { readonly end: number; readonly slices: readonly number[] },
): Set<string> {
  const ids = new Set<string>();
  const slices = ledger.buckets.get(query.name);
  for (const slice of window.slices)
    for (const [closesAt, of] of slices?.get(slice) ?? [])
      if (closesAt <= window.end + query.latenessMs) for (const id of of) ids.add(id);
  return ids;
}

const noIds: readonly string[] = [];

/**
 * The decoded contents of items. An item is checked twice: after the write that made it, and before the next one.
 * Nobody changes an item in place.
 */
const decoded = new WeakMap<Item, readonly string[]>();

/** The ids in the content of a page, with repetitions. */
export function idsOfPage(query: Query, item: Item | undefined): readonly string[] {
  const data = item?.attributes['data'];
  if (item === undefined || data === undefined) return noIds;
  const known = decoded.get(item);
  if (known !== undefined) return known;
  const text = data instanceof Uint8Array ? inflateRawSync(data).toString() : String(data);
  const ids = (JSON.parse(text) as string[][][]).flatMap((row) => row[query.groupBy.length] ?? []);
  decoded.set(item, ids);
  return ids;
}

/** The ids in the rows of a window or a part of one. */
export function idsOfRows(rows: Attribute | undefined): readonly string[] {
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: { ids?: { ids?: readonly string[] } }) => row.ids?.ids ?? []);
}

/**
 * Whether a shard gave nothing but garbage for the idle time before its last commit. Such a shard does not hold the
 * watermark.
 */
export function gaveOnlyGarbage(
  { lastArrival, acceptedArrival }: Committed,
  createdAt: number,
  idleMs: number,
): boolean {
  return lastArrival !== undefined && lastArrival - (acceptedArrival ?? createdAt) >= idleMs;
}

/** The number of a shard's records at or below one of its sequence numbers. */
export function recordsThrough(records: readonly SimulatedRecord[], sequenceNumber: SequenceNumber): number {
  return records.findIndex((record) => record.sequenceNumber === sequenceNumber) + 1;
}

/** Whether the record of an event is committed. */
export function isCommitted(ledger: Ledger, id: string): boolean {
  const event = ledger.events.get(id);
  const shard = ledger.shards.find(({ shardId }) => shardId === event?.shardId);
  const committed = ledger.committed.get(event?.shardId ?? '')?.records ?? 0;
  return (
    shard?.records.slice(0, committed).some(({ sequenceNumber }) => sequenceNumber === event?.sequenceNumber) ?? false
  );
}
