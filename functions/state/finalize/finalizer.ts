import { grouped } from '../../core/definition/grouped.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { Counters } from '../../core/events/counters.ts';
import { lastEndOf } from '../../core/fold/empty-windows.ts';
import type { Partials } from '../../core/fold/partial.ts';
import { globalWatermark } from '../../core/fold/watermark.ts';
import { type ClosingWindow, mergeWindow, windowsOf } from '../../core/fold/window-result.ts';
import type { KeyedPartial, SessionWindow } from '../../core/sessions/join.ts';
import { type EmittedWindow, lastClosing, type Window, type WindowKind } from '../../core/windows/window.ts';
import { notePassed } from '../items/definition.ts';
import { raiseClosedThrough, raiseFinalizedThrough, readHorizon } from '../items/horizon.ts';
import { closePage, expirePage, type FoundPage, type PageName, readSlicePages } from '../items/page.ts';
import { type RegisteredBucket, readRegistry, removeBuckets } from '../items/registry.ts';
import type { Publisher } from '../sinks/outbox.ts';
import type { Stream } from '../stream/stream.ts';
import type { Table } from '../table/table.ts';
import {
  inMergeOrder,
  type MergedSlice,
  mergeSlice,
  recordsOf,
  type SliceCache,
  sliceCache,
} from '../windows/merged-slice.ts';
import type { Pane, PaneHead, PaneStatus } from '../windows/pane.ts';
import { readPaneHead } from '../windows/pane-reader.ts';
import { writeFinalPane, writeOpenPane } from '../windows/pane-writer.ts';
import { type EmittedEmpty, emitEmpty } from './empty-windows.ts';
import { type SessionCloser, sessionCloser } from './session-closer.ts';
import { observeShards, type ShardReport } from './shard-report.ts';

/** The inputs of a finalizer. Time arrives as arguments. */
export interface FinalizerOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly stream: Stream;
  /** Limits how many calls run at a time. */
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  /**
   * Puts a pane into the outboxes of the sinks, durably: at least once, with (query, window, revision) as its id
   * (outbox.ts).
   */
  readonly publish: Publisher['publish'];
  /** The slices that runs remember; a new cache when nothing is to be remembered. */
  readonly cache: SliceCache;
  readonly now: () => number;
  /** An id that no other run has. */
  readonly runId: string;
  readonly remainingMs: () => number;
  /** How long the stream keeps its records, in ms: pages outlive it by two days. */
  readonly retentionMs: number;
}

/** The outcome of a run. */
export interface FinalizeReport {
  /** Epoch ms; minus infinity before anything has come. */
  readonly watermark: number;
  /** The shard that holds it back. */
  readonly heldBy: string | undefined;
  readonly shards: readonly ShardReport[];
  /** Of all events that were committed when it began. */
  readonly counters: Counters;
  /** How many windows it emitted for good. */
  readonly windows: number;
  /** How many panes it emitted of windows that are open: early, on time, late. */
  readonly openPanes: number;
  /** How many windows that hold something are not final. */
  readonly windowsOpen: number;
  /** Closings that it had no time for. */
  readonly closingsLeft: number;
  /** For a drain: whether everything that was put is committed, and so every window final. */
  readonly drained: boolean;
}

/**
 * The request to a run. `advance`: go to the watermark. `drain`, the end of a finite stream: raise the watermark past
 * every window once all is committed.
 */
export type FinalizeRequest = 'advance' | 'drain';

/** No group of closings is started with less time than this, in ms. */
const closingReserveMs = 5_000;

/** Most pages of closings that are taken together: a second of calls. */
const pagesPerGroup = 256;

/** How much longer than the stream's records the pages of closed windows live, in ms (DESIGN 4.2, step 3 e). */
const pageGraceMs = 2 * 24 * 3_600_000;

/** One run of the finalize protocol (DESIGN 4.2). May overlap itself, crash anywhere and run twice. */
export async function finalize(options: FinalizerOptions, request: FinalizeRequest): Promise<FinalizeReport> {
  const { pipeline, state, stream, limit } = options;
  const { shards, counters, maxEventTime } = await observeShards({
    pipeline,
    state,
    stream,
    limit,
    nowMs: options.now(),
  });
  const { watermark: computed, heldBy } = globalWatermark(shards, pipeline.delayMs);
  const drained = request === 'drain' && (await everythingCommitted(options, shards));
  const raiseTo = drained ? latest(computed, await lastClosingOfAll(pipeline, state, maxEventTime)) : computed;
  // The order is the protocol's (step 2): how far windows are closed, then the registry, then how far they are final. A
  // closedThrough read after the registry could be another run's, and buckets registered in between would be missed.
  const { watermark, closedThrough } =
    raiseTo === undefined ? await readHorizon(state) : await raiseClosedThrough(state, raiseTo);
  const registry = await readRegistry(state);
  const { finalizedThrough } = await readHorizon(state);
  options.cache.begin(finalizedThrough);
  await notePassedQueries(options, registry, closedThrough);
  const byClosing = closingsDue(pipeline, registry, closedThrough);
  const closers = new Map(
    pipeline.queries.flatMap((query) =>
      query.window.sessions === undefined ? [] : [[query.name, sessionCloser(options, query, finalizedThrough)]],
    ),
  );
  let windows = 0;
  let closingsLeft = byClosing.length;
  let doneThrough = finalizedThrough;
  for (const group of groupsOf(byClosing)) {
    if (options.remainingMs() < closingReserveMs) break;
    windows += await finalizeClosings(options, group, finalizedThrough, closers);
    closingsLeft -= group.length;
    doneThrough = Math.max(doneThrough, ...group.map(({ closing }) => closing));
  }
  if (closingsLeft === 0) doneThrough = closedThrough;
  const empty = await emitEmptyWindows(options, doneThrough, maxEventTime);
  const openPanes = await emitOpen(options, registry, closedThrough);
  return {
    watermark,
    heldBy,
    shards,
    counters,
    windows: windows + empty.windows,
    openPanes,
    windowsOpen: countWindows(pipeline, registry, closedThrough),
    closingsLeft,
    drained: drained && closingsLeft === 0 && empty.done,
  };
}

/** Final panes of the windows in which nothing was counted, of the queries that want them. */
async function emitEmptyWindows(
  options: FinalizerOptions,
  doneThrough: number,
  maxEventTime: number,
): Promise<EmittedEmpty> {
  const hasTime = () => options.remainingMs() >= closingReserveMs;
  const queries = options.pipeline.queries.filter(({ mostEmpty }) => mostEmpty > 0);
  const emitted = await Promise.all(
    queries.map((query) => {
      const write = (window: Window, partials: Partials) =>
        writeFinalPane(options.windows, query, window, { partials, records: 0, nowMs: options.now() });
      return emitEmpty({ ...options, write, hasTime }, query, doneThrough, maxEventTime);
    }),
  );
  return {
    windows: emitted.reduce((total, { windows }) => total + windows, 0),
    done: emitted.every(({ done }) => done),
  };
}

/** A moment at which windows close that are not final yet, and the buckets that they hold. */
interface DueClosing {
  readonly closing: number;
  readonly buckets: readonly RegisteredBucket[];
}

/**
 * Buckets of queries that are no longer in the definition stay as they are, and closings of other queries pass them by.
 */
async function notePassedQueries(
  { pipeline, state }: FinalizerOptions,
  registry: readonly RegisteredBucket[],
  closedThrough: number,
): Promise<void> {
  const known = new Set(pipeline.queries.map(({ name }) => name));
  const passed = registry.filter(({ query, closesAt }) => !known.has(query) && closesAt <= closedThrough);
  for (const [query, buckets] of grouped(passed, (bucket) => bucket.query))
    await notePassed(state, query, Math.min(...buckets.map(({ closesAt }) => closesAt)));
}

function countWindows(pipeline: Pipeline, registry: readonly RegisteredBucket[], closedThrough: number): number {
  return pipeline.queries.reduce((total, query) => {
    const slices = new Set(registry.filter((bucket) => bucket.query === query.name).map((bucket) => bucket.slice));
    // How many sessions there are is known when they are merged: what stands for them is the slices in which an open
    // one may have its last record.
    if (query.window.sessions !== undefined)
      return total + [...slices].filter((slice) => lastClosing(query.window, slice) > closedThrough).length;
    return total + windowsOf(query, slices).filter((window) => window.closing > closedThrough).length;
  }, 0);
}

/**
 * The closings to take, ascending, each with the buckets whose slice is in a window that closes there. A slice of
 * overlapping windows stays registered until its last closing: records that were applied early belong to the later
 * windows too, which may have no buckets of their own.
 */
function closingsDue(
  pipeline: Pipeline,
  registry: readonly RegisteredBucket[],
  closedThrough: number,
): readonly DueClosing[] {
  const windows = new Map(pipeline.queries.map((query) => [query.name, query.window]));
  const due = registry.flatMap((bucket) =>
    momentsOf(windows.get(bucket.query), bucket)
      .filter((closing) => closing >= bucket.closesAt && closing <= closedThrough)
      .map((closing) => ({ closing, bucket })),
  );
  return [...grouped(due, ({ closing }) => closing)]
    .sort(([left], [right]) => left - right)
    .map(([closing, group]) => ({ closing, buckets: group.map(({ bucket }) => bucket) }));
}

/**
 * When a bucket has something to give: of sessions only when it closes itself, and when a session may end with a record
 * of its slice.
 */
function momentsOf(kind: WindowKind | undefined, { slice, closesAt }: RegisteredBucket): readonly number[] {
  if (kind?.sessions === undefined) return kind?.closings(slice) ?? [];
  const last = kind.sessions.closingOf(slice);
  return closesAt === last ? [last] : [closesAt, last];
}

/**
 * Cuts closings into groups, in their order: taken one by one, the windows of a long backlog would spend their time
 * waiting for one another's calls.
 */
function groupsOf(closings: readonly DueClosing[]): readonly (readonly [DueClosing, ...DueClosing[]])[] {
  const groups: [DueClosing, ...DueClosing[]][] = [];
  let pages = 0;
  for (const due of closings) {
    const own = due.buckets.reduce((total, { closesAt, count }) => total + (closesAt === due.closing ? count : 0), 1);
    const group = groups[groups.length - 1];
    if (group === undefined || pages + own > pagesPerGroup) {
      groups.push([due]);
      pages = own;
    } else {
      group.push(due);
      pages += own;
    }
  }
  return groups;
}

/**
 * Step 3 for some closings: each step is through for all of them before the next one begins. A closing that is final
 * already was left behind by a crash, or by a registration that came too late for it.
 */
async function finalizeClosings(
  options: FinalizerOptions,
  group: readonly [DueClosing, ...DueClosing[]],
  finalizedThrough: number,
  closers: ReadonlyMap<string, SessionCloser>,
): Promise<number> {
  const { pipeline, state } = options;
  const closing = Math.max(...group.map((due) => due.closing));
  const buckets = [...new Set(group.flatMap((due) => due.buckets))];
  const open = group.filter((due) => due.closing > finalizedThrough);
  const closed = await Promise.all(
    pipeline.queries.flatMap((query) =>
      open.map(async (due) => {
        const ofQuery = due.buckets.filter((bucket) => bucket.query === query.name);
        const closes = ofQuery.filter(({ closesAt }) => closesAt === due.closing);
        return { query, closing: due.closing, buckets: ofQuery, pages: await closeAll(options, query, closes) };
      }),
    ),
  );
  const panes = (
    await Promise.all([
      ...closed.map((one) =>
        one.buckets.length === 0 || closers.has(one.query.name) ? [] : emitWindows(options, one),
      ),
      ...[...closers].map(([query, closer]) =>
        emitSessions(
          options,
          closer,
          closed.filter((one) => one.query.name === query && one.buckets.length > 0),
        ),
      ),
    ])
  ).flat();
  for (const closer of closers.values()) await closer.carry(closing);
  if (open.length > 0) await raiseFinalizedThrough(state, closing);
  await forget(options, closing, buckets);
  for (const closer of closers.values()) await closer.forget(expiryOf(options));
  return panes.length;
}

interface ClosedBuckets {
  readonly query: Query;
  readonly closing: number;
  readonly buckets: readonly RegisteredBucket[];
  readonly pages: readonly ClosedPage[];
}

/** Steps 3 b to d for the windows of a query that close at a moment. */
async function emitWindows(
  options: FinalizerOptions,
  { query, closing, buckets, pages: closed }: ClosedBuckets,
): Promise<readonly Pane[]> {
  const panes = await Promise.all(
    query.window.emit(closing).map(async (window) => {
      const slices = await closedSlices(options, query, window, closing, buckets, closed);
      const partials = mergeWindow(query, slices);
      return partials.size === 0 ? [] : [await emitFinal(options, query, window, partials, recordsOf(slices))];
    }),
  );
  return panes.flat();
}

/** Steps 3 c and d for one window. */
function emitFinal(
  options: FinalizerOptions,
  query: Query,
  window: Window,
  partials: Partials,
  records: number,
): Promise<Pane> {
  const { windows: table, limit, publish } = options;
  return limit(async () => {
    const pane = await writeFinalPane(table, query, window, { partials, records, nowMs: options.now() });
    await publish(pane);
    return pane;
  });
}

/**
 * Steps 3 b to d for the sessions of a query: its closings one after the other, each joining what the ones before have
 * left open.
 */
async function emitSessions(
  options: FinalizerOptions,
  closer: SessionCloser,
  closed: readonly ClosedBuckets[],
): Promise<readonly Pane[]> {
  const windows: (SessionWindow & { readonly query: Query })[] = [];
  for (const { query, closing, pages } of [...closed].sort((left, right) => left.closing - right.closing)) {
    const ordered = [...inMergeOrder(pages)].sort((left, right) => left.slice - right.slice);
    const parts = ordered.flatMap(({ page }): KeyedPartial[] => [...page.partials]);
    for (const window of await closer.close(closing, parts)) windows.push({ ...window, query });
  }
  return Promise.all(
    windows.map((window) => emitFinal(options, window.query, window, window.partials, window.records)),
  );
}

/**
 * Step 4: early, on-time and late panes of windows that are open, merged from their pages as they are now, without
 * closing anything. One that is refused, since another run was quicker, is not published: the next one will be, or the
 * final one.
 */
async function emitOpen(
  options: FinalizerOptions,
  registry: readonly RegisteredBucket[],
  closedThrough: number,
): Promise<number> {
  const { pipeline, state, windows: table, publish } = options;
  let emitted = 0;
  for (const query of pipeline.queries) {
    const due = await dueOpen(options, query, registry, closedThrough);
    // The visible pane of a window is read before the registry and the pages, so that all of its records are found
    // again. With the registry as it was before, a pane of another run could hold a shard that this one has not heard
    // of.
    const buckets = due.length === 0 ? [] : (await readRegistry(state)).filter((bucket) => bucket.query === query.name);
    const bucketsOf = grouped(buckets, ({ slice }) => slice);
    // Windows share slices, and each is read once: as late as the first of them, which is late enough for all.
    const cache = sliceCache();
    for (const { window, standing, status } of due) {
      if (options.remainingMs() < closingReserveMs) return emitted;
      const slices = await readSlices({ ...options, cache }, query, window, window.closing, bucketsOf);
      const records = recordsOf(slices);
      // Nothing is new in it; but that its end is passed is worth a pane of its own.
      if (records === 0 || (records === standing?.records && status !== 'on-time')) continue;
      const partials = mergeWindow(query, slices);
      const draft = { status, attempt: options.runId, partials, records, nowMs: options.now() };
      const pane = await writeOpenPane(table, query, window, standing, draft);
      if (pane === undefined) continue;
      await publish(pane);
      emitted++;
    }
  }
  return emitted;
}

interface DueWindow {
  readonly window: ClosingWindow;
  readonly standing: PaneHead | undefined;
  readonly status: PaneStatus;
}

/**
 * The open windows of a query whose last pane is old enough for the next one, or was of a time when their end was not
 * passed.
 */
async function dueOpen(
  { windows: table, limit, now, remainingMs }: FinalizerOptions,
  query: Query,
  registry: readonly RegisteredBucket[],
  closedThrough: number,
): Promise<readonly DueWindow[]> {
  const { earlyMs, latenessMs } = query;
  if (earlyMs === undefined && latenessMs === 0) return [];
  const slices = new Set(registry.filter((bucket) => bucket.query === query.name).map(({ slice }) => slice));
  const open = windowsOf(query, slices).filter(
    ({ end, closing }) => closing > closedThrough && (earlyMs !== undefined || end <= closedThrough),
  );
  const due: DueWindow[] = [];
  const look = async (window: ClosingWindow) => {
    // A backlog of windows may be long: those there is no time for have their turn in a later run.
    if (remainingMs() < closingReserveMs) return;
    const standing = await readPaneHead(table, query, window);
    const status = nextStatus(query, window.end <= closedThrough, standing, now());
    if (status !== undefined) due.push({ window, standing, status });
  };
  await Promise.all(open.map((window) => limit(() => look(window))));
  return due.sort((left, right) => left.window.end - right.window.end);
}

/** Which pane an open window is to have next, as far as its age says; undefined: none now. */
function nextStatus(
  { earlyMs, onTime, lateMs }: Query,
  isPassed: boolean,
  standing: PaneHead | undefined,
  nowMs: number,
): PaneStatus | undefined {
  const isOlder = (ageMs: number | undefined) =>
    ageMs !== undefined && (standing === undefined || nowMs - standing.emittedAt >= ageMs);
  if (standing?.status === 'final') return undefined;
  if (!isPassed) return isOlder(earlyMs) ? 'early' : undefined;
  if (onTime && (standing === undefined || standing.status === 'early')) return 'on-time';
  return isOlder(lateMs) ? 'late' : undefined;
}

interface ClosedPage extends FoundPage {
  readonly slice: number;
}

/**
 * Step 3 a: closes every page of every registered count, never-written ones too, and returns what is in them for good.
 */
async function closeAll(
  { state, limit }: FinalizerOptions,
  query: Query,
  buckets: readonly RegisteredBucket[],
): Promise<readonly ClosedPage[]> {
  const names = buckets.flatMap((bucket) => pageNames(query, bucket));
  return Promise.all(
    names.map((name) =>
      limit(async () => {
        const { slice, closesAt, count } = name.bucket;
        return { shardId: name.shardId, closesAt, count, index: name.page, slice, page: await closePage(state, name) };
      }),
    ),
  );
}

function pageNames(query: Query, bucket: RegisteredBucket): readonly PageName[] {
  return Array.from({ length: bucket.count }, (_, page) => ({ shardId: bucket.shardId, query, bucket, page }));
}

/**
 * Step 3 b: what a window merges: of a tumbling window the pages that were just closed, of an overlapping one those of
 * all buckets of its slices that close no later, which this run or one before it has closed.
 */
async function closedSlices(
  options: FinalizerOptions,
  query: Query,
  window: EmittedWindow,
  closing: number,
  buckets: readonly RegisteredBucket[],
  closed: readonly ClosedPage[],
): Promise<readonly MergedSlice[]> {
  const [only, ...others] = window.slices;
  if (only !== undefined && others.length === 0 && query.window.closings(only).length === 1)
    return [
      mergeSlice(
        query,
        closed.filter(({ slice }) => slice === only),
      ),
    ];
  return readSlices(
    options,
    query,
    window,
    closing,
    grouped(buckets, ({ slice }) => slice),
  );
}

/**
 * The slices of a window as they are now, of each the buckets that close no later than `closing`: which of them there
 * are makes the name under which a slice is remembered.
 */
function readSlices(
  { state, limit, cache }: Pick<FinalizerOptions, 'state' | 'limit' | 'cache'>,
  query: Query,
  window: EmittedWindow,
  closing: number,
  bucketsOf: ReadonlyMap<number, readonly RegisteredBucket[]>,
): Promise<readonly MergedSlice[]> {
  const held = window.slices.flatMap((slice) => {
    const buckets = (bucketsOf.get(slice) ?? []).filter(({ closesAt }) => closesAt <= closing);
    return buckets.length === 0 ? [] : [{ slice, buckets }];
  });
  return Promise.all(
    held.map(({ slice, buckets }) => {
      const last = Math.max(...buckets.map(({ closesAt }) => closesAt));
      return cache.get(`${query.name}#${slice}#${last}`, async () => {
        const shardIds = [...new Set(buckets.map(({ shardId }) => shardId))];
        const found = await Promise.all(
          shardIds.map((shardId) => limit(() => readSlicePages(state, shardId, query, slice))),
        );
        const pages = found.flat().filter(({ closesAt }) => closesAt <= last);
        return mergeSlice(query, pages);
      });
    }),
  );
}

/**
 * The end of step 3 e, when `finalizedThrough` has reached the closing: the pages of slices that have no closing left
 * may expire, and their buckets leave the registry. All that is done too for buckets that a crash or a late
 * registration left behind.
 */
async function forget(options: FinalizerOptions, closing: number, buckets: readonly RegisteredBucket[]): Promise<void> {
  const { pipeline, state, limit } = options;
  const expiresAt = expiryOf(options);
  for (const query of pipeline.queries) {
    const ofQuery = buckets.filter((bucket) => bucket.query === query.name);
    const ended = ofQuery.filter((bucket) => lastClosing(query.window, bucket.slice) <= closing);
    const names = ended.flatMap((bucket) => pageNames(query, bucket));
    await Promise.all(names.map((name) => limit(() => expirePage(state, name, expiresAt))));
    if (ended.length > 0) await removeBuckets(state, query, ended, limit);
  }
}

/** When what no run needs any more may be forgotten, epoch seconds: a zombie that still reads it has ended by then. */
function expiryOf({ now, retentionMs }: FinalizerOptions): number {
  return Math.floor((now() + retentionMs + pageGraceMs) / 1000);
}

/** Whether nothing that was put is uncommitted. */
async function everythingCommitted(
  { stream, limit }: FinalizerOptions,
  shards: readonly ShardReport[],
): Promise<boolean> {
  const tails = await Promise.all(
    shards.map((shard) =>
      shard.state === 'drained' ? 'end' : limit(() => stream.tail(shard.shardId, shard.sequenceNumber)),
    ),
  );
  return tails.every((tail) => tail !== 'more');
}

/** The later of two times, undefined being none. */
function latest(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right);
}

/**
 * The last closing of any registered bucket's slice: the end of a finite stream closes all windows; of a query with
 * empty windows those too that the stream has come to with the events of others.
 */
async function lastClosingOfAll(pipeline: Pipeline, state: Table, maxEventTime: number): Promise<number | undefined> {
  // An endless window is none to wait for: past its end there would be no time left for any event.
  const queries = new Map(
    pipeline.queries.filter((query) => !query.definedKind.isEndless).map((query) => [query.name, query]),
  );
  const ends = pipeline.queries
    .filter(({ mostEmpty }) => mostEmpty > 0)
    .map((query) => lastEndOf(query, maxEventTime) + query.latenessMs);
  let last = ends.length === 0 || !Number.isFinite(maxEventTime) ? undefined : Math.max(...ends);
  for (const bucket of await readRegistry(state)) {
    const query = queries.get(bucket.query);
    if (query !== undefined) last = latest(last, lastClosing(query.window, bucket.slice));
  }
  return last;
}
