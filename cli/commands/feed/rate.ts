import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { feedOptions, openFeed } from '../../feeder/feed.ts';
import { type CommandProcess, defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { duration, integer, oneOf, share, time } from '../../program/option-value.ts';
import { concludePut, putLive } from '../../put/put-live.ts';
import { type RateSource, rateShapes, rateSource } from '../../sample/rate.ts';

/** The pipeline that counts what this command makes. */
const ratePipeline = 'rate';
/** The greatest number of lines that are made at a time: memory stays bounded whatever the rate. */
const mostLines = 10_000;
/** A pause between two looks at the clock, in ms. */
const lookEveryMs = 50;

export default defineCommand({
  description:
    'Makes up events {timestamp, value, key} at a rate, for load tests and demos, as the rate source of Spark: with a seed, a shape, disorder and late ones. ' +
    'Puts them into the stream that --port, --stack, --stream or --endpoint names, or prints them as JSON lines. pipelines/rate.ts counts them.',
  options: {
    eventsPerSecond: valueOr('number', 'the rate, its mean over a period', integer(1, 1_000_000), 1000),
    shape: valueOr(
      'name',
      'constant, sine (from a fifth of the rate to nearly twice of it) or burst (half of the events in a tenth of the time)',
      oneOf(rateShapes),
      'constant',
    ),
    period: value(
      'duration',
      'how long a wave of sine is, or the time from burst to burst (default: 1 minute)',
      duration(1000),
    ),
    disorder: value('duration', "an event's time is up to so much before it comes (default: 0)", duration(0)),
    late: valueOr('share', 'this share of the events comes --late-by later still: 0.1% or 0.001', share, 0),
    lateBy: value('duration', 'how much later (default: 1 hour)', duration(1)),
    keys: valueOr('number', 'keys are drawn evenly from so many', integer(1, 1_000_000), 10),
    seed: valueOr('number', 'another seed, other events', integer(0, 2 ** 32 - 1), 1),
    events: value('number', 'end after so many (default: at Ctrl-C)', integer(1, 1_000_000_000)),
    start: value('time', 'when the first event comes (default: now); with it, equal options make equal bytes', time),
    unpaced: flag('all at once, and not as time goes by; needs --events'),
    ...feedOptions,
    json: flag('print what was put as one JSON object on stdout'),
  },
  examples: [
    [
      'tidemark rate --events-per-second 1000 --disorder 10s --late 0.1% --seed 7 --port 4500',
      'into tidemark up --pipeline rate --port 4500, until Ctrl-C',
    ],
    [
      'tidemark rate --shape sine --period 10m --events 1000000 --unpaced --start 2026-01-01T00:00:00Z > rate.json',
      'a file, always the same',
    ],
  ],
  async run({ options, process }) {
    const {
      events = Number.POSITIVE_INFINITY,
      start,
      unpaced,
      json,
      disorder = 0,
      lateBy = 3_600_000,
      period = 60_000,
    } = options;
    if (unpaced && !Number.isFinite(events)) throw new UsageError('--unpaced has no end: say how many with --events');
    const startMs = start ?? process.now();
    const source = rateSource({ ...options, periodMs: period, disorderMs: disorder, lateByMs: lateBy, startMs });
    const ended = new AbortController();
    const signal = AbortSignal.any([process.signal, ended.signal]);
    const blocks = linesOf(source, { events, pace: unpaced ? 'unpaced' : 'clock', signal, now: process.now });
    const { port, endpoint, stack, stream } = options;
    if ([port, endpoint, stack, stream].every((target) => target === undefined)) {
      await print(blocks, process);
      return 0;
    }
    const feed = await openFeed(options, process, ratePipeline);
    const put = await putLive({
      label: 'rate',
      feed,
      lines: () => numbered(blocks),
      stop: (error) => ended.abort(error),
      process,
    });
    return concludePut(feed.streamName, put, json ? 'json' : 'text', process);
  },
});

interface Course {
  readonly events: number;
  readonly pace: 'clock' | 'unpaced';
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/**
 * The source's lines as they are due, a block at a time. Lines that cannot be taken in time come late, and then all at
 * once.
 */
async function* linesOf(source: RateSource, { events, pace, signal, now }: Course): AsyncGenerator<readonly string[]> {
  const beganMs = now();
  for (let made = 0; made < events && !signal.aborted; ) {
    const due = source.until(pace === 'clock' ? now() - beganMs : Number.POSITIVE_INFINITY, mostLines);
    const lines = made + due.length > events ? due.slice(0, events - made) : due;
    made += lines.length;
    if (lines.length > 0) yield lines;
    else await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
  if (signal.reason instanceof Error && signal.reason.name !== 'AbortError') throw signal.reason;
}

async function* numbered(blocks: AsyncIterable<readonly string[]>) {
  let number = 0;
  for await (const block of blocks) yield block.map((line) => ({ line: Buffer.from(line), number: ++number }));
}

async function print(blocks: AsyncIterable<readonly string[]>, { stdout, signal }: CommandProcess): Promise<void> {
  for await (const block of blocks) {
    if (!stdout.write(`${block.join('\n')}\n`)) await once(stdout, 'drain', { signal }).catch(() => undefined);
  }
}
