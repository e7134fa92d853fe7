import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RateOptions, rateShapes, rateSource } from '../../cli/sample/rate.ts';

const plain: RateOptions = {
  seed: 7,
  eventsPerSecond: 100,
  shape: 'constant',
  periodMs: 10_000,
  disorderMs: 0,
  late: 0,
  lateByMs: 3_600_000,
  keys: 5,
  startMs: 1_000_000_000_000,
};

interface Made {
  readonly timestamp: number;
  readonly value: number;
  readonly key: string;
}

const all = (options: RateOptions, ms: number) => rateSource(options).until(ms, Number.POSITIVE_INFINITY);
const made = (options: RateOptions, ms: number) => all(options, ms).map((line) => JSON.parse(line) as Made);

describe('the rate source', () => {
  it.each(rateShapes)('makes the rate over a period, and counts its values from 0 (%s)', (shape) => {
    const events = made({ ...plain, shape }, 30_000);
    expect(events.length).toBeGreaterThanOrEqual(2999);
    expect(events.length).toBeLessThanOrEqual(3000);
    expect(events.map(({ value }) => value)).toEqual(events.map((_, i) => i));
    expect(new Set(events.map(({ key }) => key))).toEqual(new Set(['k0', 'k1', 'k2', 'k3', 'k4']));
  });

  it('goes up and down as its shape says', () => {
    const inSecond = (shape: RateOptions['shape'], second: number) =>
      made({ ...plain, shape }, 10_000).filter(
        ({ timestamp }) => Math.floor((timestamp - plain.startMs) / 1000) === second,
      ).length;
    expect([inSecond('burst', 0), inSecond('burst', 5)]).toEqual([500, expect.closeTo(56, -1)]);
    expect(inSecond('sine', 2)).toBeGreaterThan(170);
    expect(inSecond('sine', 7)).toBeLessThan(30);
    expect([inSecond('constant', 0), inSecond('constant', 9)]).toEqual([100, 100]);
  });

  it('has times no further behind their arrival than the disorder, but for the late share', () => {
    const options = { ...plain, disorderMs: 2000, late: 0.01 };
    const events = made(options, 100_000);
    const behind = events.map(({ timestamp, value }) => plain.startMs + value * 10 - timestamp);
    const late = behind.filter((ms) => ms > 2000);
    expect(late.length).toBeGreaterThan(50);
    expect(late.length).toBeLessThan(200);
    for (const ms of late) expect(ms).toBeGreaterThanOrEqual(3_600_000);
    for (const ms of behind) expect(ms).toBeGreaterThanOrEqual(0);
    expect(events.some(({ timestamp }, i) => timestamp < (events[i - 1]?.timestamp ?? 0))).toBe(true);
  });

  it('makes the same lines however often it is asked, and others for another seed', () => {
    const options: RateOptions = { ...plain, shape: 'sine', disorderMs: 500, late: 0.1 };
    const expected = all(options, 5000);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 })), fc.integer({ min: 1, max: 400 }), (moments, most) => {
        const source = rateSource(options);
        const lines = [...moments].sort((a, b) => a - b).flatMap((ms) => source.until(ms, most));
        for (let more = source.until(5000, most); more.length > 0; more = source.until(5000, most)) lines.push(...more);
        expect(lines).toEqual(expected);
      }),
    );
    expect(all({ ...options, seed: 8 }, 5000)).not.toEqual(expected);
  });
});
