import type { StandardSchemaV1 } from '@standard-schema/spec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, sum } from '../../functions/core/aggregates/index.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { session } from '../../functions/core/windows/session.ts';
import { lastClosing } from '../../functions/core/windows/window.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { type PutEvent, protocolWorld } from './protocol-world.ts';

interface Event {
  readonly time: number;
  readonly user: string;
  readonly amount: number;
}

/** A schema that accepts everything as an event. */
const schema: StandardSchemaV1<unknown, Event> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Event }) },
};

function sessionPipeline(gap: number, resolution: number, delay: number, lateness = 0): Pipeline {
  return definePipeline({
    name: 'sessions',
    event: schema,
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: { ms: delay }, maxFutureSkew: '36500 days', idle: '1 minute' },
    queries: {
      sessions: {
        window: session({ ms: gap }, { resolution: { ms: resolution } }),
        groupBy: ['user'],
        aggregates: { count: count(), amount: sum('amount') },
        allowedLateness: { ms: lateness },
        expectedKeys: 1,
      },
    },
  });
}

const everything = { from: -1e12, to: 1e12, order: 'ascending', limit: 100_000 } as const;

const shownOf = ({ start, end, records, rows }: Pick<WindowView, 'start' | 'end' | 'records' | 'rows'>) => ({
  start,
  end,
  records,
  rows,
});

/** Sessions by the textbook definition, from a list of events. */
function expected(events: readonly Event[], gap: number) {
  const sessions: { start: number; last: number; user: string; count: number; amount: number }[] = [];
  for (const { time, user, amount } of [...events].sort((left, right) => left.time - right.time)) {
    const open = sessions.findLast((one) => one.user === user);
    if (open !== undefined && time - open.last <= gap)
      Object.assign(open, { last: time, count: open.count + 1, amount: open.amount + amount });
    else sessions.push({ start: time, last: time, user, count: 1, amount });
  }
  return sessions
    .map(({ start, last, user, ...values }) => ({ start, end: last + gap, key: user, ...values }))
    .sort((left, right) => left.start - right.start || left.end - right.end || (left.key < right.key ? -1 : 1));
}

const flat = (windows: readonly Pick<WindowView, 'start' | 'end' | 'rows'>[]) =>
  windows
    .flatMap(({ start, end, rows }) => rows.map(({ key, values }) => ({ start, end, key: key['user'], ...values })))
    .sort(
      (left, right) =>
        left.start - right.start || left.end - right.end || (String(left.key) < String(right.key) ? -1 : 1),
    );

function batch(pipeline: Pipeline, parts: readonly (readonly Event[])[]) {
  return staticAnswer(
    pipeline,
    parts.map((events) => {
      const run = createStaticRun(pipeline);
      for (const event of events) run.addParsed(event, 0);
      return run.part();
    }),
  ).windows;
}

const sizes = fc
  .record({ gap: fc.integer({ min: 1, max: 40 }), resolution: fc.integer({ min: 1, max: 40 }) })
  .map(({ gap, resolution }) => ({ gap, resolution: Math.min(gap, resolution) }));

const events = fc.array(
  fc.record({
    step: fc.integer({ min: 0, max: 30 }),
    behind: fc.integer({ min: 0, max: 30 }),
    user: fc.constantFrom('a', 'b', 'c'),
    amount: fc.nat(9),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('the slices of sessions', () => {
  it('hold what is at most a gap apart, and close last when a session that ends in them does', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: -1000, max: 1000 }), ({ gap, resolution }, time) => {
        const kind = session({ ms: gap }, { resolution: { ms: resolution } });
        const slice = kind.sliceOf(time);
        const closings = kind.closings(slice);
        expect(slice).toBeLessThanOrEqual(time);
        expect(time - slice).toBeLessThan(resolution);
        expect(kind.sliceOf(slice)).toBe(slice);
        expect(kind.sliceOf(slice - 1)).toBe(slice - resolution);
        expect(closings.at(-1)).toBe(kind.sessions?.closingOf(time));
        expect(closings.at(-1)).toBe(lastClosing(kind, slice));
        // Spark's rule, rounded up by less than two slices.
        const late = lastClosing(kind, slice) - (time + gap);
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThan(2 * resolution);
        if (resolution === 1) expect(late).toBe(0);
        // The slice of a record a gap behind has closed once when the session closes. The record joins the session
        // while it is open.
        expect(kind.closings(kind.sliceOf(time + gap))[0]).toBeLessThanOrEqual(lastClosing(kind, slice));
      }),
    );
  });
});

describe('tidemark batch', () => {
  it('finds the sessions of a text book, however its input is cut', () => {
    fc.assert(
      fc.property(sizes, events, fc.integer({ min: 1, max: 4 }), ({ gap, resolution }, drawn, lanes) => {
        const list: Event[] = [];
        for (const { step, user, amount } of drawn)
          list.push({ time: (list.at(-1)?.time ?? -100) + step - 10, user, amount });
        const parts = Array.from({ length: lanes }, (_, lane) => list.filter((_event, i) => i % lanes === lane));
        const found = batch(sessionPipeline(gap, resolution, 0), parts);
        expect(flat(found)).toEqual(expected(list, gap));
        for (const { records, rows } of found)
          expect(records).toBe(rows.reduce((total, { values }) => total + Number(values['count']), 0));
      }),
    );
  });
});

describe('a stream', () => {
  const drawn = fc.record({
    sizes,
    events,
    shards: fc.integer({ min: 1, max: 3 }),
    delay: fc.integer({ min: 1, max: 40 }),
    lateness: fc.constantFrom(0, 0, 7, 40),
    perRecord: fc.integer({ min: 1, max: 3 }),
    acts: fc.array(
      fc.record({
        shard: fc.nat(2),
        take: fc.integer({ min: 1, max: 5 }),
        retry: fc.boolean(),
        run: fc.constantFrom('none', 'one', 'two', 'interrupted'),
        breakAt: fc.integer({ min: 1, max: 40 }),
      }),
      { maxLength: 30 },
    ),
  });

  it('ends up with the sessions of the batch, whatever the batches, shards, retries, runs side by side and crashes, and a reader sees every record once', async () => {
    await fc.assert(
      fc.asyncProperty(
        drawn,
        async ({ sizes: { gap, resolution }, events: list, shards, delay, lateness, perRecord, acts }) => {
          const pipeline = sessionPipeline(gap, resolution, delay, lateness);
          const [query] = pipeline.queries;
          if (query === undefined) throw new Error('no query');
          const greatest = new Map<number, number>();
          const all: (Event & { shard: number })[] = [];
          for (const [i, { step, behind, user, amount }] of list.entries()) {
            const shard = i % shards;
            const most = greatest.get(shard);
            // Less than the delay behind. A record at W itself comes in time, and a session that ends at W is closed by
            // then.
            const time = most === undefined ? step : Math.max(most + step - behind, most - delay + 1);
            greatest.set(shard, Math.max(most ?? time, time));
            all.push({ time, user, amount, shard });
          }
          const puts = all.map(({ shard, ...event }): PutEvent => ({ text: JSON.stringify(event), shard }));
          const world = protocolWorld(pipeline, puts, shards, perRecord);
          const tables = {
            pipeline,
            state: memoryTable(world.stores.state),
            windows: memoryTable(world.stores.windows),
          };
          const taken = world.logs.map(() => 0);
          const warm = world.logs.map((_, shard) => world.aggregator(shard));
          let committed = 0;
          const put = async (shard: number, take: number, retry: boolean) => {
            const log = world.logs[shard] ?? [];
            const from = taken[shard] ?? 0;
            const records = log.slice(from, from + take);
            if (records.length === 0) return;
            await (warm[shard] ?? world.aggregator(shard)).apply(records, () => 60_000);
            if (retry) await world.aggregator(shard).apply(log.slice(Math.max(0, from - 1), from + take), () => 60_000);
            taken[shard] = from + records.length;
            committed += records.reduce((total, record) => total + record.events.length, 0);
          };
          const look = async () => {
            const views = await readWindows(tables, query, { ...everything, status: 'all' });
            expect(views.reduce((total, { records }) => total + records, 0)).toBe(committed);
          };
          for (const { shard, take, retry, run, breakAt } of acts) {
            await put(shard % shards, take, retry);
            await look();
            if (run === 'interrupted') await world.finalize('advance', breakAt).catch(() => undefined);
            else if (run === 'two') await Promise.all([world.finalize(), world.finalize()]);
            else if (run === 'one') await world.finalize();
            await look();
          }
          for (const shard of world.logs.keys()) await put(shard, 1000, false);
          await world.finalize();
          await look();
          expect((await world.finalize('drain')).drained).toBe(true);
          const finals = await readWindows(tables, query, { ...everything, status: 'final' });
          expect(finals.map(shownOf)).toEqual(batch(pipeline, [all]).map(shownOf));
          expect(flat(finals)).toEqual(expected(all, gap));
          expect(await readWindows(tables, query, { ...everything, status: 'open' })).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
