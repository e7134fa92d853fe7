import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import type { Patience } from '../state/table/patience.ts';

/** The patience of a container, whose tables outlive its runs: it is that of the run that began last. */
export interface RunPatience extends Patience {
  /** Begins a run. Before the first one there is no time for another attempt. */
  begin(context: Pick<Context, 'getRemainingTimeInMillis'>): void;
}

/** A container runs one invocation at a time. */
export function runPatience(): RunPatience {
  let remainingMs = () => 0;
  return {
    random: Math.random,
    sleep: (ms) => sleep(ms),
    remainingMs: () => remainingMs(),
    begin(context) {
      remainingMs = () => context.getRemainingTimeInMillis();
    },
  };
}
