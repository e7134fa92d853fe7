/** The part of the simulator that is bundled with the production code, whole or with a rule turned off. */
export { drawOptions, noFaults, type SimulationOptions } from './options.ts';
export { runMany, runTraced } from './run-many.ts';
export type { Outcome } from './simulation.ts';
