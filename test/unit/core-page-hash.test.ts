import { describe, expect, it } from 'vitest';
import { hashKey } from '../../functions/core/events/key-hash.ts';
import {
  grownPageCount,
  nextPageCount,
  pageCountFor,
  pageOf,
  pageShareBytes,
} from '../../functions/core/fold/page-hash.ts';

/**
 * The chi-square below which 99.99 % of even distributions over n pages stay (Wilson and Hilferty's approximation, n -
 * 1 degrees of freedom).
 */
function chiSquareBound(n: number): number {
  const k = n - 1;
  return k * (1 - 2 / (9 * k) + 3.719 * Math.sqrt(2 / (9 * k))) ** 3;
}

function chiSquare(keys: readonly string[], n: number): number {
  const counts = new Array<number>(n).fill(0);
  for (const key of keys) counts[pageOf(key, n)] = (counts[pageOf(key, n)] ?? 0) + 1;
  const expected = keys.length / n;
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
}

function keysOf(size: number, keyAt: (i: number) => unknown[]): string[] {
  return Array.from({ length: size }, (_, i) => JSON.stringify(keyAt(i)));
}

describe('the hash of a key', () => {
  // The values were computed by another implementation (Python). Stored pages are found by this hash: a difference
  // loses every page.
  it.each([
    ['', 2_872_998_923],
    ['[]', 3_312_464_927],
    ['["Open"]', 2_671_152_486],
    ['["Close"]', 2_607_084_747],
    ['[null]', 1_794_934_316],
    ['[1]', 3_886_151_614],
    ['["1"]', 122_624_844],
    ['[true]', 1_537_701_932],
    ['["device-1","Open"]', 2_658_613_561],
    ['["é"]', 3_911_755_167],
    ['["日本"]', 598_898_691],
    ['["😀"]', 1_606_670_122],
    ['["\\ud800"]', 313_672_862],
    [`["${'x'.repeat(1000)}"]`, 912_055_145],
  ])('is part of the stored format: %s', (key, hash) => {
    expect(hashKey(key)).toBe(hash);
  });

  it.each([
    ['counted names', (i: number) => [`device-${i}`]],
    ['counted names with zeros', (i: number) => [`sensor/${String(i).padStart(8, '0')}/temperature`]],
    ['small integers', (i: number) => [i]],
    ['multiples of 1,024', (i: number) => [i * 1024]],
    ['two fields', (i: number) => [`room ${i % 97}`, Math.floor(i / 97)]],
    [
      'names that differ in their first character only',
      (i: number) => [`${String.fromCharCode(0x4e00 + i)} the same long tail of every name`],
    ],
    [
      'dates',
      (i: number) => [
        `2016-${String(1 + (i % 12)).padStart(2, '0')}-${String(1 + (Math.floor(i / 12) % 28)).padStart(2, '0')}`,
        i,
      ],
    ],
  ])('spreads similar keys evenly over the pages: %s', (_title, keyAt) => {
    const keys = keysOf(8192, keyAt);
    for (const n of [2, 8, 64, 512]) expect(chiSquare(keys, n), `${n} pages`).toBeLessThan(chiSquareBound(n));
  });

  it('puts a key of a grown bucket into one of the two successors of its page', () => {
    for (const key of keysOf(500, (i) => [`device-${i}`]))
      for (const n of [1, 2, 64]) expect(pageOf(key, 2 * n) % n).toBe(pageOf(key, n));
  });
});

describe('the count of pages', () => {
  it('is the power of two at which the content fits the shares', () => {
    for (const [bytes, count] of [
      [0, 1],
      [1, 1],
      [pageShareBytes, 1],
      [pageShareBytes + 1, 2],
      [2 * pageShareBytes, 2],
      [2 * pageShareBytes + 1, 4],
      [8000, 16],
      [700_000, 1024],
    ] as const)
      expect(pageCountFor(bytes), `${bytes} bytes`).toBe(count);
  });

  it('has an upper bound', () => {
    expect(pageCountFor(1e12)).toBe(65_536);
    expect(pageCountFor(Number.MAX_SAFE_INTEGER)).toBe(65_536);
  });

  it('at least doubles when pages outgrow their share, and goes at once to where the content fits', () => {
    expect(grownPageCount(1, 800, 800)).toBe(2);
    expect(grownPageCount(4, 2000, 800)).toBe(8);
    expect(grownPageCount(1, 7000, 7000)).toBe(16);
    expect(grownPageCount(32_768, 32_768 * 600, 800)).toBe(65_536);
  });

  it('does not grow for one page while the others are at most half full, unless it is enormous', () => {
    const half = (64 * pageShareBytes) / 2;
    expect(grownPageCount(64, half, 20_000)).toBeUndefined();
    expect(grownPageCount(64, half + 64, 20_000)).toBe(128);
    expect(grownPageCount(64, half, 64 * 1024)).toBe(128);
  });

  it('grows no more at its bound', () => {
    expect(grownPageCount(65_536, 65_536 * 700, 800)).toBeUndefined();
    expect(grownPageCount(65_536, 1e9, 1e6)).toBeUndefined();
    expect(grownPageCount(1024, 1e9, 1e6)).toBe(65_536);
  });

  it('of the next bucket follows the content of the one before, and keeps a larger count while its pages are a quarter full', () => {
    expect(nextPageCount({ count: 1, bytes: 0 })).toBe(1);
    expect(nextPageCount({ count: 1, bytes: 7000 })).toBe(16);
    expect(nextPageCount({ count: 16, bytes: 16 * 175 })).toBe(16);
    expect(nextPageCount({ count: 16, bytes: 16 * 174 })).toBe(4);
    expect(nextPageCount({ count: 16, bytes: 0 })).toBe(1);
  });
});
