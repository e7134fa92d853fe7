import { dirty } from './dirt.ts';
import type { Arrival, SampleLine } from './line.ts';
import { createRandom, pick, type Random } from './random.ts';

/** The options of the generator. Equal options give equal bytes, always and everywhere. */
export interface OpenCloseOptions {
  readonly seed: number;
  /** Number of files, at least 1. */
  readonly files: number;
  /** Number of events, even (each Open has a Close), at least two a file. */
  readonly events: number;
  /**
   * `clean`: exactly the events, mildly out of order. `real`: the same events with the dirt of a real stream (see
   * `dirt.ts`).
   */
  readonly quality: 'clean' | 'real';
}

/** The dataset that the demo, the documentation and the tests mean by "the sample". */
export const openCloseDefaults = {
  seed: 20160726,
  files: 50,
  events: 100_000,
  quality: 'real',
} as const satisfies OpenCloseOptions;

/** The counts of a sample: a caller knows the result that an exact count must find. */
export interface Manifest {
  readonly files: number;
  /** Valid events of the sample's own two days: `open + close`, moved ones included. */
  readonly events: number;
  readonly open: number;
  readonly close: number;
  /** Events moved to a later file: up to 30 minutes behind the latest event time before them. */
  readonly movedLate: number;
  /** Events moved at least eight hours on: late under any watermark delay up to four hours. */
  readonly farTooLate: number;
  /** Lines added that no schema accepts. */
  readonly malformed: number;
  /** Well-formed events added with times in the year 2100. */
  readonly future: number;
}

/** A file of the sample, made as it is asked for. */
export interface SampleFile {
  /** `events-00.json`: zero padded, so that the shell's order is the feeding order. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** 2016-07-26T02:45:07Z, the first event. Epoch seconds. */
const firstSecond = 1_469_501_107;
/** 2016-07-28T06:46:04Z, the last event. Epoch seconds. */
export const lastSecond = 1_469_688_364;
/** A device is closed one minute to half an hour after it was opened. */
export const openSeconds = { least: 60, most: 1800 };
/**
 * Most events show up within seconds of their time, one in ten within five minutes: nothing is late under a delay of
 * one hour.
 */
const delaySeconds = { usual: 20, slow: 300, slowShare: 0.1 };
/** The events in each hour of the day (UTC), in relative integers: people sleep. */
export const busyness = [5, 4, 4, 4, 5, 6, 8, 10, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 10, 9, 8, 7, 6];

/**
 * Makes up the log of devices being opened and closed over two days of July 2016, in the shape of the dataset that many
 * tutorials of Spark's streaming count by action and hour. Pure: no clock, no files.
 */
export function generateOpenClose(options: OpenCloseOptions): {
  readonly manifest: Manifest;
  readonly files: readonly SampleFile[];
} {
  const clean = cut(inOrder(makeEvents(options)), options.files);
  const dirt = options.quality === 'clean' ? undefined : dirty(clean, createRandom(options.seed ^ 0x5eed));
  const digits = Math.max(2, String(options.files - 1).length);
  const files = (dirt?.files ?? clean).map((lines, index) => ({
    name: `events-${String(index).padStart(digits, '0')}.json`,
    bytes: encode(lines),
  }));
  const manifest: Manifest = {
    files: files.length,
    events: options.events,
    open: options.events / 2,
    close: options.events / 2,
    movedLate: dirt?.movedLate ?? 0,
    farTooLate: dirt?.farTooLate ?? 0,
    malformed: dirt?.malformed ?? 0,
    future: dirt?.future ?? 0,
  };
  return { manifest, files };
}

function makeEvents({ seed, events }: OpenCloseOptions): Arrival[] {
  const random = createRandom(seed);
  const hours = busyHours(firstSecond, lastSecond - openSeconds.most);
  const made: Arrival[] = [];
  for (let pair = 0; pair < events / 2; pair += 1) {
    const length = pick(
      random,
      openSeconds.least,
      Math.max(openSeconds.least, pick(random, openSeconds.least, openSeconds.most)),
    );
    const opened = pair === 0 ? firstSecond : pair === 1 ? lastSecond - length : somewhere(random, hours);
    const closed = opened + length;
    made.push({ time: opened, action: 'Open', arrival: pair === 0 ? firstSecond - 1 : opened + delay(random) });
    made.push({ time: closed, action: 'Close', arrival: closed + delay(random) });
  }
  return made;
}

/** The stretch cut at the full hours, each with the running sum of its share of the events. */
function busyHours(from: number, to: number): readonly { from: number; to: number; upTo: number }[] {
  const hours: { from: number; to: number; upTo: number }[] = [];
  let upTo = 0;
  for (let at = from; at < to; ) {
    const next = Math.min(to, (Math.floor(at / 3600) + 1) * 3600);
    upTo += (next - at) * (busyness[Math.floor(at / 3600) % 24] ?? 1);
    hours.push({ from: at, to: next, upTo });
    at = next;
  }
  return hours;
}

function somewhere(random: Random, hours: ReturnType<typeof busyHours>): number {
  const place = random() * (hours.at(-1)?.upTo ?? 0);
  const hour = hours.find(({ upTo }) => place < upTo) ?? hours[0];
  return hour === undefined ? firstSecond : pick(random, hour.from, hour.to - 1);
}

/** The time from an event to its arrival, in seconds. */
export function delay(random: Random): number {
  return pick(random, 0, random() < delaySeconds.slowShare ? delaySeconds.slow : delaySeconds.usual);
}

/** In order of arrival; the sort is stable, so ties keep the order in which they were made. */
function inOrder(events: Arrival[]): Arrival[] {
  return events.sort((a, b) => a.arrival - b.arrival);
}

/** Cuts into files of equal size, give or take one. */
function cut(events: readonly Arrival[], files: number): Arrival[][] {
  const edge = (index: number) => Math.floor((index * events.length) / files);
  return Array.from({ length: files }, (_, index) => events.slice(edge(index), edge(index + 1)));
}

/** Lines as the bytes of a file. */
export function encode(lines: readonly SampleLine[]): Buffer {
  const newline = Buffer.from('\n');
  return Buffer.concat(
    lines.flatMap((line) => [
      'bytes' in line ? line.bytes : Buffer.from(JSON.stringify({ time: line.time, action: line.action })),
      newline,
    ]),
  );
}
