import { expect, it } from 'vitest';
import { z } from 'zod';
import { queryApp } from '../../functions/api/app.ts';
import { signedCursors } from '../../functions/api/cursor.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { createMeter } from '../../functions/state/table/dynamodb-table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const pipeline = definePipeline({
  name: 'cursors',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: { tens: { window: tumbling({ ms: 10 }), aggregates: { n: count() } } },
});

it('the cursor of a feed of an earlier release is refused in one line, and one of this release goes on', async () => {
  const [state, windows, rejects] = [memoryTable(), memoryTable(), memoryTable()];
  const app = queryApp({
    pipeline,
    tables: { state, windows, rejects, meter: createMeter() },
    now: () => 0,
    newSecret: () => 'secret',
    onError: (error) => {
      throw error;
    },
  });
  const places = {
    append: [[], [0, 10]],
    update: [{ final: { start: 0, end: 10 }, correction: 3, seen: [[10, 20, 1]] }],
  } as const;
  for (const mode of ['append', 'update'] as const) {
    const path = `/v1/queries/tens/windows?mode=${mode}`;
    for (const place of places[mode]) {
      const cursor = await signedCursors(state, () => 'secret').seal(path, place);
      const response = await app.request(`${path}&cursor=${cursor}`);
      expect(response.status).toBe(400);
      const { parameter, detail } = (await response.json()) as { readonly parameter: string; readonly detail: string };
      expect([parameter, detail]).toEqual(['cursor', expect.stringContaining('begin with the first page')]);
    }
    const { cursor } = (await (await app.request(path)).json()) as { readonly cursor: string };
    expect((await app.request(`${path}&cursor=${cursor}`)).status).toBe(200);
  }
});
