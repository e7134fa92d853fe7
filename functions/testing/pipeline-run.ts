import type { Duration } from '../core/arguments/duration.ts';
import type { PipelineResults, QueryResult } from '../core/definition/pipeline.ts';
import type { Delivery } from '../core/definition/sink.ts';
import type { Counters, QueryCounters } from '../core/events/counters.ts';
import type { OutputMode } from '../core/results/output-mode.ts';
import type { PaneStatus } from '../state/windows/pane.ts';
import type { Moment } from './moment.ts';
import type { LateEvent, RejectedEvent } from './side-events.ts';

/** The options of {@link PipelineRun.put}. */
export interface PutOptions {
  /**
   * The position of the shard that the events go to, from 0.
   * @default the one of the event's partition key (or deduplication id), as in production; events without one go round
   */
  readonly shard?: number;
  /**
   * When the events arrive in the stream. Not before the clock.
   * @default each arrives at its own event time, or with the event before it, if that arrived later
   */
  readonly arrivedAt?: Moment;
}

/** The key and the results of a row. */
export interface PaneRow<Result extends QueryResult = QueryResult> {
  /** The group-by fields by name; empty for a query without group-by. */
  readonly key: Result['key'];
  /** The result of each aggregate, by its name in the query. */
  readonly values: Result['values'];
  /** For `rollup` and `cube`: 0 for a group; a total has a bit for each field that it lacks, as SQL's GROUPING. */
  readonly grouping?: number;
}

/** A row of a window. Times are epoch ms. */
export interface ResultRow<Result extends QueryResult = QueryResult> extends PaneRow<Result> {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** One emission of a window. Times are epoch ms. */
export interface ResultPane<Result extends QueryResult = QueryResult> {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** `early` before the window's end, `on-time` at it, `late` for what came since, `final` for good. */
  readonly status: PaneStatus;
  /** The number of the pane among those of its window, from 0. */
  readonly revision: number;
  /** How many records are in the window. */
  readonly records: number;
  /** By key. */
  readonly rows: readonly PaneRow<Result>[];
}

/** A window as the query API shows it. Times are epoch ms. */
export interface ResultWindow<Result extends QueryResult = QueryResult> {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** `open` while records may still come, `closing` when none may come and the window is not emitted yet. */
  readonly status: 'open' | 'closing' | 'final';
  /** How many records are in the window. */
  readonly records: number;
  /** By key. */
  readonly rows: readonly PaneRow<Result>[];
}

/** What has become of all events: each is in one class. */
export interface Conservation extends Counters {
  /** The pairs of an event and a query, by the query's name. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
}

/**
 * A pipeline that runs in memory, with the production code over a table in memory.
 *
 * Two times pass in it, and neither passes by itself. **Event time** is the watermark: it follows the events that are
 * put, and {@link PipelineRun.advanceTo} moves it. The **clock** is when records arrive and functions run: it follows
 * the events too, and {@link PipelineRun.wait} moves it. Every call ends with a run of finalize, so what is due is out
 * when it resolves.
 */
export interface PipelineRun<Results extends PipelineResults = PipelineResults> extends AsyncDisposable {
  /**
   * Puts events into the stream, one a record, lets the aggregate function take them, shard by shard, and the finalize
   * function emit what the watermark has passed. An event is late by what calls before this one have closed, and never
   * by another event of the same call.
   *
   * Each shard holds the watermark at its greatest event time minus the delay. A shard without events holds it back
   * altogether, until {@link PipelineRun.wait} makes it idle.
   * @param events objects, which become JSON, or the text or bytes of events, right or wrong
   * @throws TidemarkError for a shard that there is not, and for an arrival before the clock
   */
  put(events: Iterable<unknown>, options?: PutOptions): Promise<void>;
  /**
   * Moves the watermark to an event time, as if all shards had come to it: windows that close at or before it are
   * final, what belongs to them is late from now on, and on-time panes are out. No event is counted by it. The clock
   * goes to this time plus the delay, unless it is there already, for this is when a stream comes so far.
   * @throws TidemarkError when the watermark is past it: it never goes back
   */
  advanceTo(time: Moment): Promise<void>;
  /**
   * Lets the clock go on while nothing comes. At its end, early panes that are due by their age are out, and shards
   * without events for as long as `watermark.idle` hold the watermark no longer: it goes on to that of the others. What
   * is final by event time alone stays as it is (Kafka Streams: `advanceWallClockTime`).
   */
  wait(duration: Duration): Promise<void>;
  /** Ends the stream: every window becomes final, but those of `global()`, which have no end. */
  end(): Promise<void>;
  /**
   * The rows of a query's final windows, by start, end and key; after {@link PipelineRun.end} those of `global()` too.
   * @throws TidemarkError for a name that no query has
   */
  rows<Name extends keyof Results & string>(query: Name): readonly ResultRow<Results[Name]>[];
  /**
   * The panes of a query in the order of their emission; given a mode, what a sink of that mode is sent.
   * @throws TidemarkError for a name that no query has
   */
  panes<Name extends keyof Results & string>(
    query: Name,
    options?: { readonly mode?: OutputMode },
  ): readonly ResultPane<Results[Name]>[];
  /**
   * All windows of a query as the query API shows them now, open ones with what they hold so far, by start and end.
   * @throws TidemarkError for a name that no query has
   */
  windows<Name extends keyof Results & string>(query: Name): Promise<readonly ResultWindow<Results[Name]>[]>;
  /**
   * What a sink got, in order, by the production outbox and its mode. Nothing is sent anywhere, and a function of
   * `forEachWindow` is not called: call it with these.
   * @throws TidemarkError for a name that no sink has
   */
  delivered(sink: string): readonly Delivery[];
  /** The late events, in the order in which they were put; one that was late for several queries is there for each. */
  readonly late: readonly LateEvent[];
  /** The rejected events, in the order in which they were put. */
  readonly rejected: readonly RejectedEvent[];
  /** Epoch ms; undefined while a shard without events holds it back. */
  readonly watermark: number | undefined;
  /** When the last record arrived, or later by what the test has waited, epoch ms; undefined at the beginning. */
  readonly clock: number | undefined;
  /**
   * received = counted + late + duplicate + rejected + filtered. It is checked after every call, with the second law of
   * DESIGN section 2; a call after which one of them is broken throws.
   */
  readonly conservation: Conservation;
}
