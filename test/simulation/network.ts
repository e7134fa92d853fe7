import type { FaultRates } from './options.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { SimulatedFault, Violation } from './violation.ts';

/** Something that makes calls: a container of the aggregate function, a finalize run, a reader. */
export interface Process {
  readonly name: string;
  /** Epoch ms of virtual time. */
  readonly startedAt: number;
  /** How far its clock is off, ms. */
  readonly skewMs: number;
  /** A dead process never hears of the calls it made; they happen all the same. */
  alive: boolean;
  /** Until then it hears of nothing, epoch ms. */
  pausedUntil: number;
  /** It ends at one of its next calls. */
  isDoomed: boolean;
}

/**
 * What lies between a process and everything else. Faults: a call may be overtaken by later ones, fail before it takes
 * effect, fail after it took effect, fail and take effect only later, or take effect twice (a client that retries) with
 * the second outcome as its answer; when an answer arrives, the process may have stopped for a long time, or for ever.
 * Assumed, as DynamoDB and Kinesis promise it: an effect is atomic and is seen by every later strong read, and nothing
 * is made up.
 */
export interface Network {
  /** @param describe what is called, for the trace */
  call<T>(process: Process, describe: () => string, effect: () => T): Promise<T>;
  /** A query may be answered in several pages, with time between them. */
  splitsQueries(): boolean;
  /** From now on nothing goes wrong any more. */
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

  /** An answer reaches a process, unless that is dead or asleep. */
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
      // What a table refuses as invalid is a bug as well: the store knows DynamoDB's limits.
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
