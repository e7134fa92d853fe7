import type { Random } from '../../functions/testing/random.ts';
import type { Process } from './network.ts';
import { SimulatedFault, Violation } from './violation.ts';
import type { World } from './world.ts';

/** Lambda's time-out, ms. */
export const timeoutMs = 60_000;

/**
 * Performs one run of a function by the production code. When its time is over, its caller goes on without it. The run
 * is stopped at that moment or a little later. Its calls under way take effect all the same.
 * @param work begins the run; `remainingMs` is the remaining time as Lambda tells it
 * @param ended called with the report, also when nobody waits for it any more
 * @param done called once, with the report; undefined when it failed, or was not back in time
 */
export function lambdaRun<R>(
  { scheduler, trace, fail }: World,
  process: Process,
  random: Random,
  run: {
    readonly work: (remainingMs: () => number) => Promise<R>;
    readonly ended: (report: R) => void;
    readonly done: (report: R | undefined) => void;
  },
): void {
  const deadline = scheduler.now() + timeoutMs;
  let settled = false;
  const settle = (report: R | undefined) => {
    if (settled) return;
    settled = true;
    run.done(report);
  };
  scheduler.after(timeoutMs, () => {
    if (!settled && random.chance(0.5)) process.alive = false;
    settle(undefined);
  });
  trace?.(() => `${process.name} begins`);
  run
    .work(() => deadline - scheduler.now())
    .then(
      (report) => {
        run.ended(report);
        settle(report);
      },
      (error) => {
        if (!(error instanceof SimulatedFault))
          fail(new Violation('I8', `${process.name} throws ${error instanceof Error ? error.stack : String(error)}`));
        trace?.(() => `${process.name} fails: ${String(error)}`);
        settle(undefined);
      },
    );
}
