import { expect, it } from 'vitest';
import { slowCases } from '../fixtures/cost/counted-cases.ts';
import { countedRun } from '../fixtures/cost/counted-run.ts';
import { predictionOf } from '../fixtures/cost/prediction.ts';

it.each(Object.entries(slowCases))(
  'the model has the write units that production code spends: %s',
  async (_, settings) => {
    const { writes, kinds } = predictionOf(settings, await countedRun(settings));
    expect(writes, JSON.stringify(kinds)).toBeGreaterThan(0.9);
    expect(writes, JSON.stringify(kinds)).toBeLessThan(1.1);
  },
  1_200_000,
);
