import { createRandom, pick } from './random.ts';

/**
 * How the number of events a second goes up and down; each shape has the rate that was asked for as its mean over a
 * period.
 */
export const rateShapes = ['constant', 'sine', 'burst'] as const;
export type RateShape = (typeof rateShapes)[number];

/** The options of a rate source. */
export interface RateOptions {
  /** An integer; equal options make equal lines. */
  readonly seed: number;
  readonly eventsPerSecond: number;
  readonly shape: RateShape;
  /** The length (ms) of a wave, or of the time from burst to burst. */
  readonly periodMs: number;
  /** The greatest disorder in ms: an event's time is up to this long before its arrival, evenly drawn. */
  readonly disorderMs: number;
  /** This share of the events, 0 to 1, comes later still, by `lateByMs`. */
  readonly late: number;
  readonly lateByMs: number;
  /** The number of keys, `k0` and so on. They are drawn evenly. */
  readonly keys: number;
  /** The first arrival, epoch ms. */
  readonly startMs: number;
}

/** Made-up events without end, as Spark's rate source: a time, a value that counts from 0, and a key. */
export interface RateSource {
  /**
   * The lines of the events that arrive before a moment (ms from the start) and were not given yet, in order of
   * arrival.
   * @param most the greatest number of lines, approximately
   */
  until(elapsedMs: number, most: number): readonly string[];
}

/** The length of a tick, in ms: its events are spread evenly over it. */
const tickMs = 10;
/** The height of a wave, up and down, as a share of the rate. */
const swing = 0.8;
/** A burst takes a tenth of the period and half of its events. */
const burst = { share: 0.1, factor: 5 };

/** The time (ms), by shape, that a constant rate would have taken for the events of the first `t` ms. */
const integrals: Readonly<Record<RateShape, (t: number, periodMs: number) => number>> = {
  constant: (t) => t,
  sine: (t, periodMs) => t + ((swing * periodMs) / (2 * Math.PI)) * (1 - Math.cos((2 * Math.PI * t) / periodMs)),
  burst(t, periodMs) {
    const within = t % periodMs;
    const loud = periodMs * burst.share;
    const quietFactor = (1 - burst.share * burst.factor) / (1 - burst.share);
    return t - within + (within < loud ? within * burst.factor : loud * burst.factor + (within - loud) * quietFactor);
  },
};

/** Pure: no clock, and the same lines however `until` is called. */
export function rateSource({
  seed,
  eventsPerSecond,
  shape,
  periodMs,
  disorderMs,
  late,
  lateByMs,
  keys,
  startMs,
}: RateOptions): RateSource {
  const random = createRandom(seed);
  const countBefore = (ms: number) => Math.floor((integrals[shape](ms, periodMs) * eventsPerSecond) / 1000);
  let reachedMs = 0;
  let value = 0;

  function line(arrivalMs: number): string {
    const behindMs = pick(random, 0, disorderMs) + (random() < late ? lateByMs : 0);
    const key = `k${pick(random, 0, keys - 1)}`;
    return JSON.stringify({ timestamp: startMs + Math.floor(arrivalMs) - behindMs, value: value++, key });
  }

  return {
    until(elapsedMs, most) {
      const lines: string[] = [];
      while (reachedMs + tickMs <= elapsedMs && lines.length < most) {
        const count = countBefore(reachedMs + tickMs) - value;
        for (let i = 0; i < count; i += 1) lines.push(line(reachedMs + (i * tickMs) / count));
        reachedMs += tickMs;
      }
      return lines;
    },
  };
}
