import { describe, expect, test } from 'vitest';
import { endlessFrom, endlessOpenClose } from '../../cli/sample/endless.ts';

describe('the sample that never ends', () => {
  const seed = 7;
  const times = (lines: Buffer) =>
    lines
      .toString()
      .split('\n')
      .flatMap((line) => /^\{"time":(\d+),"action":"(?:Open|Close)"\}$/.exec(line)?.[1] ?? [])
      .map(Number);

  test('is the same for the same seed and moments, and another one for another seed', () => {
    const [one, other] = [endlessOpenClose(seed), endlessOpenClose(seed)];
    for (const second of [10, 3600, 3601, 7200])
      expect(one.until(endlessFrom + second)).toEqual(other.until(endlessFrom + second));
    expect(endlessOpenClose(8).until(endlessFrom + 60)).not.toEqual(endlessOpenClose(seed).until(endlessFrom + 60));
  });

  test('begins where the drained sample ends, and is as busy as the sample, with little that is late', () => {
    const endless = endlessOpenClose(seed);
    const all = times(endless.until(endlessFrom + 24 * 3600));
    expect(Math.abs(all.length - 48_000)).toBeLessThan(6000);
    const tooLate = all.filter((time) => time < endlessFrom).length;
    expect(tooLate).toBeGreaterThan(0);
    expect(tooLate).toBeLessThan(100);
    expect(Math.max(...all)).toBeLessThan(endlessFrom + 24 * 3600);
    expect(endless.until(endlessFrom + 24 * 3600)).toHaveLength(0);
  });
});
