import { describe, expect, it } from 'vitest';
import { runScaleCase, scaleCases } from './scale-case.ts';

/** The cases that take seconds even in part. */
const slowCases: readonly string[] = ['lagging-shard', 'resharding'];

/** Tests of a bounded part of `npm run simulate -- --scale`, with the same checks. */
export function testScaleCases(pace: 'quick' | 'slow'): void {
  describe('at scale', () => {
    const cases = Object.entries(scaleCases).filter(([name]) => slowCases.includes(name) === (pace === 'slow'));
    it.each(cases)('%s holds every invariant and its own bounds', async (name, scaleCase) => {
      const { violation, figures } = await runScaleCase(name, scaleCase, 'part');
      expect(violation).toBeUndefined();
      expect(Object.keys(figures).length).toBeGreaterThan(0);
    });
  });
}
