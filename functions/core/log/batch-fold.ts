import type { Query } from '../definition/pipeline.ts';
import { noPairs, type QueryCounters } from '../events/counters.ts';
import type { KeyText } from '../events/group-key.ts';
import { addInputs, type EventInputs, identityOf } from '../fold/partial.ts';
import { lastClosing } from '../windows/window.ts';
import type { SlicePart } from './block.ts';

/** The content of a batch for one query. */
export interface QueryFold {
  readonly query: Query;
  /** The slices that something was counted in, in the order in which they were met. */
  readonly slices: readonly SlicePart[];
  /** The late events by their position in the shard, ascending. */
  readonly late: readonly number[];
  readonly pairs: QueryCounters;
}

/**
 * Folds the events of a batch behind one entry of a log: each pair of an event and a query is counted, or late, or
 * filtered, and counted where that is decided (DESIGN 4.1, step 2).
 */
export interface BatchFold {
  /**
   * Adds an event to a query that wants it.
   * @param position of the event in the shard
   */
  add(query: Query, key: KeyText, inputs: EventInputs, time: number, position: number): 'counted' | 'late';
  /** Notes that a query does not want an event. */
  filter(query: Query): void;
  /** What was added, in the order of the queries; of each query that was asked at all. */
  readonly queries: readonly QueryFold[];
}

/** A slice while it is filled. */
interface Slice {
  readonly start: number;
  /** Whether its last closing was passed, so that nothing is counted in it any more. */
  readonly isClosed: boolean;
  records: number;
  readonly partials: Map<KeyText, unknown[]>;
}

/** What a query has so far. */
interface Filling {
  readonly query: Query;
  readonly slices: Map<number, Slice>;
  /** Neighbouring events are mostly of one slice, which is then found without a look-up. */
  latest: Slice | undefined;
  readonly late: number[];
  counted: number;
  filtered: number;
}

/**
 * Begins a fold.
 * @param closedThrough C of the entry before, epoch ms: what closes at or before it is late. Minus infinity: nothing is
 * closed.
 */
export function createBatchFold(closedThrough: number): BatchFold {
  const fillings: (Filling | undefined)[] = [];

  function fillingOf(query: Query): Filling {
    const known = fillings[query.index];
    if (known !== undefined) return known;
    const fresh: Filling = { query, slices: new Map(), latest: undefined, late: [], counted: 0, filtered: 0 };
    fillings[query.index] = fresh;
    return fresh;
  }

  function sliceIn(filling: Filling, start: number): Slice {
    if (filling.latest?.start === start) return filling.latest;
    let slice = filling.slices.get(start);
    if (slice === undefined) {
      const isClosed = lastClosing(filling.query.window, start) <= closedThrough;
      slice = { start, isClosed, records: 0, partials: new Map() };
      filling.slices.set(start, slice);
    }
    filling.latest = slice;
    return slice;
  }

  return {
    add(query, key, inputs, time, position) {
      const filling = fillingOf(query);
      const slice = sliceIn(filling, query.window.sliceOf(time));
      if (slice.isClosed) {
        filling.late.push(position);
        return 'late';
      }
      filling.counted++;
      slice.records++;
      let states = slice.partials.get(key);
      if (states === undefined) {
        states = identityOf(query);
        slice.partials.set(key, states);
      }
      addInputs(query, states, inputs, time);
      return 'counted';
    },
    filter(query) {
      fillingOf(query).filtered++;
    },
    get queries() {
      return fillings.flatMap((filling) => (filling === undefined ? [] : queryFold(filling)));
    },
  };
}

function queryFold({ query, slices, late, counted, filtered }: Filling): QueryFold {
  const open = [...slices.values()].filter(({ isClosed }) => !isClosed);
  return {
    query,
    slices: open.map(({ start, records, partials }) => ({ slice: start, records, partials: [...partials] })),
    late,
    pairs: { ...noPairs, counted, late: late.length, filtered },
  };
}
