import { createEnvironment, type Environment, type EnvironmentSpec, type InvocationResult } from './environment.ts';

/**
 * How a pool chooses among its idle environments: `spread` takes the one unused for longest, so that all come into use and state
 * kept in one of them is seen to be stale; `warm` takes the one used last, as Lambda mostly does.
 */
export type PoolPolicy = 'spread' | 'warm';

/** The environments of one function. */
export interface EnvironmentPool {
  /** Waits for an idle environment when all are busy. Never rejects. */
  invoke(event: Uint8Array<ArrayBuffer>, requestId: string, onLog: (text: string) => void): Promise<InvocationResult>;
  terminate(): Promise<void>;
}

interface Slot {
  environment: Environment | undefined;
  busy: boolean;
  lastUse: number;
}

/** At most `size` environments, each made when it is first needed and made anew after it was lost. */
export function createEnvironmentPool(spec: EnvironmentSpec, size: number, policy: PoolPolicy): EnvironmentPool {
  const slots: Slot[] = Array.from({ length: size }, () => ({ environment: undefined, busy: false, lastUse: 0 }));
  const waiting: ((slot: Slot) => void)[] = [];
  let uses = 0;

  function idleSlot(): Slot | undefined {
    const sign = policy === 'spread' ? 1 : -1;
    return slots.filter((slot) => !slot.busy).sort((left, right) => sign * (left.lastUse - right.lastUse))[0];
  }

  function acquire(): Promise<Slot> {
    const slot = idleSlot();
    if (slot === undefined) return new Promise((resolve) => waiting.push(resolve));
    slot.busy = true;
    return Promise.resolve(slot);
  }

  function release(slot: Slot): void {
    const next = waiting.shift();
    if (next === undefined) slot.busy = false;
    else next(slot);
  }

  return {
    async invoke(event, requestId, onLog) {
      const slot = await acquire();
      slot.lastUse = ++uses;
      if (slot.environment?.isAlive() !== true) slot.environment = createEnvironment(spec);
      try {
        return await slot.environment.invoke(event, requestId, onLog);
      } finally {
        release(slot);
      }
    },
    async terminate() {
      await Promise.all(slots.map((slot) => slot.environment?.terminate()));
    },
  };
}
