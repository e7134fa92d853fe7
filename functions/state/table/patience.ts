/**
 * How long, and in what steps, calls are tried again that DynamoDB had no capacity for. The time of the run is the
 * bound: whoever gives up sooner throws away what the run has done.
 */
export interface Patience {
  /** A number in [0, 1): the jitter. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Time that is left to the run, ms. */
  readonly remainingMs: () => number;
}

/**
 * Waits double, with full jitter, so that two runs that were refused together do not come back together
 * (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
 */
const backoff = { firstMs: 50, mostMs: 5_000 } as const;

/** Doublings up to {@link backoff}'s longest wait. */
const mostDoublings = Math.ceil(Math.log2(backoff.mostMs / backoff.firstMs));

/** What is left to a run after its last attempt, ms: it says then why it failed. */
const reserveMs = 1_000;

/**
 * The waits of one call, or of a row of calls. Each wait doubles unless something was done since the last one: a
 * partition that takes a part of what it is given is at its limit, and not beyond.
 */
export interface Waits {
  /**
   * Waits before the next attempt.
   * @param progress `some`: a part of the last call was done; `none`: nothing was
   * @throws Error when the run has no time for it
   */
  again(progress: 'some' | 'none'): Promise<void>;
  /** A call was done as a whole: the next wait is shorter. */
  done(): void;
}

/** @param waitingFor names what was refused, for the error */
export function waits({ random, sleep, remainingMs }: Patience, waitingFor: () => string): Waits {
  let doublings = 0;
  return {
    async again(progress) {
      const waitMs = Math.min(backoff.mostMs, backoff.firstMs * 2 ** doublings) * random();
      if (remainingMs() - waitMs < reserveMs)
        throw new Error(`${waitingFor()}: throttled for as long as the run has time`);
      if (progress === 'none') doublings = Math.min(doublings + 1, mostDoublings);
      await sleep(waitMs);
    },
    done() {
      doublings = Math.max(0, doublings - 1);
    },
  };
}

/**
 * Errors by which DynamoDB says that it did nothing, for want of capacity: of a table or an index, of a partition, of
 * an account (DynamoDB developer guide, "error handling").
 */
const throttles = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'Throttling',
]);

/** Whether a call was refused as a whole for want of capacity. */
export function isThrottle(error: unknown): boolean {
  return error instanceof Error && throttles.has(error.name);
}

/** Runs a call again for as long as it is refused for want of capacity and the run has time. */
export async function patiently<T>(patience: Patience, name: () => string, call: () => Promise<T>): Promise<T> {
  const waiting = waits(patience, name);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isThrottle(error)) throw error;
      await waiting.again('none');
    }
  }
}

/** No more attempts than the SDK's own: for callers that come back by themselves. */
export const noPatience: Patience = { random: () => 0, sleep: async () => {}, remainingMs: () => 0 };
