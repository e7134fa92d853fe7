import type { Pipeline, Query } from '../definition/pipeline.ts';

/**
 * Whether an end or a closing (end + allowed lateness) of any query lies in (`closedThrough`, `watermark`]: an epoch
 * that closes through the watermark would change what is final or emitted (DESIGN 4.2, step 1).
 * @param closedThrough C of the newest epoch, epoch ms; minus infinity when nothing is closed yet
 * @param watermark W, epoch ms; minus infinity when it is held there
 */
export function edgesPassed(pipeline: Pick<Pipeline, 'queries'>, closedThrough: number, watermark: number): boolean {
  return leastEdgePassed(pipeline, closedThrough, watermark) !== undefined;
}

/**
 * The least of the moments that {@link edgesPassed} asks for, where of each query only its last end and its last
 * closing in (`closedThrough`, `watermark`] are looked at: what an epoch could make final or emit now.
 * @returns epoch ms; undefined when there is none
 */
export function leastEdgePassed(
  pipeline: Pick<Pipeline, 'queries'>,
  closedThrough: number,
  watermark: number,
): number | undefined {
  if (!(watermark > closedThrough)) return undefined;
  const edges = pipeline.queries.flatMap((query) =>
    latenesses(query).flatMap((latenessMs) => {
      const end = lastEnd(query, closedThrough - latenessMs, watermark - latenessMs);
      return end === undefined ? [] : [end + latenessMs];
    }),
  );
  return edges.length === 0 ? undefined : Math.min(...edges);
}

/** The distances from an end at which something happens to a window: a session has only its final pane. */
function latenesses({ definedKind, latenessMs }: Query): readonly number[] {
  if (latenessMs === 0 || definedKind.sessions !== undefined) return [latenessMs];
  return [0, latenessMs];
}

/** The last end of a window in (`after`, `through`]; undefined when there is none. */
function lastEnd({ definedKind: kind, from }: Query, after: number, through: number): number | undefined {
  if (kind.isEndless) return undefined;
  // Slices of sessions are open on the left: they begin a millisecond after a moment at which sessions close.
  if (kind.sessions !== undefined) {
    const edge = kind.sliceOf(through + 1) - 1;
    return edge > after ? edge : undefined;
  }
  // No window of the query begins before `from`, and so none ends there or before.
  const least = Math.max(after, from);
  for (let edge = kind.sliceOf(through); edge > least; edge = kind.sliceOf(edge - 1)) {
    const ending = kind.emit(edge);
    // An edge may be a start only. Earlier ends are of windows that begin earlier.
    if (ending.length > 0) return ending.some(({ start }) => start >= from) ? edge : undefined;
  }
  return undefined;
}
