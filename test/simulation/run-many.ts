import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SimulationOptions } from './options.ts';
import { type Outcome, type Simulation, simulate } from './simulation.ts';

/**
 * The number of simulations that take their steps side by side. They share each turn of the event loop, which settles
 * all promises.
 */
const sideBySide = 16;

/** Faults are thousands of errors whose stacks are never read. */
Error.stackTraceLimit = 0;

/**
 * Runs simulations and reports each as it ends. They share nothing, so each runs as it would alone.
 * @param stop asked after each
 */
export async function runMany(
  options: Iterable<SimulationOptions>,
  onOutcome: (outcome: Outcome) => 'go on' | 'stop',
): Promise<void> {
  const waiting = options[Symbol.iterator]();
  const running: Simulation[] = [];
  let stopped = false;
  const refill = () => {
    while (!stopped && running.length < sideBySide) {
      const next = waiting.next();
      if (next.done === true) return;
      running.push(simulate(next.value));
    }
  };
  refill();
  while (running.length > 0 && !stopped) {
    for (let i = running.length - 1; i >= 0; i--) {
      const simulation = running[i];
      if (simulation === undefined || simulation.step()) continue;
      running.splice(i, 1);
      if (onOutcome(simulation.outcome()) === 'stop') stopped = true;
    }
    refill();
    await nextTurn();
  }
}

/** Runs one simulation with its trace. */
export async function runTraced(
  options: SimulationOptions,
): Promise<{ readonly outcome: Outcome; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  Error.stackTraceLimit = 20;
  const simulation = simulate(options, lines);
  do await nextTurn();
  while (simulation.step());
  Error.stackTraceLimit = 0;
  return { outcome: simulation.outcome(), lines };
}
