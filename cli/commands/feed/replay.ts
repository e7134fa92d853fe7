import path from 'node:path';
import { readCoverage } from '../../../functions/feeder/coverage.ts';
import { createFeeder } from '../../../functions/feeder/feeder.ts';
import { describeEnd, describeFeed, feedOptions, openFeed } from '../../feeder/feed.ts';
import { checkInputs, inputChunks } from '../../input/input-chunks.ts';
import { inputFiles, inputOptions } from '../../input/input-file.ts';
import { createProgress } from '../../print/progress.ts';
import { defineCommand, flag, value } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { integer } from '../../program/option-value.ts';

export default defineCommand({
  operands: [{ name: 'FILES...', description: 'files of JSON lines, CSV or Parquet, put in this order' }],
  description:
    'Puts the events of files into a Kinesis stream, on the embedded AWS or in an account, many to a record (KPL aggregation), again ' +
    'only those that failed. The lines are not looked into: the pipeline rejects lines that are not events.',
  options: {
    ...feedOptions,
    rate: value('events', 'at most so many events a second', integer(1, 10_000_000)),
    resume: flag(
      'first read the records of the stream, and put only the lines that are not there (files are known by their base names)',
    ),
    ...inputOptions,
    json: flag('print what was put as one JSON object on stdout'),
  },
  examples: [
    ['tidemark replay events/*.json --port 4500', 'into the embedded AWS that tidemark up --port 4500 started'],
    [
      'tidemark replay events/*.json --stream my-stream --rate 1000',
      'into a stream of the account that AWS_PROFILE names',
    ],
    ['tidemark replay events/*.json --port 4500 --resume', 'go on after an interruption, without putting a line twice'],
  ],
  async run({ operands, options, process }) {
    const files = inputFiles(operands, options);
    const totalBytes = files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
    if (options.resume) refuseEqualNames(operands);
    const { signal } = process;
    await checkInputs(files, signal);
    const feed = await openFeed(options, process);
    const skip = options.resume
      ? await readCoverage({ kinesis: feed.kinesis, streamName: feed.streamName, signal })
      : undefined;
    const progress = createProgress({ label: 'replay', total: totalBytes }, process);
    const feeder = createFeeder({
      ...feed,
      eventsPerSecond: options.rate,
      onProgress: (now) => progress.update(now.bytesRead, describeFeed(now)),
    });
    let outcome: 'done' | 'failed' = 'failed';
    try {
      for (const file of files) {
        if (!signal.aborted) await feeder.putFile(file.path, { skip, chunks: (onBytes) => inputChunks(file, onBytes) });
      }
      await feeder.flush();
      outcome = 'done';
    } finally {
      progress.stop(describeEnd(feeder.progress(), outcome));
      feed.kinesis.destroy();
    }
    if (options.json)
      process.stdout.write(`${JSON.stringify({ put: { stream: feed.streamName, ...feeder.progress() } })}\n`);
    return feeder.progress().notPut > 0 ? 1 : 0;
  },
});

function refuseEqualNames(files: readonly string[]): void {
  const names = files.map((file) => path.basename(file));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new UsageError(
      `two files are named ${twice}: --resume knows files by their base names, so give them different ones`,
    );
}
