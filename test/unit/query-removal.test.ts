import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, type Pipeline, sum, tumbling } from '../../functions/core/index.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { checkDefinition } from '../../functions/state/items/definition.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { removeQuery } from '../../functions/state/operations/remove-query.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const hourMs = 3_600_000;
const t0 = 1_700_002_800_000;
const shardId = 'shardId-000000000000';

function pipelineOf(queries: readonly ('kept' | 'old' | 'new')[]): Pipeline {
  const window = tumbling('1 hour');
  const all = {
    kept: { kept: { window, aggregates: { n: count() } } },
    old: { q: { window, aggregates: { n: count() } } },
    new: { q: { window, aggregates: { total: sum('n') } } },
  };
  return definePipeline({
    name: 'removed',
    event: z.object({ time: z.number(), n: z.number() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '30 days' },
    queries: Object.assign({}, ...queries.map((name) => all[name])) as typeof all.kept,
  });
}

/** One shard, with the functions of any deployment. */
function world() {
  const [state, windows, rejects] = [memoryTable(), memoryTable(), memoryTable()];
  let now = t0;
  let ids = 0;
  const newId = () => `id-${++ids}`;
  let sequence = 1_000_000;
  const run = (pipeline: Pipeline) =>
    finalize(
      {
        pipeline,
        state,
        windows,
        stream: {
          identity: async () => ({ name: 's', createdAt: 0 }),
          listShards: async () => [{ shardId, closed: false }],
          tail: async () => 'nothing',
        },
        limit: (call) => call(),
        publish: async () => {},
        now: () => ++now,
        runId: newId(),
        remainingMs: () => 60_000,
        retentionMs: hourMs,
      },
      'advance',
    );
  return {
    state,
    windows,
    /** The functions of a deployment, as containers of it begin. */
    async deployed(given: Pipeline) {
      const pipeline = await checkDefinition(state, given);
      const aggregator = shardAggregator({
        pipeline,
        state,
        rejects,
        shardId,
        now: () => ++now,
        attempt: newId,
      });
      return {
        async put(time: number, n = 1) {
          const text = JSON.stringify({ time, n });
          const events = [{ text, subRecord: 0, bytes: () => Buffer.from(text) }];
          const record = { sequenceNumber: String(++sequence), arrival: ++now, partitionKey: 'p', events };
          await aggregator.apply([record], () => 60_000);
        },
        finalize: () => run(pipeline),
        remove: (name: string, remainingMs = () => 60_000) =>
          removeQuery(
            {
              pipeline,
              state,
              windows,
              now: () => ++now,
              remainingMs,
              advance: async () => {
                await run(pipeline);
              },
            },
            name,
          ),
        async windowsOf(name: string) {
          const query = pipeline.queries.find((one) => one.name === name);
          if (query === undefined) throw new Error(`no query ${name}`);
          const range = { from: 0, to: t0 * 2, status: 'all', order: 'ascending', limit: 100 } as const;
          const found = await readWindows({ pipeline, state, windows }, query, range);
          return found.map(({ start, status, rows }) => [(start - t0) / hourMs, status, rows[0]?.values]);
        },
      };
    },
  };
}

describe('the removal of a query', () => {
  it('is cut off by an epoch, and the next query of the name takes nothing of it', async () => {
    const { deployed } = world();
    const old = await deployed(pipelineOf(['kept', 'old']));
    await old.put(t0);
    await old.put(t0 + hourMs);
    await old.finalize();
    await old.put(t0 + hourMs + 1);
    await expect(old.remove('q')).rejects.toThrow(/^query: .*is in the pipeline that is deployed/);
    const without = await deployed(pipelineOf(['kept']));
    expect(await without.remove('q')).toEqual({ removed: 'q', windows: 1, epoch: 2, done: true });
    expect(await without.remove('q')).toEqual({ removed: 'q', windows: 0, epoch: null, done: true });
    // A container of the removed query is still at work, and brings what its successor must not count.
    await old.put(t0 + hourMs + 2, 100);
    const next = await deployed(pipelineOf(['kept', 'new']));
    expect(await next.windowsOf('q')).toEqual([]);
    await next.put(t0 + hourMs + 3, 7);
    await old.put(t0 + hourMs + 4, 100);
    expect(await next.windowsOf('q')).toEqual([[1, 'open', { total: 7 }]]);
    await next.put(t0 + 2 * hourMs, 5);
    await next.finalize();
    expect(await next.windowsOf('q')).toEqual([
      [1, 'final', { total: 7 }],
      [2, 'open', { total: 5 }],
    ]);
    expect((await next.windowsOf('kept')).map(([hour, , values]) => [hour, values])).toEqual([
      [0, { n: 1 }],
      [1, { n: 5 }],
      [2, { n: 1 }],
    ]);
  });

  it('that is not finished keeps the name, and goes on', async () => {
    const { deployed, state } = world();
    const old = await deployed(pipelineOf(['kept', 'old']));
    await old.put(t0);
    await old.put(t0 + hourMs);
    await old.finalize();
    const without = await deployed(pipelineOf(['kept']));
    expect(await without.remove('q', () => 0)).toMatchObject({ done: false });
    await expect(deployed(pipelineOf(['kept', 'old']))).rejects.toThrow(/queries.q.*is being removed/);
    expect(await without.remove('q')).toMatchObject({ windows: 1, done: true });
    const again = await deployed(pipelineOf(['kept', 'old']));
    await again.put(t0 + hourMs + 1);
    await again.put(t0 + 2 * hourMs);
    await again.finalize();
    expect((await again.windowsOf('q'))[0]).toEqual([1, 'final', { n: 1 }]);
    // A second removal is of the second generation.
    expect(await without.remove('q')).toMatchObject({ windows: 1, done: true });
    const third = await checkDefinition(state, pipelineOf(['kept', 'new']));
    expect(third.queries.map(({ name, generation }) => [name, generation])).toEqual([
      ['kept', undefined],
      ['q', 2],
    ]);
  });
});
