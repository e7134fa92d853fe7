import { createFeeder, type FeederOptions, type FeederProgress } from '../../functions/feeder/feeder.ts';
import type { ReadLine } from '../../functions/formats/lines.ts';
import { describeEnd, describeFeed } from '../feeder/feed.ts';
import { createProgress } from '../print/progress.ts';
import type { CommandProcess } from '../program/command.ts';

/** The options of {@link putLive}. */
export interface PutLiveOptions {
  readonly label: string;
  readonly feed: Pick<FeederOptions, 'kinesis' | 'streamName' | 'packing' | 'partitionKey' | 'onNotPut' | 'signal'>;
  /**
   * The lines of the input until it ends; their numbers grow. Once `flush` is done, all lines that were given before
   * are stored.
   */
  readonly lines: (flush: () => Promise<unknown>) => AsyncIterable<readonly ReadLine[]>;
  /** Ends the input: nothing more can be put. The lines then throw the error, so that the command does. */
  readonly stop: (error: Error) => void;
  readonly process: CommandProcess;
}

/** The longest time that a line waits for others to share a record with, in ms. */
const flushEveryMs = 1000;

/**
 * Puts lines as they come, at least once a second, until they end or the command is interrupted. All lines that were
 * read by then are stored when it returns.
 */
export async function putLive({ label, feed, lines, stop, process }: PutLiveOptions): Promise<FeederProgress> {
  const progress = createProgress({ label, total: undefined }, process);
  const feeder = createFeeder({ ...feed, onProgress: (now) => progress.update(now.bytesRead, describeFeed(now)) });
  // A failed flush breaks the feeder, and the loop below hears of it. An idle input must not hide the failure.
  const timer = setInterval(() => void feeder.flush().catch(stop), flushEveryMs);
  let outcome: 'done' | 'failed' = 'failed';
  try {
    await feeder.putLines(lines(feeder.flush), label).catch((error: unknown) => {
      if (!process.signal.aborted) throw error;
    });
    await feeder.flush();
    outcome = 'done';
  } finally {
    clearInterval(timer);
    progress.stop(describeEnd(feeder.progress(), outcome));
    feed.kinesis.destroy();
  }
  return feeder.progress();
}

/**
 * Ends a command that puts: prints the counters with `--json`.
 * @returns the exit code
 */
export function concludePut(
  streamName: string,
  put: FeederProgress,
  form: 'json' | 'text',
  { stdout }: CommandProcess,
): number {
  if (form === 'json') stdout.write(`${JSON.stringify({ put: { stream: streamName, ...put } })}\n`);
  return put.notPut > 0 ? 1 : 0;
}
