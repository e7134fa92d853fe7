import { createFeeder } from '../../functions/feeder/feeder.ts';
import { readLines } from '../../functions/feeder/lines.ts';
import { defineCommand, flag } from '../command.ts';
import { describeEnd, describeFeed, feedOptions, openFeed } from '../feed.ts';
import { createProgress } from '../progress.ts';

/** A line waits at most so long for others to share a record with. */
const flushEveryMs = 1000;

export default defineCommand({
  description: 'Puts the JSON lines of standard input into a Kinesis stream as they come, at least once a second, until the input ends.',
  options: { ...feedOptions, json: flag('print what was put as one JSON object on stdout') },
  examples: [
    ['tail -f app.log | tidemark put --port 4500', 'follow a log into the embedded AWS'],
    [`echo '{"time":1469501107,"action":"Open"}' | tidemark put --port 4500`, 'put one event'],
  ],
  async run({ options, process }) {
    const feed = await openFeed(options, process);
    const progress = await createProgress({ label: 'put', total: undefined }, process);
    const feeder = createFeeder({ ...feed, onProgress: (now) => progress.update(now.bytesRead, describeFeed(now)) });
    const input = process.stdin;
    const stop = () => void input.destroy();
    process.signal.addEventListener('abort', stop);
    // a failed flush breaks the feeder, and the loop below hears of it; an idle input must not hide it
    const timer = setInterval(() => void feeder.flush().catch((error: Error) => input.destroy(error)), flushEveryMs);
    let outcome: 'done' | 'failed' = 'failed';
    try {
      await feeder.putLines(readLines(input), 'stdin').catch((error: unknown) => {
        if (!process.signal.aborted) throw error;
      });
      await feeder.flush();
      outcome = 'done';
    } finally {
      clearInterval(timer);
      process.signal.removeEventListener('abort', stop);
      progress.stop(describeEnd(feeder.progress(), outcome));
      feed.kinesis.destroy();
    }
    if (options.json) process.stdout.write(`${JSON.stringify({ put: { stream: feed.streamName, ...feeder.progress() } })}\n`);
    return feeder.progress().notPut > 0 ? 1 : 0;
  },
});
