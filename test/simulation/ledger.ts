import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import type { SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { LogTotals } from '../../functions/core/log/totals.ts';
import type { EntryKind } from '../../functions/state/log/entry.ts';
import type { Attribute } from '../../functions/state/table/table.ts';
import { clockLabels } from './clocks.ts';
import { duplicatesOf } from './duplicates.ts';
import type { SimulationOptions } from './options.ts';
import type { KnownSegment } from './segment-checks.ts';
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

/** An entry of a log, as it was put. */
export interface KnownEntry {
  readonly position: number;
  readonly kind: EntryKind;
  /** When it was put by the clock of its writer, epoch ms. */
  readonly putAt: number;
  readonly totals: LogTotals;
  /** The number of the shard's records that are in, with this entry. */
  readonly records: number;
  /** Its content as it is stored, to be compared with a second writing. */
  readonly content: string;
}

/** The place where an event is counted for a query. */
export interface Place {
  readonly slice: number;
  /** The epoch of the barrier (or the join) before its entry. It is gathered by the next epoch. */
  readonly epoch: number;
  /** For people: the entry. */
  readonly entry: string;
}

/** The committed part of a shard: what its entries hold. */
export interface Committed {
  records: number;
  maxEventTime: number | undefined;
  acceptedArrival: number | undefined;
  lastArrival: number | undefined;
  /**
   * The time (epoch ms) until which the latest entries were nothing but garbage for the idle time. This may happen
   * again.
   */
  garbageUntil: number;
}

/** How far epochs are through. */
export interface Through {
  readonly epoch: number;
  readonly closedThrough: number;
}

/** The fate of each event so far, seen from outside: from the writes that took effect. The checkers compare with it. */
export interface Ledger {
  readonly options: SimulationOptions;
  readonly pipeline: Pipeline;
  readonly shards: readonly SimulatedShard[];
  readonly events: ReadonlyMap<string, KnownEvent>;
  /** The events of each shard in its order: an event's position is its index. */
  readonly inOrder: ReadonlyMap<string, readonly KnownEvent[]>;
  /** The entries of each shard's log, from position 1 on, those that have expired too. */
  readonly logs: ReadonlyMap<string, KnownEntry[]>;
  /** The first position of each log that has not expired. */
  readonly firstLeft: Map<string, number>;
  readonly registered: Set<string>;
  /** C of each epoch that was elected, from epoch 1 on, epoch ms. */
  readonly epochs: number[];
  /** The epochs that have a plan, with its content as text. */
  readonly plans: Map<number, string>;
  gathered: Through;
  /** By name of the query. */
  readonly emitted: Map<string, Through>;
  /** The segments of each query by slice. */
  readonly segments: ReadonlyMap<string, Map<number, Map<string, KnownSegment>>>;
  /** By name of the query, then id. */
  readonly placed: ReadonlyMap<string, Map<string, Place>>;
  /** By name of the query, slice and epoch of the barrier before: the ids counted there. */
  readonly counted: ReadonlyMap<string, Map<number, Map<number, Set<string>>>>;
  /** Late (event, query) pairs in the side output, as `query#id`. */
  readonly aside: Set<string>;
  /** Late (event, query) pairs in entries, as `query#id`. */
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
}

const nothing: Through = { epoch: 0, closedThrough: Number.NEGATIVE_INFINITY };

export function createLedger(
  options: SimulationOptions,
  pipeline: Pipeline,
  shards: readonly SimulatedShard[],
): Ledger {
  const events = new Map<string, KnownEvent>();
  const inOrder = new Map<string, KnownEvent[]>(shards.map(({ shardId }) => [shardId, []]));
  const duplicates = duplicatesOf(pipeline, shards);
  for (const shard of shards)
    for (const record of shard.records)
      for (const [subRecord, event] of record.content.entries()) {
        const known = {
          ...event,
          shardId: shard.shardId,
          sequenceNumber: record.sequenceNumber,
          subRecord,
          isDuplicate: duplicates.has(event.id),
          wantedBy:
            event.garbage || duplicates.has(event.id)
              ? []
              : pipeline.queries.filter(({ where }) => where === undefined || where(event)),
        };
        events.set(event.id, known);
        inOrder.get(shard.shardId)?.push(known);
      }
  const byQuery = <T>(make: () => T) => new Map(pipeline.queries.map(({ name }) => [name, make()]));
  return {
    options,
    pipeline,
    shards,
    events,
    inOrder,
    logs: new Map(shards.map(({ shardId }) => [shardId, []])),
    firstLeft: new Map(),
    registered: new Set(),
    epochs: [],
    plans: new Map(),
    gathered: nothing,
    emitted: new Map(),
    segments: byQuery(() => new Map()),
    placed: byQuery(() => new Map()),
    counted: byQuery(() => new Map()),
    aside: new Set(),
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

/** C of an epoch, epoch ms; minus infinity before the first. */
export function closedThroughAt({ epochs }: Ledger, epoch: number): number {
  return epochs[epoch - 1] ?? Number.NEGATIVE_INFINITY;
}

/** C of the newest epoch that was elected. */
export function newestClosed(ledger: Ledger): number {
  return closedThroughAt(ledger, ledger.epochs.length);
}

/** How far the panes of a query are out. */
export function emittedOf({ emitted }: Ledger, query: string): Through {
  return emitted.get(query) ?? nothing;
}

/**
 * The ids that a window has to hold: those of its slices in entries behind whose last barrier it was still open.
 * @param before only entries before the barrier of this epoch. @default all
 */
export function idsOfWindow(
  ledger: Ledger,
  query: Query,
  window: { readonly end: number; readonly slices: readonly number[] },
  before: number = Number.POSITIVE_INFINITY,
): Set<string> {
  const ids = new Set<string>();
  const slices = ledger.counted.get(query.name);
  const closing = window.end + query.latenessMs;
  for (const slice of window.slices)
    for (const [epoch, of] of slices?.get(slice) ?? [])
      if (epoch < before && closedThroughAt(ledger, epoch) < closing) for (const id of of) ids.add(id);
  return ids;
}

/** Whether a shard gave nothing but garbage for the idle time before its last commit. Such a shard holds nothing. */
export function gaveOnlyGarbage(
  { lastArrival, acceptedArrival }: Committed,
  createdAt: number,
  idleMs: number,
): boolean {
  return lastArrival !== undefined && lastArrival - (acceptedArrival ?? createdAt) >= idleMs;
}

/** The number of a shard's records at or below one of its sequence numbers; 0 for one that it does not have. */
export function recordsThrough(records: readonly SimulatedRecord[], sequenceNumber: SequenceNumber): number {
  return records.findIndex((record) => record.sequenceNumber === sequenceNumber) + 1;
}

/** The ids in the rows of a window or a part of one. */
export function idsOfRows(rows: Attribute | undefined): readonly string[] {
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: { ids?: { ids?: readonly string[] } }) => row.ids?.ids ?? []);
}
