import { describe, expect, it } from 'vitest';
import {
  type EventTimeUnit,
  type EventTimeValue,
  eventTimeBounds,
  eventTimeOf,
  isoTime,
  parseIsoTime,
} from '../../functions/core/events/event-time.ts';

const { earliest, latest } = eventTimeBounds;

/** The event time of any value that a user's function may return, whatever its type says. */
function timeOf(value: unknown, unit?: EventTimeUnit): unknown {
  return eventTimeOf(value as EventTimeValue, unit);
}

function expectRefused(value: unknown, unit?: EventTimeUnit): void {
  expect(timeOf(value, unit)).toStrictEqual({ refused: expect.stringMatching(/^[^\n]+$/) });
}

describe('a numeric event time', () => {
  it('is milliseconds when it has no unit', () => {
    expect(timeOf(1_469_501_107_000)).toBe(1_469_501_107_000);
    expect(timeOf(1_469_501_107_000, 'ms')).toBe(1_469_501_107_000);
    expect(timeOf(1_469_501_107, 's')).toBe(1_469_501_107_000);
  });

  it.each([1_469_501_107, -1_469_501_107, 0, 99_999_999_999, -99_999_999_999])(
    'is refused when it is %d without a unit, as it is probably of seconds',
    (value) => {
      expectRefused(value);
      expect(timeOf(value, 'ms')).toBe(value);
    },
  );

  it.each([1e11, -1e11])('is taken for milliseconds without a unit from %d on', (value) => {
    expect(timeOf(value)).toBe(value);
  });

  it('is cut towards the past when it has fractions of a millisecond, before 1970 too', () => {
    expect(timeOf(1_469_501_107_000.9)).toBe(1_469_501_107_000);
    expect(timeOf(-0.5, 'ms')).toBe(-1);
    expect(timeOf(-1_000_000_000_000.1)).toBe(-1_000_000_000_001);
    expect(timeOf(1_469_501_107.0009, 's')).toBe(1_469_501_107_000);
    expect(timeOf(-1.0001, 's')).toBe(-1001);
  });

  it('of seconds keeps the milliseconds that were written, where a product of doubles falls short of them', () => {
    expect(timeOf(1.001, 's')).toBe(1001);
    expect(timeOf(1_073_741_824.001, 's')).toBe(1_073_741_824_001);
    expect(timeOf(2_147_483_649.003, 's')).toBe(2_147_483_649_003);
    expect(timeOf(-1.001, 's')).toBe(-1001);
  });

  it('is never minus zero', () => {
    expect(timeOf(-0, 'ms')).toBe(0);
    expect(timeOf(-0, 's')).toBe(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300, Number.MAX_SAFE_INTEGER])(
    'is refused when it is %d, in any unit',
    (value) => {
      expectRefused(value);
      expectRefused(value, 'ms');
      expectRefused(value, 's');
    },
  );

  it('is accepted up to both bounds and not beyond', () => {
    expect(timeOf(earliest)).toBe(earliest);
    expect(timeOf(latest)).toBe(latest);
    expectRefused(earliest - 1);
    expectRefused(latest + 1);
    expect(timeOf(earliest / 1000, 's')).toBe(earliest);
    expectRefused(earliest / 1000 - 1, 's');
  });
});

describe('a Date as an event time', () => {
  it('needs no unit and obeys none', () => {
    expect(timeOf(new Date(1_469_501_107_123))).toBe(1_469_501_107_123);
    expect(timeOf(new Date(1_469_501_107_123), 's')).toBe(1_469_501_107_123);
    expect(timeOf(new Date(5))).toBe(5);
    expect(timeOf(new Date(-5))).toBe(-5);
  });

  it('is refused when it is invalid', () => {
    expectRefused(new Date(Number.NaN));
    expectRefused(new Date('no date'));
  });

  it("is cut to whole milliseconds when it is another library's object", () => {
    expect(timeOf({ getTime: () => 1_469_501_107_000.75 })).toBe(1_469_501_107_000);
  });

  it('is refused when its getTime gives no number', () => {
    expectRefused({ getTime: () => '1469501107000' });
    expectRefused({ getTime: () => undefined });
    expectRefused({ getTime: () => 5n });
  });
});

describe('an event time as text', () => {
  it.each([
    ['2016-07-26T02:45:07Z', 1_469_501_107_000],
    ['2016-07-26T02:45:07.123Z', 1_469_501_107_123],
    ['2016-07-26T02:45:07.123999Z', 1_469_501_107_123],
    ['2016-07-26T02:45:07,5Z', 1_469_501_107_500],
    ['2016-07-26T04:45:07+02:00', 1_469_501_107_000],
    ['2016-07-25T21:45:07-0500', 1_469_501_107_000],
    ['2016-07-26T02:45Z', 1_469_501_100_000],
    ['2016-07-26 02:45:07Z', 1_469_501_107_000],
    ['20160726T024507Z', 1_469_501_107_000],
    ['1969-12-31T23:59:59.9999Z', -1],
    ['1970-01-01T00:00:00Z', 0],
  ])('is read from %s', (text, ms) => {
    expect(timeOf(text)).toBe(ms);
    expect(timeOf(text, 's')).toBe(ms);
  });

  it('that names a leap second is the last second of the minute, as epoch time has no leap seconds', () => {
    expect(timeOf('2016-12-31T23:59:60Z')).toBe(Date.UTC(2016, 11, 31, 23, 59, 59));
  });

  it.each([
    '',
    'yesterday',
    '1469501107',
    '1469501107000',
    '2016-07-26',
    '2016-07-26T02:45:07',
    '2016-02-30T00:00:00Z',
    '2016-07-26T25:00:00Z',
    '2016-07-26T02:45:07 CET',
    'Tue, 26 Jul 2016 02:45:07 GMT',
    ' 2016-07-26T02:45:07Z',
    '2016-07-26T02:45:07Z\n',
    '+999999-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '0001-01-01T00:00:00Z',
  ])('is refused when it is %j', (text) => {
    expectRefused(text);
  });
});

describe('anything else as an event time', () => {
  it.each([
    null,
    undefined,
    true,
    5n,
    {},
    [],
    [1_469_501_107_000],
    () => 1_469_501_107_000,
    Symbol('time'),
    { getTime: 5 },
  ])('is refused: %s', (value) => {
    expectRefused(value);
    expectRefused(value, 's');
  });
});

describe('a time as ISO text', () => {
  it('has milliseconds and the zone Z always', () => {
    expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
    expect(isoTime(1_469_501_107_120)).toBe('2016-07-26T02:45:07.120Z');
    expect(isoTime(-1)).toBe('1969-12-31T23:59:59.999Z');
  });

  it('has one length at both bounds, a longest window beyond them too, so that it sorts as the time it names', () => {
    const longestWindow = 36_525 * 86_400_000;
    const times = [earliest - longestWindow, earliest, -1, 0, latest, latest + longestWindow];
    const texts = times.map(isoTime);
    expect(new Set(texts.map((text) => text.length))).toStrictEqual(new Set([24]));
    expect([...texts].sort()).toStrictEqual(texts);
    expect(texts.map(parseIsoTime)).toStrictEqual(times);
  });

  it('names the day that the calendar has, through leap years and centuries, at the first and the last moment of each', () => {
    const day = 86_400_000;
    for (let midnight = Date.UTC(1895, 0, 1); midnight < Date.UTC(2105, 0, 1); midnight += day)
      for (const ms of [midnight, midnight + day - 1]) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
    for (let ms = -62_167_219_200_000; ms < 253_402_300_800_000; ms += 97 * day + 12_345_678)
      expect(isoTime(ms)).toBe(new Date(ms).toISOString());
  });

  it('goes on beyond the years of four digits, as ISO 8601 writes them', () => {
    expect(isoTime(253_402_300_799_999)).toBe('9999-12-31T23:59:59.999Z');
    expect(isoTime(253_402_300_800_000)).toBe('+010000-01-01T00:00:00.000Z');
    expect(isoTime(-62_167_219_200_001)).toBe('-000001-12-31T23:59:59.999Z');
  });

  it('is not read back from what is none', () => {
    expect(parseIsoTime('2016-07-26')).toBeUndefined();
    expect(parseIsoTime('')).toBeUndefined();
  });
});
