import type { Random } from '../../functions/testing/random.ts';

/** A record as the suite puts it. */
export interface Sent {
  readonly data: string;
  /** The first or the last shard. */
  readonly shard: 0 | 1;
}

export const hourMs = 3_600_000;
/** The first event time. */
export const beginMs = Date.UTC(2026, 0, 1);

/** An event as a line. */
export function event(time: number, kind: string, amount = 1): string {
  return JSON.stringify({ time, kind, amount });
}

/** The greatest disorder of events, ms. It is a little less than the pipeline's delay, so that no event is late. */
const disorderMs = 9 * 60_000;

/**
 * Events of both shards over some hours of event time, in disorder. The query does not want some of them. Amounts are
 * not whole numbers.
 */
export function ordinary(random: Random, fromMs: number, hours: number, count: number): readonly Sent[] {
  return Array.from({ length: count }, (_, i) => {
    const time =
      fromMs + disorderMs + Math.floor((i / count) * (hours * hourMs - disorderMs)) - random.int(0, disorderMs);
    return {
      data: event(time, random.pick(['a', 'a', 'b', 'c', 'free']), random.int(-10_000, 10_000) / 100),
      shard: i % 2 === 0 ? 0 : 1,
    };
  });
}

/** Records that are not events, with the reason for which each is set aside. */
export const poison: readonly (readonly [data: string, reason: string])[] = [
  ['{', 'unparsable'],
  ['[]', 'schema'],
  ['{"time":"noon","kind":"a","amount":1}', 'schema'],
  [event(Date.UTC(2100, 0, 1), 'a'), 'future'],
  ['\u0000'.repeat(3), 'unparsable'],
];
