import type { AwsLimits } from './limits.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What calls on tables have cost. */
export interface Spent {
  writeUnits: number;
  readUnits: number;
  /** Calls, with those that were made again. */
  calls: number;
  /** Writes and reads of items, and pages, that a partition or a table had no units for. */
  throttled: number;
}

export const nothingSpent = (): Spent => ({ writeUnits: 0, readUnits: 0, calls: 0, throttled: 0 });

/**
 * One invocation of a function: a single vCPU, whose work waits for its turn, and a time at which it is cut off.
 * Nothing that it would do after that happens; the calls it has made take effect all the same.
 */
export interface Invocation {
  readonly beganAt: number;
  /** CPU that it has used, in ms. */
  cpuMs: number;
  readonly spent: Spent;
  /** Whether it still runs. */
  readonly isAlive: boolean;
  /** Its own clock: of what it has computed so far. Epoch ms. */
  now(): number;
  remainingMs(): number;
  /** Computes something and resolves when that is done; never when it was cut off before. */
  compute(ms: number): Promise<void>;
  /** Waits, without computing; never resolves when it was cut off before. */
  wait(ms: number): Promise<void>;
  /** Cuts it off: now, unless it has ended. */
  end(): void;
}

/** @param endsAt when it is cut off, whatever its time-out says: undefined: at its time-out */
export function startInvocation(time: VirtualTime, limits: AwsLimits, endsAt?: number): Invocation {
  const beganAt = time.now();
  const deadline = beganAt + limits.timeoutMs;
  const cut = Math.min(deadline, endsAt ?? deadline);
  let freeAt = beganAt;
  let ended = false;
  const reach = (ms: number) =>
    new Promise<void>((resolve) => {
      if (ended || ms > cut) return;
      time.at(ms, () => {
        if (!ended) resolve();
      });
    });
  return {
    beganAt,
    cpuMs: 0,
    spent: nothingSpent(),
    get isAlive() {
      return !ended && time.now() <= cut;
    },
    now: () => Math.floor(Math.max(time.now(), Math.min(freeAt, cut))),
    remainingMs() {
      return deadline - this.now();
    },
    compute(ms) {
      const from = Math.max(freeAt, time.now());
      freeAt = from + ms;
      this.cpuMs += Math.max(0, Math.min(freeAt, cut) - Math.min(from, cut));
      return reach(freeAt);
    },
    wait: (ms) => reach(Math.max(freeAt, time.now()) + ms),
    end() {
      ended = true;
    },
  };
}
