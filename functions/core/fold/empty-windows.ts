import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import type { EmittedWindow } from '../windows/window.ts';
import { identityOf, type PartialAggregate } from './partial.ts';

/**
 * The content of a window without records: the identity of each aggregate. Only queries with one group have it: which
 * groups another one could have is not known.
 */
export function emptyPartials(query: Query): ReadonlyMap<KeyText, PartialAggregate> {
  return new Map([['[]', identityOf(query)]]);
}

/**
 * The windows of a query that end after a moment and at or before another, in the order of their ends. That is the
 * order of their starts too. Lazy: a gap may hold millions of them.
 */
export function* windowsEndingIn(
  { definedKind, from }: Query,
  after: number,
  through: number,
): Generator<EmittedWindow> {
  for (let end = nextEnd({ definedKind }, after); end <= through; end = nextEnd({ definedKind }, end))
    for (const window of definedKind.emit(end)) if (window.start >= from) yield window;
}

/** The first end of a window after a moment. It is one of the windows that hold the slice there. */
function nextEnd({ definedKind }: Pick<Query, 'definedKind'>, after: number): number {
  return definedKind.closings(definedKind.sliceOf(after)).find((end) => end > after) ?? Number.POSITIVE_INFINITY;
}

/**
 * The last end of a window that begins at or before the greatest event time of a stream: the stream has been up to
 * there. Minus infinity before the first event.
 */
export function lastEndOf({ definedKind }: Pick<Query, 'definedKind'>, maxEventTime: number): number {
  if (!Number.isFinite(maxEventTime)) return Number.NEGATIVE_INFINITY;
  return Math.max(...definedKind.closings(definedKind.sliceOf(maxEventTime)));
}

/**
 * The empty windows of a query among those that hold something. Of each gap there are as many as the query says, its
 * first ones.
 * @param held ascending
 * @param through the last end that is looked at, for the gap behind the last one
 */
export function* emptyAmong(
  query: Query,
  held: readonly { readonly end: number }[],
  through: number,
): Generator<EmittedWindow> {
  let after = Number.isFinite(query.from) ? query.from : held[0]?.end;
  if (after === undefined) return;
  for (const { end } of [...held, { end: Number.POSITIVE_INFINITY }]) {
    let given = 0;
    for (const window of windowsEndingIn(query, after, through)) {
      if (window.end >= end || given++ === query.mostEmpty) break;
      yield window;
    }
    after = end;
  }
}
