/**
 * The invariants of docs/GUARANTEES.md. I1 to I14 are those of the whole system; I15 to I18 are those of the log and
 * its epochs.
 */
export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I13'
  | 'I14'
  | 'I15'
  | 'I16'
  | 'I17'
  | 'I18';

/** An invariant does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: Invariant;

  constructor(invariant: Invariant, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** A simulated failure of infrastructure. Any other error of the production code is a bug. */
export class SimulatedFault extends Error {
  override readonly name = 'SimulatedFault';
}
