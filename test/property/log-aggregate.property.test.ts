import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { addCounters, noEvents } from '../../functions/core/events/counters.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import {
  count,
  countDistinct,
  definePipeline,
  type Pipeline,
  session,
  sliding,
  sum,
  tumbling,
} from '../../functions/core/index.ts';
import { sideOutput } from '../../functions/state/items/side-scan.ts';
import { readNewestEpoch } from '../../functions/state/log/epoch.ts';
import type { ShardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { broken, fatefulTable, type PutFate } from '../fixtures/log/faulty-tables.ts';
import { cut, seal } from '../fixtures/log/shard-log.ts';
import {
  always,
  recordOf,
  type ShardWorld,
  shardId,
  shardWorld,
  startMs,
  textAt,
} from '../fixtures/log/shard-world.ts';

const spec = {
  name: 'logs',
  event: z.object({ time: z.number(), key: z.string(), n: z.number(), id: z.number().optional() }),
  eventTime: { of: (event: { time: number }) => event.time, unit: 'ms' },
  watermark: { delay: 0, maxFutureSkew: '7 days' },
  queries: {
    minutes: {
      groupBy: ['key'],
      window: tumbling('1 minute'),
      allowedLateness: '20 s',
      aggregates: { count: count(), sum: sum('n') },
    },
    sliding: {
      where: (event: { n: number }) => event.n > 0,
      window: sliding('3 minutes', '1 minute'),
      aggregates: { keys: countDistinct('key', { upTo: 100 }) },
    },
    sessions: {
      groupBy: ['key'],
      where: (event: { n: number }) => event.n > 1,
      window: session('30 s', { resolution: '10 s' }),
      aggregates: { count: count() },
    },
  },
} as const;
const plain = definePipeline(spec);
const withinMs = 40;
const deduplicating = definePipeline({
  ...spec,
  dedup: { by: (event: { id?: number | undefined }) => event.id, within: { ms: withinMs } },
});

/** The text of an event, or garbage. */
const text = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(
        fc.integer({ min: 0, max: 59 }),
        fc.constantFrom('a', 'b', 'c'),
        fc.integer({ min: -1, max: 3 }),
        fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      )
      .map(([tens, key, n, id]) => textAt(tens * 10_000, { key, n, id })),
  },
  { weight: 1, arbitrary: fc.constant('garbage') },
);
const records: fc.Arbitrary<readonly StreamRecord[]> = fc
  .array(fc.array(text, { maxLength: 3 }), { minLength: 1, maxLength: 20 })
  .map((all) => all.map((texts, n) => recordOf(n * 10, ...texts)));

/** A cut of the log; it raises C by so many times ten seconds. */
interface Cut {
  readonly kind: 'cut';
  readonly tens: number;
}
/** An invocation of a container with a batch, which may begin before what is committed, as Lambda and zombies do. */
interface Batch {
  readonly kind: 'batch';
  readonly container: number;
  readonly back: number;
  readonly size: number;
  /** What happens between the read and the put of each of its entries, in turn. */
  readonly between: readonly (Cut | Batch | undefined)[];
  readonly fates: readonly PutFate[];
}
/** A container is gone, and with it what it knew. */
interface Restart {
  readonly kind: 'restart';
  readonly container: number;
}
type Step = Cut | Batch | Restart;

const cutStep = fc.record<Cut>({ kind: fc.constant('cut'), tens: fc.integer({ min: 0, max: 6 }) });
const batchStep = (between: fc.Arbitrary<readonly (Cut | Batch | undefined)[]>) =>
  fc.record<Batch>({
    kind: fc.constant('batch'),
    container: fc.integer({ min: 0, max: 2 }),
    back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 }) }),
    size: fc.integer({ min: 1, max: 5 }),
    between,
    fates: fc.array(fc.constantFrom<PutFate[]>('told', 'told', 'told', 'brokenBefore', 'brokenAfter', 'repeated'), {
      maxLength: 3,
    }),
  });
const zombie = batchStep(fc.constant([]));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: batchStep(fc.array(fc.option(fc.oneof(cutStep, zombie), { nil: undefined }), { maxLength: 3 })),
  },
  { weight: 2, arbitrary: cutStep },
  {
    weight: 1,
    arbitrary: fc.record<Restart>({ kind: fc.constant('restart'), container: fc.integer({ min: 0, max: 2 }) }),
  },
);

/** A shard whose log is written by three containers, one step after the other, or one within another. */
function play(world: ShardWorld, all: readonly StreamRecord[]) {
  let counters = noEvents;
  let committed = 0;
  let closedThrough = Number.NEGATIVE_INFINITY;
  /** The batches that are under way, the innermost last. */
  const underWay: { between: (Cut | Batch | undefined)[]; fates: PutFate[] }[] = [];
  const state = fatefulTable(world.state, async ({ pk }): Promise<PutFate> => {
    const current = underWay[underWay.length - 1];
    if (pk !== `log#${shardId}` || current === undefined) return 'told';
    const inner = current.between.shift();
    if (inner !== undefined) await take(inner);
    return current.fates.shift() ?? 'told';
  });
  const begin = () => world.container({ state });
  const containers: ShardAggregator[] = [begin(), begin(), begin()];

  async function take(one: Step): Promise<void> {
    world.nowMs++;
    if (one.kind === 'restart') containers[one.container] = begin();
    else if (one.kind === 'cut') {
      closedThrough = Math.max(closedThrough, startMs) + one.tens * 10_000;
      const { epoch } = await readNewestEpoch(world.state);
      await cut(world.state, shardId, { epoch: epoch + 1, closedThrough }, world.nowMs);
    } else await invoke(one);
  }

  async function invoke({ container, back, size, between, fates }: Batch): Promise<void> {
    const from = Math.max(0, committed - back);
    const batch = all.slice(from, from + size);
    underWay.push({ between: [...between], fates: [...fates] });
    // A container does one thing at a time: what comes within its own batch is another one's.
    const aggregator = underWay.length === 1 ? containers[container] : begin();
    try {
      const report = await aggregator?.apply(batch, always);
      counters = addCounters(counters, report?.counters ?? noEvents);
      committed = Math.max(committed, from + batch.length);
    } catch (error) {
      if (error !== broken) throw error;
    } finally {
      underWay.pop();
    }
  }

  return {
    take,
    /** Everything that is left, without faults. */
    async finish() {
      counters = addCounters(counters, (await begin().apply(all, always)).counters);
      return counters;
    },
  };
}

/** The duplicates by the definition, asked once for each accepted event. */
function byDefinition() {
  const first = new Map<unknown, number>();
  let clock = 0;
  return (event: unknown, arrivalMs: number) => {
    const id = Reflect.get(Object(event), 'id');
    if (id === undefined) return false;
    clock = Math.max(clock, arrivalMs);
    const since = first.get(id);
    if (since !== undefined && clock - since <= withinMs) return true;
    first.set(id, clock);
    return false;
  };
}

it.each([
  ['', plain, () => () => false],
  [', deduplicated,', deduplicating, byDefinition],
] as const)(
  'the entries of a log%s add up to one pass over its records, whatever batches, zombies, barriers and faults',
  async (_, pipeline: Pipeline, judge) => {
    await fc.assert(
      fc.asyncProperty(records, fc.array(step, { maxLength: 14 }), fc.boolean(), async (all, steps, sealed) => {
        const world = shardWorld(pipeline);
        const shard = play(world, all);
        for (const one of steps) await shard.take(one);
        const reported = await shard.finish();
        if (sealed) {
          await seal(world.state, shardId, world.nowMs);
          expect((await world.container().apply(all, always)).counters).toEqual(noEvents);
        }
        const { counters, late } = await world.checked(all, judge());
        // A call that failed reports nothing of what it had put.
        expect(reported.received).toBeLessThanOrEqual(counters.received);
        if (steps.every((one) => one.kind !== 'batch' || !fails(one))) expect(reported).toEqual(counters);
        // Whatever an entry lists as late, or rejected, is in the side output, at its position.
        const side = new Set<string>();
        for await (const { event } of sideOutput(world.rejects, [shardId], {
          fromMs: startMs,
          toMs: startMs + 3_600_000,
        }))
          side.add(`${event.query ?? ''}#${event.position}`);
        for (const [query, positions] of Object.entries(late))
          for (const position of positions) expect(side).toContain(`${query}#${position}`);
        expect([...side].filter((name) => name.startsWith('#'))).toHaveLength(counters.rejected);
      }),
      { numRuns: 150 },
    );
  },
);

/** Whether a call of it, or of one within it, may fail. */
function fails({ fates, between }: Batch): boolean {
  return (
    fates.includes('brokenBefore') ||
    fates.includes('brokenAfter') ||
    between.some((one) => one?.kind === 'batch' && fails(one))
  );
}
