import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Partials } from '../../functions/core/fold/partial.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import type { Window } from '../../functions/core/windows/window.ts';
import { emitEmpty } from '../../functions/state/epochs/empty-windows.ts';
import { readFinalHeads } from '../../functions/state/windows/pane-reader.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { writePane } from '../fixtures/written-pane.ts';

const minuteMs = 60_000;

describe('empty windows', () => {
  it('fill the gap behind the first window too where an overlapping run makes a later window final before it', async () => {
    const pipeline = definePipeline({
      name: 'empty',
      event: z.object({ time: z.number() }),
      eventTime: { of: (event) => event.time, unit: 'ms' },
      watermark: { delay: 0 },
      queries: { minutes: { window: tumbling({ ms: minuteMs }), aggregates: { n: count() }, emptyWindows: true } },
    });
    const [query] = pipeline.queries;
    if (query === undefined) throw new Error('no query');
    const [state, windows] = [memoryTable(itemStore()), memoryTable(itemStore())];
    const options = {
      state,
      windows,
      limit: <T>(call: () => Promise<T>) => call(),
      publish: async () => {},
      write: (window: Window, partials: Partials) =>
        writePane(windows, query, window, { partials, records: 0, nowMs: 0 }),
      hasTime: () => true,
    };
    const makeFinal = (window: Window) =>
      writePane(windows, query, window, { partials: new Map([['[]', [1]]]), records: 1, nowMs: 0 });
    const minute = (n: number): Window => ({ start: n * minuteMs, end: (n + 1) * minuteMs });
    const maxEventTime = 4 * minuteMs;

    // One run writes the final panes of minutes 0 and 4 side by side, the later one first. Another run, which knows of
    // no closing after minute 0, looks for empty windows then.
    await makeFinal(minute(4));
    const plan = { epoch: 1, closedThrough: 0, maxEventTime };
    expect(await emitEmpty(options, query, plan)).toStrictEqual({ windows: 0, emptied: [] });
    await makeFinal(minute(0));
    expect(await emitEmpty(options, query, { epoch: 2, closedThrough: minute(4).end, maxEventTime })).toMatchObject({
      windows: 3,
      emptied: [minute(1), minute(2), minute(3)],
    });

    const heads = await readFinalHeads(windows, query, 0, maxEventTime);
    expect([...heads.values()].map(({ records }) => records)).toStrictEqual([1, 0, 0, 0, 1]);
  });
});
