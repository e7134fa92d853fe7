import { describe, expect, it } from 'vitest';
import { runScaleCase, scaleCases } from './scale/scale-case.ts';

/** A bounded part of `npm run simulate -- --scale`, with the same checks. */
describe('at scale', () => {
  it.each(Object.entries(scaleCases))(
    '%s holds every invariant and its own bounds',
    async (name, scaleCase) => {
      const { violation, figures } = await runScaleCase(name, scaleCase, 'part');
      expect(violation).toBeUndefined();
      expect(Object.keys(figures).length).toBeGreaterThan(0);
    },
    120_000,
  );
});
