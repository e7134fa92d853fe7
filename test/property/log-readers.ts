import fc from 'fast-check';
import { expect } from 'vitest';
import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import {
  count,
  cumulate,
  definePipeline,
  global,
  session,
  sliding,
  sum,
  topK,
  tumbling,
} from '../../functions/core/index.ts';
import { sessionRule } from '../../functions/core/sessions/join.ts';
import type { EpochBounds } from '../../functions/state/epochs/bounds.ts';
import { feedLifeMs } from '../../functions/state/epochs/emissions.ts';
import type { FeedPlace } from '../../functions/state/epochs/feed-place.ts';
import { type ChangePlace, readChanges, readFinals } from '../../functions/state/epochs/window-feed.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import type { ReaderTables, WindowView } from '../../functions/state/windows/window-view.ts';
import { anyEvent, type Before, type CountedEvent, type LogEvent, type LogWorld, logWorld } from './log-world.ts';

const groupBy: 'user'[] = ['user'];

const pipeline: Pipeline = definePipeline({
  name: 'readers',
  event: anyEvent,
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: { ms: 3 }, maxFutureSkew: '36500 days', idle: { ms: 5_000 } },
  queries: {
    // The order of merging shows in the most frequent amounts.
    tumbling: {
      window: tumbling({ ms: 10 }),
      groupBy,
      aggregates: { count: count(), amount: sum('amount'), top: topK('amount', 1, { capacity: 1 }) },
    },
    sliding: {
      window: sliding({ ms: 25 }, { ms: 10 }),
      groupBy,
      aggregates: { count: count(), amount: sum('amount'), top: topK('amount', 1, { capacity: 1 }) },
    },
    cumulate: {
      window: cumulate({ ms: 40 }, { ms: 10 }),
      groupBy,
      aggregates: { count: count(), amount: sum('amount') },
    },
    late: {
      window: tumbling({ ms: 10 }),
      groupBy,
      aggregates: { count: count(), amount: sum('amount') },
      allowedLateness: { ms: 15 },
      emit: { early: { ms: 500 } },
    },
    ever: { window: global(), groupBy, aggregates: { count: count(), amount: sum('amount') } },
    sessions: {
      window: session({ ms: 12 }, { resolution: { ms: 4 } }),
      groupBy,
      aggregates: { count: count(), amount: sum('amount') },
    },
  },
});

/** What a reader is to see of a window. */
interface Shown {
  readonly records: number;
  /** By user: how many, and their amount. */
  readonly rows: Readonly<Record<string, readonly [count: number, amount: number]>>;
}

const everything = { from: -1e12, to: 1e12, status: 'all', order: 'ascending', limit: 100_000 } as const;
const rangeOf = ({ definedKind }: Query) =>
  definedKind.isEndless ? { ...everything, from: definedKind.sliceOf(0), to: definedKind.sliceOf(0) + 1 } : everything;

function shownOf(events: readonly LogEvent[]): Shown {
  const rows: Record<string, readonly [number, number]> = {};
  for (const { user, amount } of events) {
    const [n, total] = rows[user] ?? [0, 0];
    rows[user] = [n + 1, total + amount];
  }
  return { records: events.length, rows };
}

const shownIn = ({ records, rows }: WindowView): Shown => ({
  records,
  rows: Object.fromEntries(
    rows.map(({ key, values }) => [String(key['user']), [Number(values['count']), Number(values['amount'])]]),
  ),
});

const named = (windows: ReadonlyMap<string, readonly LogEvent[]>) =>
  new Map([...windows].map(([name, events]) => [name, shownOf(events)]));

/** The windows of a query by one pass over what it counted. */
function alignedWindows({ window: kind }: Query, events: readonly CountedEvent[]): ReadonlyMap<string, Shown> {
  const windows = new Map<string, LogEvent[]>();
  for (const event of events)
    for (const closing of kind.closings(kind.sliceOf(event.time)))
      if (closing > event.closedThrough)
        for (const { start, end } of kind.emit(closing))
          if (start <= event.time && event.time < end) {
            const name = `${start}/${end}`;
            windows.set(name, [...(windows.get(name) ?? []), event]);
          }
  return named(windows);
}

/** The sessions of a query, epoch by epoch, from its events. */
function sessionsOf(query: Query, all: readonly CountedEvent[], closedAt: ReadonlyMap<number, number>) {
  const { gapMs, closingOf } = sessionRule(query);
  const windows = new Map<string, LogEvent[]>();
  for (const user of new Set(all.map((event) => event.user))) {
    const events = all.filter((event) => event.user === user);
    let open: CountedEvent[] = [];
    const cut = (): CountedEvent[][] => {
      const runs: CountedEvent[][] = [];
      for (const event of [...open].sort((left, right) => left.time - right.time)) {
        const last = runs.at(-1)?.at(-1);
        if (last !== undefined && event.time - last.time <= gapMs) runs.at(-1)?.push(event);
        else runs.push([event]);
      }
      return runs;
    };
    const show = (run: readonly CountedEvent[]) => {
      const name = `${run[0]?.time}/${(run.at(-1)?.time ?? 0) + gapMs}`;
      windows.set(name, [...(windows.get(name) ?? []), ...run]);
    };
    const last = Math.max(0, ...closedAt.keys(), ...events.map(({ epoch }) => epoch));
    for (let epoch = 1; epoch <= last; epoch++) {
      open.push(...events.filter((event) => event.epoch === epoch));
      const runs = cut();
      const closes = (run: readonly CountedEvent[]) =>
        closingOf(run.at(-1)?.time ?? 0) <= (closedAt.get(epoch) ?? Number.NEGATIVE_INFINITY);
      for (const run of runs.filter(closes)) show(run);
      open = runs.filter((run) => !closes(run)).flat();
    }
    for (const run of cut()) show(run);
  }
  return named(windows);
}

async function closedAtOf({ tables }: LogWorld): Promise<ReadonlyMap<number, number>> {
  const epochs = await tables.state.query('epochs');
  return new Map(
    epochs.map(({ sk, attributes }) => [Number(sk), Number(attributes['closed'] ?? Number.NEGATIVE_INFINITY)]),
  );
}

const byName = (views: readonly WindowView[]) =>
  new Map(views.map((view) => [`${view.start}/${view.end}`, shownIn(view)]));

/** What was seen of aligned windows: no later read may show less. */
type Seen = Map<string, WindowView>;

function checkGrowth(seen: ReadonlyMap<string, WindowView>, views: readonly WindowView[]): void {
  const now = new Map(views.map((view) => [`${view.query}#${view.start}/${view.end}`, view]));
  const query = views[0]?.query;
  for (const [name, before] of seen) {
    if (query === undefined || !name.startsWith(`${query}#`)) continue;
    const view = now.get(name);
    expect(view?.records ?? 0, name).toBeGreaterThanOrEqual(before.records);
    expect(view?.revision ?? -1, name).toBeGreaterThanOrEqual(before.revision ?? -1);
    const order = ['open', 'closing', 'final'];
    expect(order.indexOf(view?.status ?? ''), name).toBeGreaterThanOrEqual(order.indexOf(before.status));
    // Of a window that is closing nothing changes any more, to the byte.
    if (before.status !== 'open') expect(view?.rows, name).toEqual(before.rows);
  }
}

function note(seen: Seen, views: readonly WindowView[]): void {
  for (const view of views) seen.set(`${view.query}#${view.start}/${view.end}`, view);
}

const isAligned = ({ window }: Query) => window.sessions === undefined;

/** Reads every query while nobody adds anything; finalize may be at any step. */
async function checkNow(world: LogWorld, seen: Seen, moment: 'at rest' | 'amid finalize'): Promise<void> {
  for (const query of world.pipeline.queries) {
    const counted = world.counted.get(query.name) ?? [];
    const views = await readWindows(world.tables, query, rangeOf(query));
    if (isAligned(query)) {
      expect(byName(views), query.name).toEqual(alignedWindows(query, counted));
      checkGrowth(seen, views);
      note(seen, views);
    } else {
      // Which sessions an epoch has closed shows when its logs are cut.
      const total = views.reduce((records, view) => records + view.records, 0);
      expect(total, query.name).toBe(counted.length);
      if (moment === 'at rest')
        expect(byName(views), query.name).toEqual(sessionsOf(query, counted, await closedAtOf(world)));
    }
  }
}

/** Pages through the windows of a query. */
async function paged(tables: ReaderTables, query: Query, limit: number, order: 'ascending' | 'descending') {
  const views: WindowView[] = [];
  for (;;) {
    const last = views.at(-1);
    const after = last === undefined ? {} : { after: { start: last.start, end: last.end } };
    const page = await readWindows(tables, query, { ...rangeOf(query), limit, order, ...after });
    views.push(...page);
    if (page.length < limit) return views;
  }
}

/** Reads a query while something happens before one of the read's calls. */
async function checkAmid(world: LogWorld, seen: Seen, query: Query, at: number, act: () => Promise<void>) {
  const before = world.counted.get(query.name)?.length ?? 0;
  const known = new Map(seen);
  let done = false;
  const tables = world.tablesWith(async (call) => {
    if (done || call < at) return;
    done = true;
    await act();
  });
  const views = await readWindows(tables, query, rangeOf(query));
  const counted = world.counted.get(query.name) ?? [];
  const shown = byName(views);
  if (!isAligned(query)) {
    const total = views.reduce((records, view) => records + view.records, 0);
    expect(total, query.name).toBeGreaterThanOrEqual(before);
    expect(total, query.name).toBeLessThanOrEqual(counted.length);
    return;
  }
  for (const [name, { records, rows }] of alignedWindows(query, counted.slice(0, before))) {
    expect(shown.get(name)?.records ?? 0, name).toBeGreaterThanOrEqual(records);
    for (const [user, [n]] of Object.entries(rows)) expect(shown.get(name)?.rows[user]?.[0]).toBeGreaterThanOrEqual(n);
  }
  const after = alignedWindows(query, counted);
  for (const [name, { records, rows }] of shown) {
    expect(after.get(name)?.records ?? 0, name).toBeGreaterThanOrEqual(records);
    for (const [user, [n]] of Object.entries(rows)) expect(after.get(name)?.rows[user]?.[0]).toBeGreaterThanOrEqual(n);
    expect(
      Object.values(rows).reduce((total, [n]) => total + n, 0),
      name,
    ).toBe(records);
  }
  checkGrowth(known, views);
}

const shards = 3;
const event = fc.record({
  time: fc.integer({ min: 0, max: 150 }),
  user: fc.constantFrom('a', 'b', 'c'),
  amount: fc.nat(9),
});
const add = fc.record({
  do: fc.constant('add' as const),
  shard: fc.nat(shards - 1),
  events: fc.array(event, { minLength: 1, maxLength: 4 }),
});
const step = fc.oneof(
  { weight: 6, arbitrary: add },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('finalize' as const),
      /** The call that fails, if one does. */
      breakAt: fc.option(fc.nat(120), { nil: undefined }),
      /** No window can be written. */
      holds: fc.boolean(),
      readAt: fc.nat(80),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 100, max: 10_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), shard: fc.nat(shards - 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      query: fc.nat(pipeline.queries.length - 1),
      at: fc.nat(12),
      amid: fc.oneof(add, fc.constant({ do: 'finalize' as const })),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Bounds of the finalizer: a deployment's, or such that there are tasks, lanes and parts of segments. */
const bounds = fc.constantFrom<Partial<EpochBounds>>(
  {},
  { laneBytes: 60, taskBytes: 200, segmentBytes: 50, windowsAtATime: 2 },
  { laneBytes: 25, taskBytes: 60, segmentBytes: 100, mostKeys: 2 },
);

class Broken extends Error {}

async function finalizeOnce(world: LogWorld, before: Before): Promise<void> {
  try {
    await world.finalize('advance', before);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  }
}

async function play(world: LogWorld, seen: Seen, one: Step): Promise<void> {
  if (one.do === 'add') return world.add(one.shard, one.events);
  if (one.do === 'pass') return world.pass(one.ms);
  if (one.do === 'close') return world.close(one.shard);
  if (one.do === 'finalize') {
    let failure: unknown;
    await finalizeOnce(world, async (call, table) => {
      if (call === one.breakAt || (one.holds && table === 'windows')) throw new Broken('the run is cut off');
      if (call % 7 !== one.readAt % 7 || failure !== undefined) return;
      try {
        await checkNow(world, seen, 'amid finalize');
      } catch (error) {
        failure = error;
      }
    });
    if (failure !== undefined) throw failure;
    return;
  }
  const query = world.pipeline.queries[one.query];
  if (query === undefined) return;
  const { amid } = one;
  await checkAmid(world, seen, query, one.at, () =>
    amid.do === 'add' ? world.add(amid.shard, amid.events) : finalizeOnce(world, async () => {}),
  );
}

const courses = fc.array(fc.oneof(add, fc.constant({ do: 'finalize' as const })), { minLength: 3, maxLength: 15 });

/** At every step of finalize, reads show what one pass over the events gives, and never go back. */
export async function checkEveryStep(numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), bounds, async (steps, cut) => {
      const world = logWorld(pipeline, shards, cut);
      const seen: Seen = new Map();
      for (const one of steps) {
        await play(world, seen, one);
        await checkNow(world, seen, 'at rest');
      }
      // To the end: all is final but what is endless.
      await world.finalize('drain');
      await world.finalize('drain');
      await checkNow(world, seen, 'at rest');
      for (const query of world.pipeline.queries.filter(({ definedKind }) => !definedKind.isEndless)) {
        const views = await readWindows(world.tables, query, rangeOf(query));
        expect(views.every(({ status }) => status === 'final')).toBe(true);
      }
    }),
    { numRuns },
  );
}

/** Pages of windows are the whole list, in both orders. */
export async function checkPages(numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(courses, fc.integer({ min: 1, max: 4 }), async (steps, limit) => {
      const world = logWorld(pipeline, shards);
      for (const one of steps) await (one.do === 'add' ? world.add(one.shard, one.events) : world.finalize());
      for (const query of pipeline.queries) {
        const all = await readWindows(world.tables, query, rangeOf(query));
        expect(await paged(world.tables, query, limit, 'ascending')).toEqual(all);
        expect(await paged(world.tables, query, limit, 'descending')).toEqual([...all].reverse());
        const finals = await readWindows(world.tables, query, { ...rangeOf(query), status: 'final' });
        const open = await readWindows(world.tables, query, { ...rangeOf(query), status: 'open' });
        expect(finals).toEqual(all.filter(({ status }) => status === 'final'));
        expect(byName(open)).toEqual(byName(all.filter(({ status }) => status !== 'final')));
      }
    }),
    { numRuns },
  );
}

/** A reader who replaces its copies by what the feed gives has the whole table. */
export async function checkFeed(numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(courses, fc.integer({ min: 1, max: 4 }), fc.nat(4), async (steps, limit, index) => {
      const query = pipeline.queries[index];
      if (query === undefined) return;
      const world = logWorld(pipeline, shards);
      const has = new Map<string, Shown>();
      let place: ChangePlace | undefined;
      const { from, to } = rangeOf(query);
      const poll = async () => {
        const { views, placeAfter } = await readChanges(world.tables, query, { from, to, limit }, place, world.now());
        const given = views.slice(0, limit);
        for (const [name, shown] of byName(given)) {
          expect(shown.records, name).toBeGreaterThanOrEqual(has.get(name)?.records ?? 0);
          has.set(name, shown);
        }
        place = JSON.parse(JSON.stringify(placeAfter(given.length))) as ChangePlace;
        return given.length;
      };
      for (const one of steps) {
        await (one.do === 'add' ? world.add(one.shard, one.events) : world.finalize());
        await poll();
      }
      const all = await readWindows(world.tables, query, rangeOf(query));
      for (let quiet = 0, asked = 0; quiet <= all.length / limit + 2; asked++) {
        expect(asked).toBeLessThan(200);
        quiet = (await poll()) === 0 ? quiet + 1 : 0;
      }
      expect(has).toEqual(byName(all));
    }),
    { numRuns },
  );
}

/** Deletes what has expired of a query's index, as DynamoDB may do by now. */
async function expire({ tables: { state }, now }: LogWorld, { name }: Query): Promise<void> {
  for (const { pk, sk, attributes } of await state.query(`emissions#${name}`))
    if (Number(attributes['expiresAt']) * 1000 < now()) await state.delete({ pk, sk });
}

/**
 * A feed gives each final window once, and epoch by epoch, whatever is cut off and however long the reader is away.
 */
export async function checkFinalFeed(numRuns: number): Promise<void> {
  const away = fc.record({
    do: fc.constant('pass' as const),
    ms: fc.constantFrom(1_000, feedLifeMs, 2 * feedLifeMs),
  });
  const finalize = fc.record({
    do: fc.constant('finalize' as const),
    breakAt: fc.option(fc.nat(150), { nil: undefined }),
  });
  const poll = fc.constant({ do: 'poll' as const });
  const comings = fc.array(fc.oneof({ weight: 4, arbitrary: add }, { weight: 4, arbitrary: finalize }, poll, away), {
    minLength: 3,
    maxLength: 25,
  });
  // Small bounds: an epoch's emission is cut into several groups, and a run that is cut off leaves a note of them.
  const small = { windowsAtATime: 2, mostKeys: 2 };
  await fc.assert(
    fc.asyncProperty(comings, fc.integer({ min: 1, max: 4 }), fc.nat(5), async (steps, limit, index) => {
      const query = pipeline.queries[index];
      if (query === undefined) return;
      const world = logWorld(pipeline, shards, small);
      const { from, to } = rangeOf(query);
      const got: string[] = [];
      let place: FeedPlace | undefined;
      const readOn = async (taken = limit) => {
        const { views, placeAfter } = await readFinals(world.tables, query, { from, to, limit }, place, world.now());
        const given = views.slice(0, taken);
        got.push(...given.map((view) => `${view.start}/${view.end}`));
        place = JSON.parse(JSON.stringify(placeAfter(given.length))) as FeedPlace;
        return given.length;
      };
      let breaks = 0;
      for (const one of steps) {
        if (one.do === 'add') await world.add(one.shard, one.events);
        else if (one.do === 'pass') {
          world.pass(one.ms);
          await expire(world, query);
        } else if (one.do === 'poll') await readOn(1 + (breaks++ % limit));
        else
          await finalizeOnce(world, async (call) => {
            if (call === one.breakAt) throw new Broken('the run is cut off');
          });
      }
      await world.finalize('drain');
      await world.finalize('drain');
      while ((await readOn()) > 0 || place?.scan !== undefined) expect(got.length).toBeLessThan(1_000);
      const finals = await readWindows(world.tables, query, { ...rangeOf(query), status: 'final' });
      const names = finals.map(({ start, end }) => `${start}/${end}`);
      expect([...got].sort()).toEqual([...names].sort());
      // A reader who begins now, while the index tells everything, gets them in the order of the epochs.
      place = undefined;
      got.length = 0;
      const began = await world.tables.state.get({ pk: 'emitted', sk: query.name });
      while ((await readOn()) > 0 || (place !== undefined && (place as FeedPlace).scan !== undefined));
      expect([...got].sort()).toEqual([...names].sort());
      if (world.now() - Number(began?.attributes['indexedSince']) > feedLifeMs / 2) return;
      const epochs = new Map(
        (await world.tables.windows.query(query.name)).map(({ attributes: { start, end, epoch } }) => [
          `${start}/${end}`,
          Number(epoch),
        ]),
      );
      const order = got.map((name) => epochs.get(name) ?? 0);
      expect(order).toEqual([...order].sort((left, right) => left - right));
    }),
    { numRuns },
  );
}
