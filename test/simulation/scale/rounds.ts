import { setImmediate as nextTurn } from 'node:timers/promises';

/** An actor that makes calls. */
export interface Caller {
  /** Whether it hears of its calls. A dead caller never does; the calls it made take effect all the same. */
  alive: boolean;
  /** The number of further calls after which it ends. */
  callsLeft: number;
  /** Calls it has made. */
  calls: number;
  /** Most calls it ever had under way. */
  mostAtOnce: number;
}

export function newCaller(callsLeft = Number.POSITIVE_INFINITY): Caller {
  return { alive: true, callsLeft, calls: 0, mostAtOnce: 0 };
}

/**
 * Virtual time that moves in rounds. All calls under way take effect at the end of a round, in the order in which they
 * were made, and are then answered. A call takes one round, regardless of other calls. A round costs one turn of the
 * event loop, so that millions of calls take seconds. The only faults here are deaths that a caller is told of; all
 * others belong to the simulator proper.
 */
export interface Rounds {
  /** Epoch ms. */
  now(): number;
  /** @param effect throws: everything ends with that */
  call<T>(caller: Caller, effect: () => T): Promise<T>;
  /** Lets a time pass in which nobody does anything. */
  pass(ms: number): void;
  /**
   * Runs something to its end, with all its calls. Returns undefined when nothing is under way any more and it has not
   * ended, because its caller died.
   */
  run<T>(work: () => Promise<T>): Promise<T | undefined>;
}

/** The time in which DynamoDB and Kinesis answer, ms. */
const roundMs = 5;

interface Pending {
  readonly caller: Caller;
  perform(): () => void;
}

export function createRounds(startMs: number): Rounds {
  let now = startMs;
  let pending: Pending[] = [];
  const underWay = new Map<Caller, number>();

  return {
    now: () => now,
    call: (caller, effect) =>
      new Promise((resolve) => {
        if (!caller.alive) return;
        if (caller.callsLeft-- <= 0) {
          caller.alive = false;
          return;
        }
        caller.calls++;
        const atOnce = (underWay.get(caller) ?? 0) + 1;
        underWay.set(caller, atOnce);
        caller.mostAtOnce = Math.max(caller.mostAtOnce, atOnce);
        pending.push({
          caller,
          perform: () => {
            const result = effect();
            return () => resolve(result as Awaited<typeof result>);
          },
        });
      }),
    pass(ms) {
      now += ms;
    },
    async run(work) {
      let ended = false;
      const ending = work().finally(() => {
        ended = true;
      });
      // The awaiting caller gets the failure; this only keeps Node from ending the process before that.
      ending.catch(() => {});
      for (;;) {
        await nextTurn();
        if (ended) return ending;
        if (pending.length === 0) return undefined;
        now += roundMs;
        const round = pending;
        pending = [];
        underWay.clear();
        for (const { caller, perform } of round) {
          const answer = perform();
          if (caller.alive) answer();
        }
      }
    },
  };
}
