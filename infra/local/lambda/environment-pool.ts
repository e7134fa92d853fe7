import { createEnvironment, type Environment, type EnvironmentSpec, type InvocationResult } from './environment.ts';

/**
 * The rule by which a pool chooses among its idle environments. `spread` takes the one unused for longest, so that all
 * are used and stale state in one of them shows. `warm` takes the one used last, as Lambda mostly does.
 */
export type PoolPolicy = 'spread' | 'warm';

/** The environments of one function. */
export interface EnvironmentPool {
  /**
   * Waits for an idle environment when all are busy. An invocation that is no longer wanted by then is dropped. Never
   * rejects.
   */
  invoke(invocation: PooledInvocation): Promise<InvocationResult>;
  terminate(): Promise<void>;
}

/** An invocation that may have to wait. */
export interface PooledInvocation {
  readonly event: Uint8Array<ArrayBuffer>;
  readonly requestId: string;
  readonly onLog: (text: string) => void;
  /** Called when the invocation is about to begin. */
  readonly isWanted: () => boolean;
}

const dropped: InvocationResult = {
  kind: 'error',
  error: { errorType: 'ClientGone', errorMessage: 'The client was gone before the invocation began' },
};

interface Slot {
  environment: Environment | undefined;
  busy: boolean;
  lastUse: number;
}

/** A pool of at most `size` environments. Each is made when it is first needed, and made anew after it was lost. */
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
    async invoke({ event, requestId, onLog, isWanted }) {
      const slot = await acquire();
      try {
        if (!isWanted()) return dropped;
        slot.lastUse = ++uses;
        if (slot.environment?.isAlive() !== true) slot.environment = createEnvironment(spec);
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
