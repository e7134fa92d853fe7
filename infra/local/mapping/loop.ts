import { createSignal } from './signal.ts';

/** The life of a loop that reads and delivers until it is stopped. A stop cuts every wait short. */
export interface Loop {
  isStopped(): boolean;
  stop(): void;
  /** Wakes the loop, because there may be something to read. */
  wake(): void;
  /** Resolves when the loop is woken or stopped, or after `mostMs`. */
  wait(mostMs: number): Promise<'rung' | 'timedOut'>;
  /** Waits, without being woken, until the loop is stopped or the time (ms) is over. */
  pause(ms: number): Promise<void>;
}

/** A loop that has not been stopped. */
export function createLoop(): Loop {
  const signal = createSignal();
  let stopped = false;
  return {
    isStopped: () => stopped,
    stop() {
      stopped = true;
      signal.ring();
    },
    wake: signal.ring,
    wait: signal.wait,
    async pause(ms) {
      const untilMs = performance.now() + ms;
      for (let leftMs = ms; leftMs > 0 && !stopped; leftMs = untilMs - performance.now())
        await signal.wait(Math.ceil(leftMs));
    },
  };
}
