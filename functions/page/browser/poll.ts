import { pauseMs } from './pause.ts';

/** The state between polls, as far as it can be seen. */
export interface PollState {
  /** Polls in a row that failed. */
  readonly failures: number;
  /** When the next poll is due, by this machine's clock, epoch ms. */
  readonly nextAt: number;
}

/** Polls that follow one another, never two at a time. */
export interface Poll {
  /** Polls now. It gives up a poll under way, whose answers are no longer wanted. */
  again(): void;
}

/**
 * Polls while the page can be seen.
 * @param once makes one poll; resolves to whether it found anything new, and rejects when it failed
 */
export function startPolling(
  once: (signal: AbortSignal) => Promise<boolean>,
  onState: (state: PollState) => void,
): Poll {
  let failures = 0;
  let unchanged = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let current = new AbortController();

  async function run(): Promise<void> {
    clearTimeout(timer);
    current.abort();
    const own = new AbortController();
    current = own;
    let isNew = false;
    let failed = false;
    try {
      isNew = await once(own.signal);
    } catch {
      failed = true;
    }
    if (own.signal.aborted) return;
    failures = failed ? failures + 1 : 0;
    unchanged = isNew || failed ? 0 : unchanged + 1;
    const waitMs = pauseMs(failures, unchanged);
    onState({ failures, nextAt: Date.now() + waitMs });
    if (document.visibilityState === 'visible') timer = setTimeout(() => void run(), waitMs);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void run();
    else clearTimeout(timer);
  });
  // The browser knows before the next poll that there is a network again.
  addEventListener('online', () => void run());
  void run();
  return { again: () => void run() };
}
