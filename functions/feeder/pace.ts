import { setTimeout as sleep } from 'node:timers/promises';

/** Lets through a bounded number of events a second. */
export interface Pace {
  /** True while the current tick has room for another event; takes it. */
  take(): boolean;
  /** Waits for the next tick, or until the signal is aborted. */
  nextTick(signal: AbortSignal | undefined): Promise<void>;
}

const tickMs = 100;
/** The longest time, ms, that the feed may catch up on. */
const mostCreditMs = 1000;

/** @param eventsPerSecond at least 1; undefined: no bound. @param now monotonic milliseconds */
export function createPace(eventsPerSecond: number | undefined, now: () => number = () => performance.now()): Pace {
  if (eventsPerSecond === undefined) return { take: () => true, nextTick: async () => undefined };
  let startMs = now();
  let allowed = Math.max(1, Math.floor((eventsPerSecond * tickMs) / 1000));
  let taken = 0;
  return {
    take() {
      if (taken >= allowed) return false;
      taken += 1;
      return true;
    },
    async nextTick(signal) {
      // by the clock and not by ticks: a late timer does not slow the feed down
      const tick = sleep(Math.max(tickMs, 1000 / eventsPerSecond), undefined, signal === undefined ? {} : { signal });
      await tick.catch(() => undefined);
      // and not by the whole clock either: the part that was not used while there was nothing to put is gone after a
      // second
      startMs = Math.max(startMs, now() - (taken * 1000) / eventsPerSecond - mostCreditMs);
      allowed = Math.max(taken + 1, Math.floor(((now() - startMs) * eventsPerSecond) / 1000));
    },
  };
}
