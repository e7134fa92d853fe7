import { describe, expect, it } from 'vitest';
import { aims } from './aims/cases.ts';
import { awsLimits } from './aws/limits.ts';
import { fixedRowCosts } from './aws/row-costs.ts';

/** Aims whose part takes more than some seconds. */
const slowAims: readonly string[] = ['b', 'e', 'f', 'g', 'h'];

/** What the parts of the aims have to reach, in virtual figures that are the same on every machine. */
const bounds: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  a: { finalMs: 30_000, cutOff: 0 },
  b: { finalMs: 60_000, cutOff: 0 },
  c: { gatherMs: 60_000, finalMs: 60_000, cutOff: 0 },
  d: { gatherMs: 60_000, finalMs: 60_000, cutOff: 0 },
  e: { ms: 60_000, cutOff: 0 },
  f: { writeUnits: 5_000 },
  g: { times: 1.3 },
  h: { megabytes: 1_024 },
  i: { mostMs: 5_000 },
  j: { lagMs: 5_000 },
};

/** Tests of a bounded part of each aim of `npm run simulate -- --scale`. */
export function testAims(pace: 'quick' | 'slow'): void {
  describe('with the limits of AWS', () => {
    const cases = aims.filter(({ letter }) => slowAims.includes(letter) === (pace === 'slow'));
    it.each(cases.map(({ letter, title, run }) => [letter, title, run] as const))(
      '(%s) %s: a part of it stays within its bounds',
      async (letter, _title, run) => {
        const { values } = await run({ extent: 'part', limits: awsLimits, costs: fixedRowCosts, progress: () => {} });
        for (const [name, most] of Object.entries(bounds[letter] ?? {})) {
          expect(values, `${letter}: no figure ${name}`).toHaveProperty(name);
          expect(values[name], `${letter}: ${name}`).toBeLessThanOrEqual(most);
        }
      },
    );
  });
}
