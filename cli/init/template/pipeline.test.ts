import { runPipeline, testPipeline } from 'tidemark/testing';
import { expect, test } from 'vitest';
import pipeline from './pipeline.ts';

const sale = (time: string, shop: string, amount: number) => ({ time: `2026-01-05T${time}:00Z`, shop, amount });

test('adds up the sales of each shop by the hour in which they were made', async () => {
  const run = await runPipeline(pipeline, {
    events: [sale('10:05', 'Aarhus', 20), sale('11:00', 'Aarhus', 5), sale('10:59', 'Odense', 8)],
  });
  expect(run.rows('salesPerHour')).toMatchObject([
    { start: Date.parse('2026-01-05T10:00:00Z'), key: { shop: 'Aarhus' }, values: { sales: 1, revenue: 20 } },
    { start: Date.parse('2026-01-05T10:00:00Z'), key: { shop: 'Odense' }, values: { sales: 1, revenue: 8 } },
    { start: Date.parse('2026-01-05T11:00:00Z'), key: { shop: 'Aarhus' }, values: { sales: 1, revenue: 5 } },
  ]);
});

test('waits ten minutes for sales that come late, and sets aside what comes later', async () => {
  await using run = testPipeline(pipeline);
  await run.put([sale('10:05', 'Aarhus', 20), sale('11:09', 'Aarhus', 5)]);
  await run.put([sale('10:58', 'Aarhus', 7)]); // eleven minutes behind, but its hour is still open
  expect(run.rows('salesPerHour')).toEqual([]);

  await run.advanceTo('2026-01-05T11:00:00Z'); // the hour is over, and so are the ten minutes
  expect(run.rows('salesPerHour')).toMatchObject([{ values: { sales: 2, revenue: 27 } }]);

  await run.put([sale('10:59', 'Aarhus', 1000)]);
  expect(run.late).toMatchObject([{ query: 'salesPerHour', event: { amount: 1000 } }]);
});

test('rejects what is not a sale', async () => {
  const run = await runPipeline(pipeline, { events: [{ shop: 'Aarhus' }, 'garbage'] });
  expect(run.rejected.map(({ reason }) => reason)).toEqual(['schema', 'unparsable']);
});

test('counts each sale once, whatever is repeated or killed on the way', async () => {
  const events = Array.from({ length: 100 }, (_, i) => sale(`10:${String(i % 60).padStart(2, '0')}`, 'Aarhus', 1));
  const run = await runPipeline(pipeline, { events, shards: 2, deliveries: 'hostile' });
  expect(run.rows('salesPerHour')).toMatchObject([{ values: { sales: 100, revenue: 100 } }]);
});
