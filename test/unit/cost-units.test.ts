import { expect, it } from 'vitest';
import { quickCases } from '../fixtures/cost/counted-cases.ts';
import { countedRun } from '../fixtures/cost/counted-run.ts';
import { predictionOf } from '../fixtures/cost/prediction.ts';

it.each(Object.entries(quickCases))('the model has the units that production code spends: %s', async (_, settings) => {
  const run = await countedRun(settings);
  const { writes, reads, kinds } = predictionOf(settings, run);
  expect(writes, JSON.stringify(kinds)).toBeGreaterThan(0.9);
  expect(writes, JSON.stringify(kinds)).toBeLessThan(1.1);
  expect(reads, JSON.stringify(kinds)).toBeGreaterThan(0.85);
  expect(reads, JSON.stringify(kinds)).toBeLessThan(1.15);
});
