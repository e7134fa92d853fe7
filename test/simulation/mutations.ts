import type { SimulationOptions } from './options.ts';

/** A change to one place of a source file. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** The text to replace, which has to be in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** One rule of DESIGN section 4 turned off, which the simulator has to notice. */
export interface Mutation {
  /** Its letter in the list of issue 4. The letters after (u) are ours. */
  readonly id: string;
  readonly rule: string;
  readonly edits: readonly Edit[];
  /** A seed that finds it. */
  readonly seed: number;
  /**
   * Differences from the options that the seed draws, where the drawn options meet the rule too seldom.
   * @default nothing
   */
  readonly shape?: Partial<SimulationOptions>;
}

/** Patches of the production code, applied when the simulator is bundled. One that no longer applies fails. */
export const mutations: readonly Mutation[] = [];

/** Rules of the list that are not in the code yet. */
export const missing: readonly { readonly id: string; readonly reason: string }[] = [];
