import type { Random } from '../../functions/testing/random.ts';
import type { FaultRates } from './options.ts';
import type { Scheduler } from './scheduler.ts';
import { SimulatedFault, Violation } from './violation.ts';

/** Something that makes calls: a container of the aggregate function, a finalize run, a reader. */
export interface Process {
  readonly name: string;
  /** Epoch ms of virtual time. */
  readonly startedAt: number;
  /** The error of its clock, ms. */
  readonly skewMs: number;
  /** Whether it hears of its calls. A dead process never does; its calls happen all the same. */
  alive: boolean;
  /** The time until which it hears of nothing, epoch ms. */
  pausedUntil: number;
  /** Whether it ends at one of its next calls. */
  isDoomed: boolean;
}

/**
 * The network between a process and everything else. A call may be overtaken by later ones. It may fail before it takes
 * effect, fail after it took effect, or fail and take effect only later. It may take effect twice (a client that
 * retries), with the second outcome as its answer. When an answer arrives, the process may have stopped for a long
 * time, or for ever. Two things are assumed, as DynamoDB and Kinesis promise them: an effect is atomic and is seen by
 * every later strong read, and nothing is made up.
 */
export interface Network {
  /** @param describe the description of the call, for the trace */
  call<T>(process: Process, describe: () => string, effect: () => T): Promise<T>;
  /** Whether a query is answered in several pages, with time between them. */
  splitsQueries(): boolean;
  /** Whether a query that is answered so has an item as it is later. */
  seesNew(): boolean;
  /** Ends all faults. */
  heal(): void;
}

export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly faults: FaultRates;
  readonly trace: ((line: () => string) => void) | undefined;
  readonly fail: (violation: Violation) => void;
}

type Fault = 'none' | 'errorBefore' | 'errorAfter' | 'errorThenEffect' | 'repeated';

export function createNetwork({ scheduler, random, faults, trace, fail }: NetworkOptions): Network {
  let healed = false;
  const latency = () => (!healed && random.chance(faults.slow) ? random.int(500, 40_000) : random.int(2, 30));

  function drawFault(): Fault {
    if (healed) return 'none';
    let draw = random.unit();
    for (const fault of ['errorBefore', 'errorAfter', 'errorThenEffect', 'repeated'] as const) {
      if (draw < faults[fault]) return fault;
      draw -= faults[fault];
    }
    return 'none';
  }

  /** Lets an answer reach a process, unless the process is dead or asleep. */
  function arrive<T>(process: Process, settle: (answer: T) => void, answer: T): void {
    if (!process.alive) return;
    if (scheduler.now() < process.pausedUntil) {
      scheduler.after(process.pausedUntil - scheduler.now(), () => arrive(process, settle, answer));
      return;
    }
    if ((process.isDoomed && random.chance(0.05)) || (!healed && random.chance(faults.crash))) {
      trace?.(() => `${process.name} crashes`);
      process.alive = false;
    } else if (!healed && random.chance(faults.pause)) pause(process, random.int(1_000, 200_000));
    else {
      settle(answer);
      return;
    }
    arrive(process, settle, answer);
  }

  function pause(process: Process, lengthMs: number): void {
    trace?.(() => `${process.name} stops for ${lengthMs} ms`);
    process.pausedUntil = scheduler.now() + lengthMs;
  }

  function perform<T>(process: Process, describe: () => string, fault: Fault, effect: () => T): T | undefined {
    try {
      const result = effect();
      trace?.(() => `${process.name} ${describe()} -> ${shown(result)}${fault === 'none' ? '' : ` (${fault})`}`);
      return result;
    } catch (error) {
      trace?.(() => `${process.name} ${describe()} -> ${String(error)}`);
      // A call that a table refuses as invalid is a bug as well, because the store knows DynamoDB's limits.
      fail(
        error instanceof Violation ? error : new Violation('I11', `${process.name} ${describe()}: ${String(error)}`),
      );
      return undefined;
    }
  }

  return {
    call: (process, describe, effect) =>
      new Promise((resolve, reject) => {
        // A dead or frozen process sends nothing.
        if (!process.alive) return;
        const fault = drawFault();
        type Answer = Awaited<ReturnType<typeof effect>>;
        scheduler.after(latency(), () => {
          if (fault === 'none') {
            const result = perform(process, describe, fault, effect);
            scheduler.after(latency(), () => arrive(process, resolve, result as Answer));
            return;
          }
          if (fault === 'errorBefore') trace?.(() => `${process.name} ${describe()} fails`);
          if (fault === 'errorAfter' || fault === 'repeated') perform(process, describe, fault, effect);
          if (fault === 'repeated') {
            scheduler.after(latency(), () => {
              const second = perform(process, describe, fault, effect);
              scheduler.after(latency(), () => arrive(process, resolve, second as Answer));
            });
            return;
          }
          if (fault === 'errorThenEffect')
            scheduler.after(random.int(0, 60_000), () => perform(process, describe, fault, effect));
          scheduler.after(latency(), () => arrive(process, reject, new SimulatedFault(`${fault}: ${describe()}`)));
        });
      }),
    splitsQueries: () => !healed && random.chance(faults.slow),
    seesNew: () => random.chance(0.5),
    heal() {
      healed = true;
    },
  };
}

function shown(result: unknown): string {
  const text = JSON.stringify(result, (_key, value) =>
    value instanceof Set ? [...value] : value instanceof Uint8Array ? `${value.length} bytes` : value,
  );
  return text === undefined ? 'nothing' : text.length > 300 ? `${text.slice(0, 297)}...` : text;
}
