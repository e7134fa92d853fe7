import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import { addInputs, type EventInputs, identityOf } from './partial.ts';

/** The content of a fold for one key of one slice. */
export interface KeyFold {
  readonly key: KeyText;
  /** The key's partial aggregate over the folded events. */
  readonly states: unknown[];
}

/** The content of a fold for one slice of one query. */
export interface SliceFold {
  readonly query: Query;
  readonly slice: number;
  /** The number of events that were folded into it. */
  records: number;
  readonly keys: Map<KeyText, KeyFold>;
}

/** A key, with where it was found last. */
export interface MetKey {
  readonly key: KeyText;
  slice: SliceFold | undefined;
  fold: KeyFold | undefined;
}

/** A key that was not looked up yet. */
export function newKey(key: KeyText): MetKey {
  return { key, slice: undefined, fold: undefined };
}

/**
 * Folds events into (query, slice) -> key -> partial aggregate. An event goes into exactly one slice of a query,
 * however many windows overlap there.
 */
export interface Fold {
  /** Adds an event to one query. */
  add(query: Query, key: KeyText, inputs: EventInputs, time: number): KeyFold;
  /** Adds an event whose key was met before: it is not looked up again as long as the slice is the same. */
  addMet(query: Query, met: MetKey, inputs: EventInputs, time: number): void;
  readonly slices: Iterable<SliceFold>;
}

export function createFold(): Fold {
  const queries: Map<number, SliceFold>[] = [];
  const slices: SliceFold[] = [];
  // Neighbouring events are mostly of one slice. Its fold is then found without a look-up.
  const last: (SliceFold | undefined)[] = [];

  function sliceAt(query: Query, time: number): SliceFold {
    const slice = query.window.sliceOf(time);
    const before = last[query.index];
    if (before !== undefined && before.slice === slice) return before;
    let ofQuery = queries[query.index];
    if (ofQuery === undefined) {
      ofQuery = new Map();
      queries[query.index] = ofQuery;
    }
    let held = ofQuery.get(slice);
    if (held === undefined) {
      held = { query, slice, records: 0, keys: new Map() };
      ofQuery.set(slice, held);
      slices.push(held);
    }
    last[query.index] = held;
    return held;
  }

  return {
    slices,
    add(query, key, inputs, time) {
      const held = sliceAt(query, time);
      held.records++;
      const fold = keyIn(held, key);
      addInputs(query, fold.states, inputs, time);
      return fold;
    },
    addMet(query, met, inputs, time) {
      const held = sliceAt(query, time);
      held.records++;
      let { fold } = met;
      if (fold === undefined || met.slice !== held) {
        fold = keyIn(held, met.key);
        met.fold = fold;
        met.slice = held;
      }
      addInputs(query, fold.states, inputs, time);
    },
  };
}

function keyIn({ query, keys }: SliceFold, key: KeyText): KeyFold {
  const known = keys.get(key);
  if (known !== undefined) return known;
  const fold = { key, states: identityOf(query) };
  keys.set(key, fold);
  return fold;
}
