import { describe, expect, it } from 'vitest';
import { eachFirst, type FirstOccurrence, packFirsts } from '../../functions/core/log/first-occurrences.ts';

/** Steps of every encoded length: of no byte, of one byte and of many. */
const stepsMs = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 40];

function firstsOf(count: number): readonly FirstOccurrence[] {
  let atMs = 1_700_000_000_000;
  return Array.from({ length: count }, (_, i) => {
    atMs += i < 64 ? (stepsMs[i % stepsMs.length] ?? 0) : i % 3;
    return { id: { high: (i * 2_654_435_761) >>> 0, low: 0xffffffff - i }, atMs };
  });
}

function unpacked(...pieces: readonly Uint8Array[]): readonly FirstOccurrence[] {
  const firsts: FirstOccurrence[] = [];
  for (const data of pieces) eachFirst(data, (first) => firsts.push(first));
  return firsts;
}

describe('packed first occurrences', () => {
  it('come back in order, at some nine bytes each', () => {
    const firsts = firstsOf(100_000);
    const [packed, ...others] = packFirsts(firsts);
    if (packed === undefined) throw new Error('nothing was packed');
    expect(others).toEqual([]);
    expect(packed).toMatchObject({ count: 100_000, clockMs: firsts.at(-1)?.atMs });
    expect(packed.data.length).toBeLessThan(9.01 * firsts.length);
    expect(unpacked(packed.data)).toEqual(firsts);
  });

  it('come in pieces that are not too large', () => {
    const firsts = firstsOf(1_000);
    for (const mostBytes of [25, 26, 100, 1_000, 8_999]) {
      const pieces = packFirsts(firsts, mostBytes);
      expect(pieces.length).toBeGreaterThan(1);
      for (const { data } of pieces) expect(data.length).toBeLessThanOrEqual(mostBytes);
      expect(pieces.reduce((total, { count }) => total + count, 0)).toBe(firsts.length);
      expect(unpacked(...pieces.map(({ data }) => data))).toEqual(firsts);
    }
  });

  it('are no piece when there are none', () => {
    expect(packFirsts([])).toEqual([]);
  });

  it('are refused when their clock goes back', () => {
    const [first, second] = firstsOf(2);
    if (first === undefined || second === undefined) throw new Error('no occurrences');
    expect(() => packFirsts([{ ...first, atMs: second.atMs + 1 }, second])).toThrow('goes back');
  });

  it('are refused in a form of a later version, or cut off', () => {
    const [packed] = packFirsts(firstsOf(3));
    if (packed === undefined) throw new Error('nothing was packed');
    expect(() => unpacked(Uint8Array.of(2, ...packed.data.subarray(1)))).toThrow('unknown form: 2');
    expect(() => unpacked(new Uint8Array())).toThrow('no bytes');
    expect(() => unpacked(packed.data.subarray(0, packed.data.length - 1))).toThrow(RangeError);
  });
});
