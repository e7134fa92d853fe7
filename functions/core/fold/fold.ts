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

/**
 * Folds events into (query, slice) -> key -> partial aggregate. An event goes into exactly one slice of a query,
 * however many windows overlap there.
 */
export interface Fold {
  /** Adds an event to one query. */
  add(query: Query, key: KeyText, inputs: EventInputs, time: number): KeyFold;
  readonly slices: Iterable<SliceFold>;
}

export function createFold(): Fold {
  const queries: Map<number, SliceFold>[] = [];
  const slices: SliceFold[] = [];
  // Neighbouring events are mostly of one slice. Its fold is then found without a look-up.
  const last: (SliceFold | undefined)[] = [];
  return {
    slices,
    add(query, key, inputs, time) {
      const slice = query.window.sliceOf(time);
      let held = last[query.index];
      if (held === undefined || held.slice !== slice) {
        let ofQuery = queries[query.index];
        if (ofQuery === undefined) {
          ofQuery = new Map();
          queries[query.index] = ofQuery;
        }
        held = ofQuery.get(slice);
        if (held === undefined) {
          held = { query, slice, records: 0, keys: new Map() };
          ofQuery.set(slice, held);
          slices.push(held);
        }
        last[query.index] = held;
      }
      held.records++;
      let fold = held.keys.get(key);
      if (fold === undefined) {
        fold = { key, states: identityOf(query) };
        held.keys.set(key, fold);
      }
      addInputs(query, fold.states, inputs, time);
      return fold;
    },
  };
}
