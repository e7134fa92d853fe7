import { type Counters, eventClasses, unaccounted } from '../core/events/counters.ts';
import type { Mismatch } from '../state/epochs/finalizer.ts';

/** What the laws of conservation are checked by. */
export interface ConservationFacts {
  /** How many events the test has put. */
  readonly put: number;
  readonly counters: Counters;
  readonly mismatch: Mismatch;
  readonly seed: number;
}

/**
 * The laws of DESIGN section 2, and that nothing is lost before they begin.
 * @throws Error when one of them is broken: Tidemark has a bug, or a function of the pipeline is not pure
 */
export function checkConservation({ put, counters, mismatch, seed }: ConservationFacts): void {
  const pairs = Object.entries(mismatch.pairs);
  if (counters.received === put && unaccounted(counters) === 0 && mismatch.events === 0 && pairs.length === 0) return;
  const classes = eventClasses.map((name) => `${name} ${counters[name]}`).join(' + ');
  const amiss = pairs.map(([query, count]) => `; query ${query}: segments are wrong by ${count} pairs`).join('');
  throw new Error(
    `the law of conservation is broken: put ${put}, received ${counters.received} = ${classes}${amiss} (seed ${seed}): ` +
      'is a function of the pipeline not pure? If they all are, report it',
  );
}
