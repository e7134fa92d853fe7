import type { AwsLimits } from '../aws/limits.ts';
import type { RowCosts } from '../aws/row-costs.ts';
import type { Extent } from '../extent.ts';

/** What a case of an aim runs with. */
export interface AimOptions {
  readonly extent: Extent;
  readonly limits: AwsLimits;
  readonly costs: RowCosts;
  /** Tells how far it is. */
  readonly progress: (line: string) => void;
}

/** What a case has found. */
export interface AimOutcome {
  /** What was run, and which figures are computed from it. */
  readonly instance: string;
  /** The figure that the aim is about, as text, and the aim. */
  readonly figure: string;
  readonly aim: string;
  readonly met: boolean;
  /** Write units, invocations and what they cost. */
  readonly cost: string;
  /** What holds it up. */
  readonly bottleneck: string;
  /** The same figures as numbers, for tests. Names give the units. */
  readonly values: Readonly<Record<string, number>>;
}

/** An aim of issue 19, section 1. */
export interface Aim {
  readonly letter: string;
  readonly title: string;
  readonly run: (options: AimOptions) => Promise<AimOutcome>;
}
