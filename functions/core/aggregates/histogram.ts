import { argumentError } from '../arguments/error.ts';
import { type AggregateOf, type AnyAggregate, corrupt, countIn, listIn } from './aggregate.ts';
import { type Field, type NumberOf, ofNumbers } from './number-input.ts';

/** Most edges of a histogram. */
const mostEdges = 200;

/**
 * The result of a {@link histogram}: one count more than there are edges.
 */
export type HistogramResult = {
  /**
   * The first count is of the numbers below the first edge, each next one of those from an edge to below the next edge,
   * the last one of those from the last edge on.
   */
  readonly counts: readonly number[];
  /** The edges as they were given. */
  readonly edges: readonly number[];
};

/**
 * The number of values between edges, exact.
 * @example
 * // {"counts":[5,3,1],"edges":[10,100]}: 5 below 10, 3 from 10 to below 100, 1 of 100 or more
 * histogram('ms', [10, 100]);
 * @param edges 1 to 200 finite numbers, ascending
 */
export function histogram<const Name extends string>(
  field: Name,
  edges: readonly number[],
): AnyAggregate<Field<Name, number>, HistogramResult>;
export function histogram<Event>(
  select: NumberOf<Event>,
  edges: readonly number[],
): AggregateOf<Event, HistogramResult>;
export function histogram<Event>(
  of: string | NumberOf<Event>,
  edges: readonly number[],
): AggregateOf<Event, HistogramResult> {
  const kind = 'histogram';
  const isAscending = (list: readonly unknown[]) =>
    list.every(
      (edge, i) => typeof edge === 'number' && Number.isFinite(edge) && (i === 0 || edge > Number(list[i - 1])),
    );
  if (!Array.isArray(edges) || edges.length === 0 || edges.length > mostEdges || !isAscending(edges))
    throw argumentError(
      `${kind}.edges`,
      edges,
      `are not edges: give 1 to ${mostEdges} finite numbers, ascending, such as [10, 100, 1000]`,
    );
  const bounds: readonly number[] = edges.map((edge: number) => edge + 0);
  const identity: readonly number[] = new Array<number>(bounds.length + 1).fill(0);
  return ofNumbers<Event, readonly number[], HistogramResult>(of, {
    kind,
    parameters: `edges ${bounds.join(' ')}`,
    mostBytes: 17 * identity.length + 2,
    identity,
    add(state, value) {
      const own = state === identity ? identity.slice() : (state as number[]);
      const bin = binOf(bounds, value);
      own[bin] = (own[bin] ?? 0) + 1;
      return own;
    },
    merge: (left, right) => left.map((count, i) => count + (right[i] ?? 0)),
    encode: (state) => state,
    decode: (json) => {
      const counts = listIn(json).map(countIn);
      if (counts.length !== identity.length) throw corrupt(json);
      return counts;
    },
    result: (state) => ({ counts: [...state], edges: bounds }),
    stateOf: ({ counts }) => counts,
  });
}

/** The number of edges that a value has reached. */
function binOf(edges: readonly number[], value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((edges[middle] ?? Number.POSITIVE_INFINITY) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
