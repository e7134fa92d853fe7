import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventIdOf } from '../../functions/core/events/event-id.ts';
import { createIdSet } from '../../functions/core/events/id-set.ts';

const refused = { refused: expect.any(String) };

describe('an id', () => {
  it('is the first half of the SHA-256 that others know, of its type and text', () => {
    // printf t1 | sha256sum, printf n1 | sha256sum
    expect(eventIdOf('1')).toEqual({ high: 0x628b49d9, low: 0x6dcde97a });
    expect(eventIdOf(1)).toEqual({ high: 0x676b8bb8, low: 0x4ce7267d });
  });

  it('is missing where it is null or undefined, and no event is the duplicate of one without', () => {
    expect([eventIdOf(null), eventIdOf(undefined)]).toEqual([undefined, undefined]);
  });

  it('is refused where different events could share it', () => {
    for (const value of ['', '\ud800', 2 ** 53, -(2 ** 53), 1e300, Number.NaN, Number.POSITIVE_INFINITY])
      expect(eventIdOf(value)).toEqual(refused);
    for (const value of [true, {}, [], Symbol('id')]) expect(eventIdOf(value as unknown as string)).toEqual(refused);
  });

  it('may be 0, a fraction, or a bigint of any size', () => {
    expect(eventIdOf(0)).toEqual(eventIdOf(-0));
    expect(eventIdOf(0.5)).not.toEqual(eventIdOf(0.25));
    expect(eventIdOf(2n ** 60n)).not.toEqual(eventIdOf(2n ** 60n + 1n));
    expect(eventIdOf(7n)).toEqual(eventIdOf(7));
  });
});

describe('the set of ids', () => {
  it('judges as a map without bounds does, whatever it has forgotten', () => {
    const arrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 2500 }), fc.integer({ min: -3, max: 12 })), {
      minLength: 1,
      maxLength: 6000,
      size: 'max',
    });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 0, max: 3000 }), (events, withinMs) => {
        const set = createIdSet(withinMs);
        const first = new Map<number, number>();
        let arrival = 1_000_000;
        let clock = 0;
        for (const [name, step] of events) {
          arrival += step;
          clock = Math.max(clock, arrival);
          const isDuplicate = clock - (first.get(name) ?? Number.NEGATIVE_INFINITY) <= withinMs;
          if (!isDuplicate) first.set(name, clock);
          // Many ids share one slot: the part of their low halves that chooses it is equal.
          expect(set.judge({ high: name, low: (name % 7) * 0x10000 }, arrival)).toBe(
            isDuplicate ? 'duplicate' : 'first',
          );
        }
        expect(set.clockMs).toBe(clock);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the later of two first occurrences of an id', () => {
    const set = createIdSet(100);
    const id = { high: 1, low: 2 };
    set.note(id, 500);
    set.note(id, 300);
    expect(set.judge(id, 600)).toBe('duplicate');
    expect(set.judge(id, 601)).toBe('first');
  });
});
