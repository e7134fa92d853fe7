/** A signal that one caller waits for and others ring. A ring while nobody waits is kept for the next wait. */
export interface Signal {
  ring(): void;
  /** Resolves at the next ring, or after `mostMs`. */
  wait(mostMs: number): Promise<'rung' | 'timedOut'>;
}

/** A signal for one waiter. */
export function createSignal(): Signal {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    wait(mostMs) {
      if (rung) {
        rung = false;
        return Promise.resolve('rung');
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => finish('timedOut'), mostMs);
        const finish = (how: 'rung' | 'timedOut'): void => {
          clearTimeout(timer);
          wake = undefined;
          rung = false;
          resolve(how);
        };
        wake = () => finish('rung');
      });
    },
  };
}
