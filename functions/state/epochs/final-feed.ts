import type { Query } from '../../core/definition/pipeline.ts';
import type { Window } from '../../core/windows/window.ts';
import { type EmittedPlace, readEmittedOf } from '../log/epoch.ts';
import type { Pane, PaneHead } from '../windows/pane.ts';
import { readPanes, readPanesOf } from '../windows/pane-reader.ts';
import { type FeedRange, paneView, type ReaderTables, type WindowView, windowName } from '../windows/window-view.ts';
import {
  type Emission,
  epochOfPlace,
  feedLifeMs,
  inClosingOrder,
  isClosedPiece,
  placeOfEpoch,
  readPieces,
  seekStart,
} from './emissions.ts';
import type { FeedPlace, FeedScan } from './feed-place.ts';

/** Final windows that a feed gives, and how to go on behind them. */
export interface FinalPage {
  readonly views: readonly WindowView[];
  /** Whether there is nothing more for now. */
  readonly isLast: boolean;
  /** The place to go on from when only the first `taken` windows were given. */
  placeAfter(taken: number): FeedPlace;
}

/** Which emissions a feed gives: the first final pane of each window, or corrections too. */
export type FeedContent = 'finals' | 'finals and corrections';

/**
 * How long before the index expires a reader takes its beginning for gone: clocks differ, and a scan takes its time.
 */
const marginMs = 86_400_000;

/** Emissions outside the range that one request passes by before it answers with what it has. */
const mostPassed = 50_000;

/** A window to give, and the place behind it. */
interface Given {
  readonly window: Window;
  readonly place: FeedPlace;
  /** Undefined: not read yet. */
  readonly pane?: Pane;
}

/** A part of a page. */
interface Stretch {
  readonly given: readonly Given[];
  /** The place behind all of it. */
  readonly end: FeedPlace;
  /** Whether there is nothing more for now. */
  readonly isLast: boolean;
}

/**
 * Final windows behind a place, epoch by epoch, and within an epoch by their ends; what commands of the operator have
 * brought comes last (DESIGN 4.4). Only epochs that the query has emitted: each is whole. A reader gets each window
 * once, and each correction once. Of what became final so long ago that the index does not tell it any more, a first
 * page gives the windows by their starts, and so does a page for a reader who comes back after weeks.
 * @param nowMs epoch ms
 */
export async function readFinalPage(
  tables: ReaderTables,
  query: Query,
  range: FeedRange,
  content: FeedContent,
  place: FeedPlace | undefined,
  nowMs: number,
): Promise<FinalPage> {
  const emitted = await readEmittedOf(tables.state, query.name);
  const begin = await beginning(tables, query, range, place, emitted, nowMs);
  const { given, end, isLast } = await readStretch(tables, query, range, content, begin, emitted, nowMs);
  const unread = given.flatMap(({ window, pane }) => (pane === undefined ? [window] : []));
  const panes = await readPanesOf(tables.windows, query, unread);
  const shown = given.flatMap(({ window, place: behind, pane = panes.get(windowName(window)) }) =>
    pane === undefined ? [] : [{ view: paneView(query, pane), place: behind }],
  );
  return {
    views: shown.map(({ view }) => view),
    isLast,
    placeAfter: (taken) => (taken === shown.length ? end : (shown[taken - 1]?.place ?? begin)),
  };
}

/** A page: what a scan gives, and behind its end what the index gives. */
async function readStretch(
  tables: ReaderTables,
  query: Query,
  range: FeedRange,
  content: FeedContent,
  begin: FeedPlace,
  emitted: EmittedPlace,
  nowMs: number,
): Promise<Stretch> {
  const scanned = begin.scan && (await scan(tables, query, range, content, begin, begin.scan));
  if (scanned !== undefined && !scanned.isLast) return scanned;
  const limit = range.limit - (scanned?.given.length ?? 0);
  const indexed = await readIndex(tables, query, { ...range, limit }, content, scanned?.end ?? begin, emitted, nowMs);
  return { ...indexed, given: [...(scanned?.given ?? []), ...indexed.given] };
}

/** Whether something that was put into the index, or read from it, at a time is not about to expire. */
const isKept = (atMs: number, nowMs: number): boolean => nowMs - atMs < feedLifeMs - marginMs;

/** Where to begin: where the reader left off, if the index still tells what came then. */
async function beginning(
  { state }: ReaderTables,
  query: Query,
  range: FeedRange,
  place: FeedPlace | undefined,
  emitted: EmittedPlace,
  nowMs: number,
): Promise<FeedPlace> {
  const behind = placeBehind(emitted, nowMs);
  if (place !== undefined) {
    if (isKept(place.readAt, nowMs)) return place;
    const { epoch: after, at: afterAt, last: upTo } = place;
    return { ...behind, scan: place.scan ?? { after, afterAt, ...(upTo === undefined ? {} : { upTo }) } };
  }
  if (emitted.epoch === 0) return behind;
  const { epoch, expiryBefore } = await seekStart(state, query.name, range.from, emitted.epoch);
  // What lies in the index from there on was put after this.
  const putAfter = Math.max(
    emitted.indexedSince ?? Number.NEGATIVE_INFINITY,
    expiryBefore === undefined ? Number.NEGATIVE_INFINITY : expiryBefore * 1000 - feedLifeMs,
  );
  if (!isKept(putAfter, nowMs)) return { ...behind, scan: { after: 0, afterAt: null } };
  return { from: placeOfEpoch(epoch), skip: 0, epoch: 0, at: null, readAt: putAfter };
}

/** The place behind everything that is emitted. */
function placeBehind({ epoch, at }: EmittedPlace, nowMs: number): FeedPlace {
  return { from: placeOfEpoch(epoch + 1), skip: 0, epoch, at: finite(at), readAt: nowMs };
}

const finite = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);

/** Final windows by start, of those that became final before the index goes on. */
async function scan(
  { windows }: ReaderTables,
  query: Query,
  { from, to, limit }: FeedRange,
  content: FeedContent,
  begin: FeedPlace,
  scanned: FeedScan,
): Promise<Stretch> {
  const { after, afterAt, upTo, last } = scanned;
  const isNew = (head: PaneHead, window: Window) => {
    if (upTo !== undefined && head.epoch === after + 1 && inClosingOrder(window, { start: upTo[0], end: upTo[1] }) <= 0)
      return false;
    return after === 0 || (content === 'finals' ? !isFinalBy(head, after, afterAt) : head.epoch > after);
  };
  const panes = await readPanes(windows, query, {
    from,
    to,
    limit,
    order: 'ascending',
    finalOnly: true,
    isWanted: (head, window) => isNew(head, window) && isFinalBy(head, begin.epoch, begin.at),
    ...(last === undefined ? {} : { after: { start: last[0], end: last[1] } }),
  });
  const given = panes.map((pane) => ({
    window: pane,
    pane,
    place: { ...begin, scan: { ...scanned, last: [pane.start, pane.end] as const } },
  }));
  const { scan: _done, last: _last, ...behind } = begin;
  const isLast = panes.length < limit;
  return { given, end: isLast ? behind : (given.at(-1)?.place ?? begin), isLast };
}

/**
 * Whether a window was final when an epoch was emitted. A correction is of a later epoch, and keeps the time of the
 * first final pane, which is the clock of that pane's epoch.
 */
function isFinalBy({ epoch, emittedAt, isCorrected }: PaneHead, by: number, at: number | null): boolean {
  return epoch <= by || (isCorrected && emittedAt <= (at ?? Number.NEGATIVE_INFINITY));
}

/** Emissions from a place in the index on. */
async function readIndex(
  { state }: ReaderTables,
  query: Query,
  { from, to, limit }: FeedRange,
  content: FeedContent,
  begin: FeedPlace,
  emitted: EmittedPlace,
  nowMs: number,
): Promise<Stretch> {
  const given: Given[] = [];
  const isWanted = ({ start, status }: Emission) =>
    start >= from && start < to && (status === 'final' || content === 'finals and corrections');
  let passed = 0;
  for await (const { place, emissions } of readPieces(state, query.name, begin.from, emitted.epoch)) {
    // The reader has all of the epochs before this one. What is left of them was put after what it has read.
    const at = { epoch: epochOfPlace(place) - 1, at: null, readAt: begin.readAt };
    for (let i = place === begin.from ? begin.skip : 0; i < emissions.length; i++) {
      const emission = emissions[i];
      const last =
        emission === undefined || !isClosedPiece(place) ? {} : { last: [emission.start, emission.end] as const };
      const behind = { from: place, skip: i + 1, ...at, ...last };
      if (emission !== undefined && isWanted(emission)) given.push({ window: emission, place: behind });
      else passed++;
      if (given.length === limit || passed === mostPassed) return { given, end: behind, isLast: false };
    }
  }
  return { given, end: placeBehind(emitted, nowMs), isLast: true };
}
