import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashKey } from '../../functions/core/events/key-hash.ts';
import { checkLanes, laneOf, mostLanes } from '../../functions/core/log/lane.ts';

describe('the lane of a key', () => {
  it('is given by the top bits of its hash', () => {
    // Of 2,671,152,486, which is 0x9f368d66.
    expect([1, 2, 4, 16, 256, mostLanes].map((lanes) => laneOf('["Open"]', lanes))).toStrictEqual([
      0, 1, 2, 9, 0x9f, 0x9f36,
    ]);
    expect(hashKey('["Open"]')).toBe(0x9f368d66);
  });

  it('halves with the number of lanes: a lane is the two lanes of its number doubled', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 15 }), (key, power) => {
        const lanes = 2 ** power;
        expect(Math.floor(laneOf(key, lanes * 2) / 2)).toBe(laneOf(key, lanes));
        expect(laneOf(key, lanes)).toBeLessThan(lanes);
      }),
    );
  });

  it('spreads names that differ in a digit evenly', () => {
    const counts = new Array<number>(64).fill(0);
    for (let i = 0; i < 64_000; i++) {
      const lane = laneOf(JSON.stringify([`user-${i}`]), counts.length);
      counts[lane] = (counts[lane] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });

  it.each([0, -1, 3, 1.5, 2 * mostLanes, 2 ** 32, Number.NaN])('is not asked for of %d lanes', (lanes) => {
    expect(() => checkLanes(lanes)).toThrow(String(lanes));
    expect(() => laneOf('[]', lanes)).toThrow(String(lanes));
  });
});
