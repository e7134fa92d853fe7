import { expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { order, startSystem } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');

/** The schedule's first run comes after the test's time limit. */
it('makes windows final without the schedule, once the slowest shard has passed their end', async () => {
  const system = await startSystem({ finalizeEveryMs: hourMs });
  const final = async () =>
    (await system.get('queries/byKind/windows', { status: 'final' })).body['windows'] as readonly unknown[];
  const kicks = async () => {
    const sums = (await (await fetch(`${system.local.url}/_tidemark/metrics`)).json()) as Readonly<
      Record<string, Readonly<Record<string, number>>>
    >;
    return sums['aggregate']?.['kicks'] ?? 0;
  };
  try {
    await system.put([{ data: order(t0, 'a') }, { data: order(t0, 'b'), shard: 1 }]);
    // Both shards have begun. The last one to begin has asked for a run, which had nothing to make final.
    const before = await kicks();
    expect(before).toBeGreaterThan(0);
    await system.put([{ data: order(t0 + 2 * hourMs, 'a') }]);
    expect(await final()).toEqual([]);
    await system.put([{ data: order(t0 + 2 * hourMs, 'b'), shard: 1 }]);
    const [window] = await until(async () => ((await final()).length > 0 ? await final() : undefined));
    expect(window).toMatchObject({ start: t0, end: t0 + hourMs, status: 'final', records: 2 });
    // One of the two was named as the shard that holds the watermark. It alone has asked, or the other one after it.
    expect((await kicks()) - before).toBeLessThanOrEqual(2);
    expect(await kicks()).toBeGreaterThan(before);
    expect((await system.get('conservation')).body).toMatchObject({ received: 4, counted: 4, holds: true });
  } finally {
    await system.close();
  }
});
