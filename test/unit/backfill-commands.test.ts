import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, sliding, tumbling, type WindowKind } from '../../functions/core/index.ts';
import { hourMs, type OperatorWorld, operatorWorld, t0 } from '../fixtures/log/operator-world.ts';

function pipelineOf(window: WindowKind = tumbling('1 hour')) {
  return definePipeline({
    name: 'filled',
    event: z.object({ time: z.number(), key: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: '1 minute', maxFutureSkew: '30 days' },
    queries: { q: { groupBy: ['key'], window, aggregates: { n: count() } } },
  });
}

/** Hours 0 and 1 are final with a record each; one more is late for hour 1. As in the case `seam`. */
async function seam(world: OperatorWorld = operatorWorld(pipelineOf())): Promise<OperatorWorld> {
  for (const time of [t0 + 1, t0 + hourMs + 1, t0 + 3 * hourMs, t0 + hourMs + 5, t0 + 6 * hourMs, t0 + 8 * hourMs]) {
    await world.put(0, time);
    await world.finalize();
  }
  return world;
}

async function lose(world: OperatorWorld): Promise<void> {
  for (const { pk, sk } of await world.windows.query(world.query.name)) await world.windows.delete({ pk, sk });
}

const until = t0 + 2 * hourMs;
const times = (world: OperatorWorld) => world.taken.map(({ time }) => time);
const right = [
  [t0, 'final', 0, 1],
  [t0 + hourMs, 'final', 0, 2],
];

describe('the seam between a backfill and late events', () => {
  it('counts a late record once when the backfill comes first', async () => {
    const world = await seam();
    await lose(world);
    expect(await world.backfill({ until }, times(world), world.covered())).toMatchObject({ written: 2, late: 1 });
    expect(await world.panes()).toEqual(right);
    expect(await world.late()).toMatchObject([{ settled: 'backfilled' }]);
    expect(await world.correct()).toMatchObject({ settled: 0, done: true });
    expect(await world.panes()).toEqual(right);
  });

  it('keeps the on-time records when the replay comes first', async () => {
    const world = await seam();
    await lose(world);
    expect(await world.correct()).toMatchObject({ settled: 0, waiting: 1 });
    expect(await world.panes()).toEqual([]);
    await world.backfill({ until }, times(world), world.covered());
    expect(await world.panes()).toEqual(right);
    expect(await world.correct()).toMatchObject({ settled: 0, waiting: 0 });
    expect(await world.panes()).toEqual(right);
  });

  it('is none where the windows stand: the late record can still be replayed', async () => {
    const world = await seam();
    expect(await world.backfill({ until }, times(world), world.covered())).toMatchObject({
      written: 0,
      standing: 2,
      late: 0,
    });
    expect(await world.late()).toMatchObject([{ settled: null }]);
    expect(await world.correct()).toMatchObject({ settled: 1 });
    expect((await world.panes())[1]).toEqual([t0 + hourMs, 'final', 1, 2]);
  });

  it('is drawn by the arrival where the input is files', async () => {
    const world = await seam();
    const [first] = await world.late();
    await world.put(0, t0 + hourMs + 6);
    await lose(world);
    const before = times(world).slice(0, -1);
    await world.backfill({ until }, before, { arrivedBefore: (first?.arrival ?? 0) + 1 });
    expect(await world.late()).toMatchObject([{ settled: 'backfilled' }, { settled: null }]);
    expect(await world.correct()).toMatchObject({ settled: 1 });
    expect((await world.panes()).slice(0, 2)).toEqual([right[0], [t0 + hourMs, 'final', 1, 3]]);
  });

  it('is drawn below the first record that the stream still holds', async () => {
    const world = await seam();
    const [late] = await world.late();
    await lose(world);
    const after = String(Number(late?.sequenceNumber) + 1);
    const last = world.taken.at(-1)?.sequenceNumber ?? '';
    await world.backfill({ until }, [t0 + 1, t0 + hourMs + 1], { shards: { [late?.shardId ?? '']: [after, last] } });
    expect(await world.correct()).toMatchObject({ settled: 1 });
    expect((await world.panes())[1]).toEqual([t0 + hourMs, 'final', 1, 2]);
  });

  it('goes through the windows of one record where they overlap and some of them stand', async () => {
    const world = await seam(operatorWorld(pipelineOf(sliding('2 hours', '1 hour'))));
    await world.put(0, t0 + hourMs + 7);
    const counts = async () => new Map((await world.panes()).map(([start, , , records]) => [start, records]));
    const { pk, sk } = (await world.windows.query('q'))[2] ?? { pk: '', sk: '' };
    expect(sk.slice(0, 24)).toBe(new Date(t0 + hourMs).toISOString());
    await world.windows.delete({ pk, sk });
    const range = { since: t0, until };
    expect(await world.backfill(range, times(world), world.covered())).toMatchObject({
      written: 1,
      standing: 1,
      late: 0,
    });
    expect((await counts()).get(t0 + hourMs)).toBe(3);
    // It is in one of its two windows now, and gets into the other one alone.
    expect(await world.correct()).toMatchObject({ settled: 1, windows: [{ start: t0, records: 1 }] });
    expect((await counts()).get(t0)).toBe(3);
    expect((await counts()).get(t0 + hourMs)).toBe(3);
  });
});

describe('late events that nobody has decided about', () => {
  it('are counted where their windows are not final, and no others', async () => {
    const world = await seam();
    expect(await world.step({ until }, { do: 'late', after: undefined })).toMatchObject({ late: 0, done: true });
    await lose(world);
    expect(await world.step({ until }, { do: 'late', after: undefined })).toMatchObject({ late: 1, done: true });
    expect(await world.step({ until: t0 + hourMs }, { do: 'late', after: undefined })).toMatchObject({ late: 0 });
    await world.correct({ settled: 'discarded' });
    expect(await world.step({ until }, { do: 'late', after: undefined })).toMatchObject({ late: 0, done: true });
  });

  it('of a replay that was committed and left are brought to their end first', async () => {
    const world = await seam();
    await expect(world.correct({}, { advance: () => Promise.reject(new Error('killed')) })).rejects.toThrow('killed');
    await lose(world);
    await world.backfill({ until }, times(world), world.covered());
    expect((await world.panes()).slice(0, 2)).toEqual(right);
    expect(await world.late()).toMatchObject([{ settled: 'backfilled' }]);
  });

  it('are not taken out of an input whose records are in no log yet', async () => {
    const world = await seam();
    const [shardId = ''] = (await world.late()).map((event) => event.shardId);
    const holds = { shards: { [shardId]: ['1', '9999999'] as const } };
    const claim = { do: 'claim', id: 'x', holds, after: undefined } as const;
    await expect(world.step({ until }, claim)).rejects.toThrow(/^shards: /);
  });
});

describe('a backfill', () => {
  it('publishes each window once, as its first final pane', async () => {
    const world = await seam();
    await lose(world);
    const before = world.published.length;
    await world.backfill({ until }, times(world), world.covered());
    await world.backfill({ until }, times(world), world.covered());
    expect(world.published.slice(before)).toEqual([
      [t0, 0, 'pane'],
      [t0 + hourMs, 0, 'pane'],
    ]);
  });

  it('writes more windows than one run has time for', async () => {
    const world = await seam();
    await lose(world);
    const hours = Array.from({ length: 100 }, (_, i) => t0 - i * hourMs);
    let runs = 0;
    const advance = async () => {
      let looks = 0;
      runs++;
      await world.finalize('advance', { remainingMs: () => (++looks > 5 ? 0 : 60_000) });
    };
    const range = { until };
    const { step } = world;
    world.step = (of, one, over) => step(of, one, { ...over, advance });
    expect(await world.backfill(range, [...hours, ...times(world)], world.covered())).toMatchObject({ written: 101 });
    expect(runs).toBeGreaterThan(1);
    expect(await world.panes()).toHaveLength(101);
  });

  it('that took too long is refused when others have taken over its late events', async () => {
    const world = await seam();
    await lose(world);
    const id = 'slow';
    const history = [[t0 + hourMs, until, 2, '[["a",2]]']] as const;
    await world.step({ until }, { do: 'stage', id, windows: history });
    await world.step({ until }, { do: 'claim', id, holds: world.covered(), after: undefined });
    world.nowMs += 11 * 60_000;
    expect(await world.correct()).toMatchObject({ waiting: 1 });
    const commit = { do: 'commit', id, by: 'test', windows: 1, isWhole: false } as const;
    await expect(world.step({ until }, commit)).rejects.toThrow(/^id: /);
  });
});
