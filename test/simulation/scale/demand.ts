import { type Invariant, Violation } from '../violation.ts';

/** Checks a bound of a case. @throws Violation when it does not hold */
export function demand(holds: boolean, invariant: Invariant, detail: () => string): asserts holds {
  if (!holds) throw new Violation(invariant, detail());
}
