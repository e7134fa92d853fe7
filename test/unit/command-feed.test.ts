import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { feedLifeMs } from '../../functions/state/epochs/emissions.ts';
import type { FeedPlace } from '../../functions/state/epochs/feed-place.ts';
import { type ChangePlace, readChanges, readFinals } from '../../functions/state/epochs/window-feed.ts';
import type { Table } from '../../functions/state/table/table.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import { hourMs, type OperatorWorld, operatorWorld, t0 } from '../fixtures/log/operator-world.ts';

const pipeline = definePipeline({
  name: 'fed',
  event: z.object({ time: z.number(), key: z.string() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: '1 minute', maxFutureSkew: '30 days' },
  queries: { q: { groupBy: ['key'], window: tumbling('1 hour'), aggregates: { n: count() } } },
});

const range = { from: t0 - 1000 * hourMs, to: t0 + 1000 * hourMs, limit: 3 };

/** The hours of windows and their records. */
const shown = (views: readonly WindowView[]) => views.map(({ start, records }) => [(start - t0) / hourMs, records]);

const again = <Place>(place: Place): Place => JSON.parse(JSON.stringify(place)) as Place;

/** A reader of `append` that keeps its cursor. */
function appendReader({ pipeline: own, state, windows, query, ...world }: OperatorWorld) {
  let place: FeedPlace | undefined;
  return async (nowMs = world.nowMs) => {
    const all: WindowView[] = [];
    for (;;) {
      const { views, placeAfter } = await readFinals({ pipeline: own, state, windows }, query, range, place, nowMs);
      all.push(...views);
      place = again(placeAfter(views.length));
      if (views.length === 0) return shown(all);
    }
  };
}

/** A reader of `update` that keeps its cursor; the final windows that it gets. */
function updateReader({ pipeline: own, state, windows, query, ...world }: OperatorWorld) {
  let place: ChangePlace | undefined;
  return async (nowMs = world.nowMs) => {
    const all: WindowView[] = [];
    for (;;) {
      const { views, placeAfter } = await readChanges({ pipeline: own, state, windows }, query, range, place, nowMs);
      all.push(...views.slice(0, range.limit));
      place = again(placeAfter(Math.min(views.length, range.limit)));
      if (views.length === 0) return shown(all.filter(({ status }) => status === 'final'));
    }
  };
}

/** Hours 0 to 3 are final, of which hour 2 held nothing; there are late records of hours 1 and 2. */
async function withLate(): Promise<OperatorWorld> {
  const world = operatorWorld(pipeline);
  for (const hour of [0, 1, 3, 5]) {
    await world.put(0, t0 + hour * hourMs + 1);
    await world.finalize();
  }
  await world.put(0, t0 + hourMs + 5, t0 + 2 * hourMs + 5);
  await world.finalize();
  return world;
}

const closed = [
  [0, 1],
  [1, 1],
  [3, 1],
];

describe('a feed of what the operator changes', () => {
  it('gives a window that was empty once to append, in its turn, and no correction', async () => {
    const world = await withLate();
    const read = appendReader(world);
    expect(await read()).toEqual(closed);
    await world.correct();
    expect(await read()).toEqual([[2, 1]]);
    await world.put(0, t0 + 2 * hourMs + 6);
    await world.correct();
    await world.put(0, t0 + 8 * hourMs);
    await world.finalize();
    expect(await read()).toEqual([[5, 1]]);
    // A reader who begins now: each window once, in the order in which they became final.
    expect(await appendReader(world)()).toEqual([
      [0, 1],
      [1, 2],
      [3, 1],
      [2, 2],
      [5, 1],
    ]);
  });

  it('gives corrections to update in their order, among what becomes final', async () => {
    const world = await withLate();
    const read = updateReader(world);
    expect(await read()).toEqual(closed);
    await world.correct();
    await world.put(0, t0 + 8 * hourMs);
    await world.finalize();
    await world.put(0, t0 + 2 * hourMs + 6);
    await world.correct();
    // Hour 2 changed in two epochs, and is given as it is now.
    expect(await read()).toEqual([
      [1, 2],
      [2, 2],
      [5, 1],
      [2, 2],
    ]);
    expect(await read()).toEqual([]);
  });

  it('gives windows of a backfill to append and update, each once, however many', async () => {
    const world = await withLate();
    const [append, update] = [appendReader(world), updateReader(world)];
    expect([await append(), await update()]).toEqual([closed, closed]);
    const times = Array.from({ length: 70 }, (_, i) => t0 - (i + 1) * hourMs);
    await world.backfill({ until: t0 }, times, { arrivedBefore: world.nowMs });
    const history = times.map((time) => [(time - t0) / hourMs, 1]).reverse();
    expect([await append(), await update()]).toEqual([history, history]);
    expect([await append(), await update()]).toEqual([[], []]);
  });

  it('has all of them though the run that emits a command is cut off at any call', async () => {
    const times = Array.from({ length: 40 }, (_, i) => t0 - (i + 1) * hourMs);
    let isCut = true;
    for (let breakAt = 0; isCut; breakAt += 3) {
      const world = await withLate();
      const read = appendReader(world);
      await read();
      await world.put(0, ...times);
      isCut = false;
      let calls = 0;
      const cut = async <T>(call: () => Promise<T>): Promise<T> => {
        if (calls++ !== breakAt) return call();
        isCut = true;
        throw new Error('the run is cut off');
      };
      const cutting = (table: Table): Table => ({
        ...table,
        put: (item, when) => cut(() => table.put(item, when)),
        update: (key, change, when) => cut(() => table.update(key, change, when)),
      });
      const over = { windows: cutting(world.windows), state: cutting(world.state) };
      await world.correct({}, { advance: () => world.finalize('advance', over) }).catch(() => {});
      await world.finalize();
      const expected = times.map((time) => [(time - t0) / hourMs, 1]).reverse();
      expect(await read(), `cut off at call ${breakAt}`).toEqual([...expected, [2, 1]]);
    }
  });

  it('is told by the windows where the index is gone: each window once', async () => {
    const world = await withLate();
    const [append, update] = [appendReader(world), updateReader(world)];
    await append();
    await update();
    await world.correct();
    await world.put(0, t0 + 8 * hourMs);
    await world.finalize();
    world.nowMs += 2 * feedLifeMs;
    const { query, state } = world;
    for (const { pk, sk } of await state.query(`emissions#${query.name}`)) await state.delete({ pk, sk });
    // By their starts. The reader of append has hour 1, and gets no correction of it.
    expect(await append(world.nowMs)).toEqual([
      [2, 1],
      [5, 1],
    ]);
    expect(await update(world.nowMs)).toEqual([
      [1, 2],
      [2, 1],
      [5, 1],
    ]);
    expect(await appendReader(world)(world.nowMs)).toEqual([
      [0, 1],
      [1, 2],
      [2, 1],
      [3, 1],
      [5, 1],
    ]);
    // Then the index goes on.
    await world.put(0, t0 + 12 * hourMs);
    await world.finalize();
    expect(await append(world.nowMs)).toEqual([[8, 1]]);
    expect(await update(world.nowMs)).toEqual([[8, 1]]);
  });
});
