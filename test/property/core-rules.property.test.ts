import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMs } from '../../functions/core/arguments/duration.ts';
import { eventTimeBounds, eventTimeOf, isoTime, parseIsoTime } from '../../functions/core/events/event-time.ts';
import { isAmbiguous } from '../../functions/core/events/exact-number.ts';
import { compareKeys, type GroupValue, keyReader, keyValues } from '../../functions/core/events/group-key.ts';
import { compareSequenceNumbers, isAfter, latestOf } from '../../functions/core/events/sequence-number.ts';
import { globalWatermark, type ShardObservation, shardWatermark } from '../../functions/core/fold/watermark.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';

const times = fc.oneof(
  fc.integer({ min: eventTimeBounds.earliest, max: eventTimeBounds.latest }),
  fc.integer({ min: -20_000, max: 20_000 }),
);

describe('tumbling windows', () => {
  const kinds = fc
    .oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 36_525 * 86_400_000 }))
    .chain((size) => fc.record({ size: fc.constant(size), offset: fc.integer({ min: 1 - size, max: size - 1 }) }));

  it('hold each time in exactly the one slice that its closing emits', () => {
    fc.assert(
      fc.property(kinds, times, ({ size, offset }, time) => {
        const kind = tumbling({ ms: size }, { offset: { ms: offset } });
        const slice = kind.sliceOf(time);
        expect(slice <= time && time < slice + size).toBe(true);
        // The arithmetic is exact: the slice is an edge.
        expect((BigInt(slice) - BigInt(offset)) % BigInt(size)).toBe(0n);
        const closings = kind.closings(slice);
        expect(closings).toStrictEqual([slice + size]);
        expect(closings.flatMap((closing) => kind.emit(closing))).toStrictEqual([
          { start: slice, end: slice + size, slices: [slice] },
        ]);
        expect(kind.sliceOf(slice)).toBe(slice);
        expect(kind.sliceOf(slice + size)).toBe(slice + size);
        expect(kind.sliceOf(slice - 1)).toBe(slice - size);
      }),
    );
  });

  it('emit at edges only', () => {
    fc.assert(
      fc.property(kinds, times, ({ size, offset }, moment) => {
        const kind = tumbling({ ms: size }, { offset: { ms: offset } });
        const edge = kind.sliceOf(moment) === moment;
        expect(kind.emit(moment)).toStrictEqual(
          edge ? [{ start: moment - size, end: moment, slices: [moment - size] }] : [],
        );
      }),
    );
  });
});

describe('sequence numbers', () => {
  const integers = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 129n - 1n }), fc.bigInt({ min: 0n, max: 20n }));
  const padded = fc
    .tuple(integers, fc.nat({ max: 60 }))
    .map(([value, zeros]) => ({ value, text: `${'0'.repeat(zeros)}${value}` }));

  it('compare as the integers that they are, padded or not', () => {
    fc.assert(
      fc.property(padded, padded, (a, b) => {
        const expected = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
        expect(Math.sign(compareSequenceNumbers(a.text, b.text))).toBe(expected);
        expect(isAfter(a.text, b.text)).toBe(expected > 0);
        expect(BigInt(latestOf(a.text, b.text) ?? -1)).toBe(a.value > b.value ? a.value : b.value);
      }),
    );
  });

  it('of neighbours differ, at any length', () => {
    fc.assert(
      fc.property(integers, (value) => {
        expect(isAfter(`${value + 1n}`, `${value}`)).toBe(true);
        expect(isAfter(`${value}`, `${value + 1n}`)).toBe(false);
        expect(isAfter(`${value}`, `${value}`)).toBe(false);
      }),
    );
  });

  it('come after the start of the shard, which is undefined', () => {
    expect(isAfter('0', undefined)).toBe(true);
    expect(latestOf(undefined, '0')).toBe('0');
    expect(latestOf('5', undefined)).toBe('5');
    expect(latestOf(undefined, undefined)).toBeUndefined();
    expect(compareSequenceNumbers('000', '0')).toBe(0);
  });
});

describe('the global watermark', () => {
  const shards = fc.array(
    fc.record({
      shardId: fc.string({ minLength: 1 }),
      maxEventTime: fc.option(times, { nil: undefined }),
      state: fc.constantFrom<ShardObservation['state'][]>('holding', 'idle', 'drained'),
    }),
    { maxLength: 6 },
  );
  const delays = fc.nat({ max: 1_000_000 });

  it('is never above the watermark of a shard that holds it, is one of theirs, and does not depend on their order', () => {
    fc.assert(
      fc.property(shards, delays, (observed, delay) => {
        const { watermark, heldBy } = globalWatermark(observed, delay);
        expect(globalWatermark([...observed].reverse(), delay).watermark).toBe(watermark);
        const holding = observed.filter(({ state }) => state === 'holding');
        if (holding.length > 0) expect(holding.map(({ shardId }) => shardId)).toContain(heldBy);
        if (holding.some(({ maxEventTime }) => maxEventTime === undefined)) expect(watermark).toBeUndefined();
        const own = observed.flatMap(({ maxEventTime }) =>
          maxEventTime === undefined ? [] : [shardWatermark(maxEventTime, delay)],
        );
        if (watermark === undefined) return;
        expect(own).toContain(watermark);
        for (const { maxEventTime } of holding)
          expect(watermark <= shardWatermark(maxEventTime ?? Number.NEGATIVE_INFINITY, delay)).toBe(true);
      }),
    );
  });

  it('does not fall when a shard sees a later event', () => {
    fc.assert(
      fc.property(shards, delays, fc.nat(), fc.nat(), (observed, delay, at, later) => {
        const before = globalWatermark(observed, delay).watermark;
        const after = globalWatermark(
          observed.map((shard, i) =>
            i === at % observed.length
              ? { ...shard, maxEventTime: Math.max(shard.maxEventTime ?? later, later) }
              : shard,
          ),
          delay,
        ).watermark;
        if (before !== undefined) expect(after ?? Number.NEGATIVE_INFINITY).toBeGreaterThanOrEqual(before);
      }),
    );
  });
});

describe('event times', () => {
  it('are the same as text, as a Date, in milliseconds and in seconds with three decimals', () => {
    fc.assert(
      fc.property(times, (ms) => {
        const seconds = `${ms < 0 ? '-' : ''}${Math.floor(Math.abs(ms) / 1000)}.${String(Math.abs(ms) % 1000).padStart(3, '0')}`;
        expect(eventTimeOf(isoTime(ms), undefined)).toBe(ms);
        expect(parseIsoTime(isoTime(ms))).toBe(ms);
        expect(eventTimeOf(new Date(ms), undefined)).toBe(ms);
        expect(eventTimeOf(ms, 'ms')).toBe(ms);
        expect(eventTimeOf(Number(seconds), 's')).toBe(ms);
      }),
    );
  });

  it('are whole, in bounds and not minus zero, or refused, whatever number comes', () => {
    fc.assert(
      fc.property(fc.double(), fc.constantFrom('s', 'ms', undefined), (value, unit) => {
        const time = eventTimeOf(value, unit);
        if (typeof time !== 'number') return;
        expect(Number.isSafeInteger(time) && !Object.is(time, -0)).toBe(true);
        expect(time >= eventTimeBounds.earliest && time <= eventTimeBounds.latest).toBe(true);
        const asked = unit === 's' ? value * 1000 : value;
        expect(time <= asked + 1e-3 * Math.max(1, Math.abs(asked) * 1e-12) && time > asked - 1.1).toBe(true);
      }),
    );
  });

  it('sort as text as they sort as numbers', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        expect(isoTime(a) < isoTime(b)).toBe(a < b);
      }),
    );
  });
});

describe('durations', () => {
  it('are the sum of their terms', () => {
    const units = { ms: 1, s: 1000, minutes: 60_000, Hours: 3_600_000, d: 86_400_000 };
    const terms = fc.array(
      fc.tuple(
        fc.integer({ min: -50, max: 50 }),
        fc.constantFrom<(keyof typeof units)[]>('ms', 's', 'minutes', 'Hours', 'd'),
      ),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(terms, fc.constantFrom('', ' '), (parts, space) => {
        const text = parts.map(([n, unit]) => `${n}${space}${unit}`).join(' ');
        const expected = parts.reduce((total, [n, unit]) => total + n * units[unit], 0);
        expect(durationMs('d', text, { leastMs: -1e12, mostMs: 1e12 })).toBe(expected);
      }),
    );
  });
});

describe('group keys', () => {
  const values: fc.Arbitrary<GroupValue> = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 })
      .map((units) => String.fromCharCode(...units).replace(/\p{Surrogate}/gu, '\ufffd')),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !isAmbiguous(number)),
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: -3, max: 3 }).map(String),
    fc.boolean(),
    fc.constant(null),
  );
  const rows = fc.tuple(values, values);
  const one = keyReader<readonly GroupValue[]>([['a', (event) => event[0]]]);
  const two = keyReader<readonly GroupValue[]>([
    ['a', (event) => event[0]],
    ['b', (event) => event[1]],
  ]);

  function equal(a: readonly GroupValue[], b: readonly GroupValue[]): boolean {
    return a.every((value, i) => value === b[i]);
  }

  it('are equal exactly when their values are, and give them back', () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const [keyA, keyB] = [two(a), two(b)];
        if (typeof keyA !== 'string' || typeof keyB !== 'string') throw new Error('refused');
        expect(keyA === keyB).toBe(equal(a, b));
        expect(equal(keyValues(keyA), a)).toBe(true);
        expect(JSON.stringify(keyValues(keyA)), 'decoding an item gives the same text').toBe(keyA);
        expect(new TextDecoder().decode(new TextEncoder().encode(keyA))).toBe(keyA);
        expect(one(a)).toBe(JSON.stringify([a[0]]));
      }),
    );
  });

  it('are ordered totally', () => {
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        expect(Math.sign(compareKeys(a, b)) + Math.sign(compareKeys(b, a))).toBe(0);
        expect(compareKeys(a, b) === 0).toBe(equal(a, b));
        if (compareKeys(a, b) < 0 && compareKeys(b, c) < 0) expect(compareKeys(a, c)).toBeLessThan(0);
      }),
    );
  });
});
