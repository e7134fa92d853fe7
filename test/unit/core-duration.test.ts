import { describe, expect, it } from 'vitest';
import { type Duration, duration, durationMs, longestDurationMs } from '../../functions/core/arguments/duration.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';

const anyLength = { leastMs: -longestDurationMs, mostMs: longestDurationMs };
const hour = 3_600_000;

function refusalOf(value: unknown, bounds = anyLength): string {
  try {
    durationMs('watermark.delay', value as string, bounds);
  } catch (error) {
    expect(error).toBeInstanceOf(TidemarkError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('a duration', () => {
  it.each([
    ['1 hour', hour],
    ['1 hour 30 minutes', 1.5 * hour],
    ['1h30m', 1.5 * hour],
    ['1 Hour 30 MINUTES', 1.5 * hour],
    ['  90 s  ', 90_000],
    ['90 sec', 90_000],
    ['2 secs', 2000],
    ['5 mins', 300_000],
    ['250 ms', 250],
    ['3 milliseconds', 3],
    ['1 day 12 hours', 36 * hour],
    ['1 week', 168 * hour],
    ['2 w', 336 * hour],
    ['0 s', 0],
    ['-1 h', -hour],
    ['+1 h', hour],
    ['1 hour -30 minutes', hour / 2],
    ['007 days', 168 * hour],
    [0, 0],
    [{ ms: 1500 }, 1500],
    [{ ms: -5 }, -5],
  ])('reads %j', (value, ms) => {
    expect(durationMs('watermark.delay', value as Duration, anyLength)).toBe(ms);
  });

  it.each([
    '',
    '   ',
    'hour',
    '5',
    '1 hour 5',
    '1 month',
    '2 years',
    '1.5 h',
    '1,5 h',
    '1e3 s',
    '1 hour garbage',
    'garbage 1 hour',
    '1 hour, 5 minutes',
    '1 -hour',
    '- 1 hour',
    '--1 hour',
    '0x10 s',
    'PT1H',
    '1 hourss',
    '5 ss',
    '5 mss',
    '5 hs',
    '1 constructor',
    '0 tostring',
    '١ hour',
    `${'9'.repeat(400)} ms`,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1.5,
    1e300,
    null,
    undefined,
    true,
    10n,
    ['1 hour'],
    { hours: 1 },
    new Date(0),
  ])('refuses %s and names the field', (value) => {
    expect(refusalOf(value)).toMatch(/^watermark\.delay: [^\n]+$/);
  });

  it.each([3600, 1, -5, 0.5, Number.NaN])('refuses the bare number %s, whose unit nobody knows', (value) => {
    expect(refusalOf(value)).toMatch(/^watermark\.delay: \S+ has no unit: write '\d+ s' or \{ ms: \d+ \}$/);
  });

  it.each([{ ms: 0.5 }, { ms: '5' }, { ms: 5, s: 1 }, {}])('refuses %j', (value) => {
    expect(refusalOf(value)).toMatch(/^watermark\.delay: .*\{ ms: 3600 \}$/);
  });

  it('of computed text has its milliseconds, or is refused', () => {
    expect(duration(`${1 + 1} hours`)).toEqual({ ms: 2 * hour });
    expect(() => duration('1 fortnight')).toThrow(/^duration: "1 fortnight" is not a duration/);
  });

  it('has bounds that are both inclusive', () => {
    const bounds = { leastMs: 1, mostMs: 1000 };
    expect(durationMs('size', '1 ms', bounds)).toBe(1);
    expect(durationMs('size', '1 s', bounds)).toBe(1000);
    for (const outside of ['0 ms', '1001 ms', '-1 s', '100 days']) {
      const refusal = refusalOf(outside, bounds);
      expect(refusal).toContain(outside);
      expect(refusal).toContain('1000');
    }
  });

  it('is never minus zero, which would print and compare as another value', () => {
    expect(durationMs('delay', '-0 h', anyLength)).toBe(0);
    expect(durationMs('delay', -0, anyLength)).toBe(0);
  });

  it('remembers nothing of the duration read before it', () => {
    refusalOf('1 hour 2 minutes 3');
    expect(durationMs('delay', '1 s', anyLength)).toBe(1000);
    refusalOf('1 day garbage');
    expect(durationMs('delay', '2 s', anyLength)).toBe(2000);
  });
});
