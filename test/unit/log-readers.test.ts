import { describe, expect, it } from 'vitest';
import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import type { KeyText } from '../../functions/core/events/group-key.ts';
import type { PartialAggregate } from '../../functions/core/fold/partial.ts';
import { count, definePipeline, session, sliding, sum, tumbling } from '../../functions/core/index.ts';
import { encodeBlock } from '../../functions/core/log/block.ts';
import { laneOf } from '../../functions/core/log/lane.ts';
import { sectionsText } from '../../functions/core/log/section.ts';
import { totalsAfterBatch } from '../../functions/core/log/totals.ts';
import { noSums } from '../../functions/state/epochs/conservation.ts';
import { readAllProgress, readWatermarks } from '../../functions/state/epochs/progress.ts';
import { putSegment } from '../../functions/state/epochs/segment.ts';
import { mostTailBytes, mostTailEntries } from '../../functions/state/epochs/tails.ts';
import { type ChangePlace, readChanges, readFinals } from '../../functions/state/epochs/window-feed.ts';
import { readLiveWindows, readWindow, readWindows } from '../../functions/state/epochs/window-reader.ts';
import { itemOf, logPartition, partKey, positionText } from '../../functions/state/log/entry.ts';
import { electEpoch, raiseEmitted, raiseGathered } from '../../functions/state/log/epoch.ts';
import { noteHeldBy } from '../../functions/state/log/held.ts';
import { putEntry } from '../../functions/state/log/log.ts';
import { putPlan } from '../../functions/state/log/plan.ts';
import { joinedTail, readRegistrations } from '../../functions/state/log/registration.ts';
import type { Table } from '../../functions/state/table/table.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import { anyEvent, type LogEvent, type LogWorld, logWorld } from '../property/log-world.ts';

const groupBy: 'user'[] = ['user'];

const pipeline: Pipeline = definePipeline({
  name: 'readers',
  event: anyEvent,
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: { ms: 0 }, maxFutureSkew: '36500 days', idle: { ms: 5_000 } },
  queries: {
    tumbling: { window: tumbling({ ms: 10 }), groupBy, aggregates: { count: count(), amount: sum('amount') } },
    sliding: {
      window: sliding({ ms: 20 }, { ms: 10 }),
      groupBy,
      aggregates: { count: count(), amount: sum('amount') },
    },
    sessions: { window: session({ ms: 10 }, { resolution: { ms: 1 } }), groupBy, aggregates: { count: count() } },
  },
});

function queryOf(name: string): Query {
  const query = pipeline.queries.find((one) => one.name === name);
  if (query === undefined) throw new Error(`no query ${name}`);
  return query;
}

const everything = { from: -1e12, to: 1e12, status: 'all', order: 'ascending', limit: 100_000 } as const;
const at = (...times: readonly number[]): LogEvent[] => times.map((time) => ({ time, user: 'a', amount: 1 }));
const shown = (views: readonly WindowView[]) =>
  views.map(({ start, end, status, records }) => [start, end, status, records]);
const read = (world: LogWorld, name: string) => readWindows(world.tables, queryOf(name), everything);
const shardId = (shard: number) => `shardId-${String(shard).padStart(12, '0')}`;

/** The run that ends before it emits anything. */
const withoutEmission = async (_call: number, table: 'state' | 'windows') => {
  if (table === 'windows') throw new Error('no emission');
};

describe('a window that is not emitted', () => {
  it('shows every entry at once, without any epoch', async () => {
    const world = logWorld(pipeline, 2);
    await world.add(0, at(1, 11));
    await world.add(1, at(2));
    expect(shown(await read(world, 'tumbling'))).toEqual([
      [0, 10, 'open', 2],
      [10, 20, 'open', 1],
    ]);
    expect(shown(await readWindow(world.tables, queryOf('tumbling'), 10))).toEqual([[10, 20, 'open', 1]]);
    expect(shown(await read(world, 'sessions'))).toEqual([[1, 21, 'open', 3]]);
  });

  it('takes of a log what was added before its closing was passed, and nothing added at it', async () => {
    const world = logWorld(pipeline, 1);
    await world.add(0, at(5, 20));
    // C is 20, the closing of [0, 20): the epoch is cut off behind its barriers, so nothing is gathered.
    await expect(
      world.finalize('advance', async (call) => {
        if ((await world.tables.state.query(logPartition(shardId(0)))).length === 3)
          throw new Error(`cut off at ${call}`);
      }),
    ).rejects.toThrow('cut off');
    await world.add(0, at(15));
    expect(shown(await read(world, 'sliding'))).toEqual([
      [-10, 10, 'open', 1],
      [0, 20, 'open', 1],
      [10, 30, 'open', 2],
      [20, 40, 'open', 1],
    ]);
    await world.finalize();
    expect(shown(await read(world, 'sliding'))).toEqual([
      [-10, 10, 'final', 1],
      [0, 20, 'final', 1],
      [10, 30, 'open', 2],
      [20, 40, 'open', 1],
    ]);
  });

  it('is read up to the epoch that closed it, however many epochs are gathered and merged behind it', async () => {
    const world = logWorld(pipeline, 1);
    await world.add(0, at(1));
    for (let epoch = 1; epoch <= 9; epoch++) {
      // The second one is of a slice whose first window closed an epoch ago: it counts in the other one alone.
      await world.add(0, epoch === 1 ? at(15) : at(epoch * 10 + 5, epoch * 10 - 15));
      await expect(world.finalize('advance', withoutEmission)).rejects.toThrow('no emission');
    }
    // The segments of the epochs 1 to 8 are merged by now, and each of the windows closed before.
    expect(shown(await read(world, 'sliding')).map(([start, , status, records]) => [start, status, records])).toEqual([
      [-10, 'closing', 1],
      ...[0, 10, 20, 30, 40, 50, 60, 70].map((start) => [start, 'closing', 3]),
      [80, 'open', 2],
      [90, 'open', 1],
    ]);
    // Sessions take what each of the epochs has added, and not what was merged of it.
    const counted = world.counted.get('sessions')?.length;
    expect((await read(world, 'sessions')).reduce((total, { records }) => total + records, 0)).toBe(counted);
    await world.finalize();
    const finals = shown(await read(world, 'sliding')).filter(([, , status]) => status === 'final');
    expect(finals.map(([, , , records]) => records)).toEqual([1, 3, 3, 3, 3, 3, 3, 3, 3]);
  });

  it('that became final during the read is shown final, once', async () => {
    for (let at_ = 0; at_ < 12; at_++) {
      const world = logWorld(pipeline, 2);
      await world.add(0, at(1, 3));
      await world.add(1, at(2, 25));
      await world.add(0, at(26));
      let done = false;
      const tables = world.tablesWith(async (call, table) => {
        if (done || (call < at_ && table === 'state')) return;
        done = true;
        await world.finalize();
      });
      const views = await readWindows(tables, queryOf('tumbling'), everything);
      expect(shown(views), `finalize at call ${at_}`).toEqual([
        [0, 10, 'final', 3],
        [20, 30, 'open', 2],
      ]);
      const sessions = await readWindows(
        world.tablesWith(async () => {}),
        queryOf('sessions'),
        everything,
      );
      expect(shown(sessions)).toEqual([
        [1, 13, 'final', 3],
        [25, 36, 'open', 2],
      ]);
    }
  });
});

describe('a log that is sealed', () => {
  it('during the read is not counted a second time from its beginning', async () => {
    const world = logWorld(pipeline, 2);
    await world.add(0, at(1, 12));
    await world.add(1, at(2, 13));
    world.close(1);
    let registered = false;
    const tables = world.tablesWith(async () => {
      // The registrations were read: shard 1 is not sealed. Then an epoch gathers it, it is sealed, and a later epoch
      // has a plan without it.
      if (registered) return;
      registered = true;
    });
    const state: Table = {
      ...tables.state,
      async query(pk, range) {
        const items = await tables.state.query(pk, range);
        if (pk === 'registrations' && registered) {
          registered = false;
          // A run that has nothing to close seals what the one before it has gathered.
          await world.finalize();
          await world.finalize();
          await world.add(0, at(33));
          await world.finalize();
          await world.add(0, at(44));
          await world.finalize();
        }
        return items;
      },
    };
    const views = await readWindows({ ...tables, state }, queryOf('tumbling'), everything);
    expect(
      (await readRegistrations(world.tables.state)).find((one) => one.shardId === shardId(1))?.sealed,
    ).toBeDefined();
    expect(shown(views)).toEqual([
      [0, 10, 'final', 2],
      [10, 20, 'final', 2],
      [30, 40, 'final', 1],
      [40, 50, 'open', 1],
    ]);
  });

  it('keeps its totals when its entries are gone', async () => {
    const world = logWorld(pipeline, 2);
    const { state } = world.tables;
    await world.add(0, at(1, 12));
    await world.add(1, at(2, 13, 14));
    world.close(1);
    await world.finalize();
    await world.finalize();
    for (const { pk, sk } of await state.query(logPartition(shardId(1)))) await state.delete({ pk, sk });
    const progress = await readAllProgress(state);
    expect(progress.get(shardId(1))?.counters.received).toBe(3);
    expect(progress.get(shardId(1))?.maxEventTime).toBe(14);
    expect(progress.get(shardId(0))?.counters.received).toBe(2);
    expect(shown(await read(world, 'tumbling'))).toEqual([
      [0, 10, 'final', 2],
      [10, 20, 'open', 3],
    ]);
  });
});

describe('a log that is lost', () => {
  it('is an error, and never empty', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    await world.add(0, at(1));
    for (const { pk, sk } of await state.query(logPartition(shardId(0)))) await state.delete({ pk, sk });
    await expect(read(world, 'tumbling')).rejects.toThrow(shardId(0));
    await expect(readAllProgress(state)).rejects.toThrow(shardId(0));
  });

  it('in part is an error too', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    for (const time of [1, 2, 3, 4]) await world.add(0, at(time));
    await state.delete({ pk: logPartition(shardId(0)), sk: positionText(3) });
    await expect(read(world, 'tumbling')).rejects.toThrow('missing');
  });
});

describe('entries in parts', () => {
  it('are read whole, with several sections of a query and of a slice', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    const query = queryOf('tumbling');
    await world.add(0, at(1));
    const tail = await joinedTail(state, shardId(0), 1);
    const blockOf = (user: string, records: number) => ({
      query: query.name,
      block: encodeBlock(query, [{ slice: 0, records, partials: [partialOf(query, user, records)] }]),
      late: [],
    });
    for (const [part, sections] of [[blockOf('b', 2)], [blockOf('c', 3)]].entries())
      await state.put({ ...partKey(shardId(0), 'x', part), attributes: { sections: sectionsText(sections) } });
    const totals = totalsAfterBatch(
      tail.totals,
      {
        ...tail.totals,
        sequenceNumber: '9',
        lastArrival: 1,
        bytes: 10,
      },
      true,
      1,
    );
    const entry = { position: tail.position + 1, kind: 'batch', putAt: 1, totals } as const;
    await putEntry(state, shardId(0), tail, entry, { parts: 2, attempt: 'x' });
    const [view] = await read(world, 'tumbling');
    expect(view?.records).toBe(6);
    expect(view?.rows.map(({ key, values }) => [key['user'], values['count']])).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    await state.delete(partKey(shardId(0), 'x', 1));
    await expect(read(world, 'tumbling')).rejects.toThrow('parts');
  });
});

/** A partial of so many events, each of amount 1. */
function partialOf(query: Query, user: string, records: number): readonly [KeyText, PartialAggregate] {
  const states = query.aggregates.map((aggregate) => {
    let state = aggregate.identity;
    const input = aggregate.input({ time: 0, user, amount: 1 }, 0);
    for (let i = 0; i < records; i++) if (input?.kind === 'value') state = aggregate.add(state, input.value);
    return state;
  });
  return [JSON.stringify([user]), states];
}

describe('lanes', () => {
  it('that grew with the epochs are merged, each key over all of them', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    const query = queryOf('tumbling');
    const users = ['a', 'b', 'c', 'd', 'e'];
    const put = async (lanes: number, epoch: number) => {
      for (let lane = 0; lane < lanes; lane++) {
        const own = users.filter((user) => laneOf(JSON.stringify([user]), lanes) === lane);
        const partials = own.map((user) => partialOf(query, user, epoch));
        const block = encodeBlock(query, [{ slice: 0, records: own.length * epoch, partials }]);
        await putSegment(
          state,
          { query: query.name, lanes, lane },
          { slice: 0, from: epoch, to: epoch, task: 0 },
          [[block]],
          'x',
        );
      }
      await electEpoch(state, { epoch, closedThrough: Number.NEGATIVE_INFINITY, electedAt: epoch });
      const plan = {
        epoch,
        closedBefore: Number.NEGATIVE_INFINITY,
        closedThrough: Number.NEGATIVE_INFINITY,
        at: epoch,
        logs: {},
        tasks: [],
        lanes: { [query.name]: lanes },
        maxEventTime: 5,
        sums: noSums,
        places: {},
        counted: {},
        mismatches: {},
      };
      await putPlan(state, plan, 'x');
      await raiseGathered(state, { epoch, closedThrough: Number.NEGATIVE_INFINITY });
    };
    await put(1, 1);
    await put(2, 2);
    await put(4, 3);
    const [view, ...others] = await read(world, 'tumbling');
    expect(others).toEqual([]);
    expect(view?.records).toBe(5 * 6);
    expect(view?.rows.map(({ key, values }) => [key['user'], values['count']])).toEqual(users.map((user) => [user, 6]));
    // Of one key, only its lanes are read: one of each number.
    for (const user of users) {
      const readFrom: string[] = [];
      const tables = world.tablesWith(async () => {});
      const counting: Table = {
        ...tables.state,
        query: (pk, range) => {
          if (pk.startsWith('segment#')) readFrom.push(pk);
          return tables.state.query(pk, range);
        },
      };
      const key = JSON.stringify([user]);
      const [one] = await readWindows({ ...tables, state: counting }, query, { ...everything, key });
      expect(one?.rows.map((row) => [row.key['user'], row.values['count']])).toEqual([[user, 6]]);
      expect(one).toMatchObject({ isOneLane: true, start: 0, end: 10, status: 'open' });
      const lanes = [1, 2, 4].map((n) => `segment#${query.name}#${n}.${laneOf(key, n)}`);
      expect(new Set(readFrom)).toEqual(new Set(lanes));
    }
  });
});

describe('tails that are more than a request reads', () => {
  const hour = 3_600_001;

  it('are left out: the answer is as of the newest epoch, and says so', async () => {
    const world = logWorld(pipeline, 65);
    for (let shard = 0; shard < 65; shard++) await world.add(shard, at(1));
    expect(await readLiveWindows(world.tables, queryOf('tumbling'), everything)).toMatchObject({ views: [] });
    world.pass(hour);
    await world.finalize();
    const [before] = await read(world, 'tumbling');
    expect(before).toMatchObject({ records: 65, status: 'open' });
    expect(before?.asOf).toBeGreaterThan(hour);
    await world.add(0, at(2));
    const [after] = await read(world, 'tumbling');
    expect(after).toEqual(before);
    expect((await read(world, 'sessions')).map(({ records, asOf }) => [records, asOf === before?.asOf])).toEqual([
      [65, true],
    ]);
    world.pass(hour);
    await world.finalize();
    expect((await read(world, 'tumbling'))[0]?.records).toBe(66);
  });

  it('are told by the totals of their logs, before they are read', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    await world.add(0, at(1));
    const tail = await joinedTail(state, shardId(0), 1);
    const totals = { ...tail.totals, bytes: mostTailBytes + 1, sequenceNumber: '9' };
    const entry = { position: tail.position + 1, kind: 'batch', putAt: 1, totals } as const;
    await putEntry(state, shardId(0), tail, entry);
    expect(await read(world, 'tumbling')).toEqual([]);
    const barrier = { ...totals, epoch: 1, barrier: entry.position + 1 };
    const cut = { position: entry.position + 1, kind: 'barrier', putAt: 1, totals: barrier } as const;
    await putEntry(state, shardId(0), entry, cut);
    expect(await read(world, 'tumbling')).toEqual([]);
    // Behind a barrier the bytes are counted anew; the barrier keeps what it cuts.
    const batch = { ...barrier, bytes: 5, sequenceNumber: '99' };
    await putEntry(state, shardId(0), cut, { position: cut.position + 1, kind: 'batch', putAt: 1, totals: batch });
    expect(await read(world, 'tumbling')).toEqual([]);
  });

  it('are told by their entries too, which may be many of nothing', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    await world.add(0, at(1));
    const tail = await joinedTail(state, shardId(0), 1);
    const many = { ...tail, position: tail.position + mostTailEntries - 2 };
    await state.put(itemOf(shardId(0), many, 1));
    await expect(read(world, 'tumbling')).rejects.toThrow('missing');
    await state.put(itemOf(shardId(0), { ...many, position: many.position + 1 }, 1));
    expect(await read(world, 'tumbling')).toEqual([]);
  });

  it('hold a feed back that has more already, until an epoch holds all of it', async () => {
    const world = logWorld(pipeline, 65);
    const query = queryOf('tumbling');
    let place: ChangePlace | undefined;
    const poll = async () => {
      const range = { from: 0, to: 100, limit: 10 };
      const { views, placeAfter } = await readChanges(world.tables, query, range, place, world.now());
      place = placeAfter(views.length);
      return shown(views);
    };
    for (let shard = 0; shard < 64; shard++) await world.add(shard, at(1));
    world.pass(hour);
    await world.finalize();
    await world.add(0, at(2));
    expect(await poll()).toEqual([[0, 10, 'open', 65]]);
    // The 65th log: an answer would be as of epoch 1, and hold 64.
    await world.add(64, at(3));
    expect((await read(world, 'tumbling'))[0]?.records).toBe(64);
    expect(await poll()).toEqual([]);
    world.pass(hour);
    await world.finalize();
    expect(await poll()).toEqual([[0, 10, 'open', 66]]);
    expect(await poll()).toEqual([]);
  });
});

describe('a query that has emitted nothing', () => {
  it('is read though the epochs before it are forgotten', async () => {
    const [first, ...later] = pipeline.queries;
    if (first === undefined) throw new Error('no query');
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    // Epoch 1 gathers; then it is as if these queries were new: nothing of them is emitted, and epoch 1 is gone.
    await world.add(0, at(1));
    world.pass(3_600_001);
    await world.finalize();
    await world.add(0, at(15));
    await expect(world.finalize('advance', withoutEmission)).rejects.toThrow('no emission');
    for (const { name } of [first, ...later]) await state.delete({ pk: 'emitted', sk: name });
    for (const lane of ['tumbling', 'sliding', 'sessions'].map((name) => `segment#${name}#1.0`))
      for (const { pk, sk } of await state.query(lane))
        if (sk.includes('000000000001-')) await state.delete({ pk, sk });
    await state.delete({ pk: 'epochs', sk: positionText(1) });
    expect(shown(await read(world, 'tumbling'))).toEqual([[10, 20, 'open', 1]]);
    expect(shown(await read(world, 'sliding'))).toEqual([
      [0, 20, 'open', 1],
      [10, 30, 'open', 1],
    ]);
    expect(shown(await read(world, 'sessions'))).toEqual([[15, 25, 'open', 1]]);
  });
});

describe('how far event time has come', () => {
  it('is C of the newest epoch, what all queries have emitted, and the watermark as it was observed last', async () => {
    const world = logWorld(pipeline, 1);
    const { state } = world.tables;
    const none = Number.NEGATIVE_INFINITY;
    expect(await readWatermarks(state, pipeline.queries)).toEqual({
      watermark: none,
      closedThrough: none,
      finalizedThrough: none,
    });
    await world.add(0, at(5, 25));
    await world.finalize();
    expect(await readWatermarks(state, pipeline.queries)).toEqual({
      watermark: 25,
      closedThrough: 25,
      finalizedThrough: 25,
    });
    await electEpoch(state, { epoch: 2, closedThrough: 30, electedAt: 1 });
    await raiseEmitted(state, 'tumbling', {
      epoch: 2,
      closedThrough: 30,
      nextPaneAt: undefined,
      lastClosing: Number.NEGATIVE_INFINITY,
      at: 1,
      indexedSince: 1,
      windowBytes: undefined,
    });
    await noteHeldBy(state, { by: shardId(0), watermark: 31, shards: 1 });
    expect(await readWatermarks(state, pipeline.queries)).toEqual({
      watermark: 31,
      closedThrough: 30,
      finalizedThrough: 25,
    });
    expect((await readWatermarks(state, [queryOf('tumbling')])).finalizedThrough).toBe(30);
  });

  it('lets the feed of final windows give what the query itself has emitted', async () => {
    const world = logWorld(pipeline, 1);
    await world.add(0, at(5, 25));
    const query = queryOf('tumbling');
    const range = { from: 0, to: 100, limit: 10 };
    const finals = async () => (await readFinals(world.tables, query, range, undefined, world.now())).views;
    expect(await finals()).toEqual([]);
    await world.finalize();
    expect(shown(await finals())).toEqual([[0, 10, 'final', 1]]);
  });
});

describe('the cost of a read', () => {
  it('of what is all gathered is a fixed number of calls and one a log', async () => {
    const world = logWorld(pipeline, 3);
    for (const shard of [0, 1, 2]) await world.add(shard, at(5, 25));
    await world.finalize();
    const calls: string[] = [];
    const { state, windows } = world.tables;
    const counting = (table: Table, name: string): Table => ({
      ...table,
      get: (key) => {
        calls.push(`${name} ${key.pk}`);
        return table.get(key);
      },
      query: (pk, range) => {
        calls.push(`${name} ${pk}`);
        return table.query(pk, range);
      },
    });
    const tables = { pipeline, state: counting(state, 'state'), windows: counting(windows, 'windows') };
    expect(shown(await readWindows(tables, queryOf('tumbling'), everything))).toEqual([
      [0, 10, 'final', 3],
      [20, 30, 'open', 3],
    ]);
    expect(calls.sort()).toEqual(
      [
        'state registrations',
        'state definition',
        'state gathered',
        'state emitted',
        'state plans',
        ...[0, 1, 2].map((shard) => `state ${logPartition(shardId(shard))}`),
        'state segment#tumbling#1.0',
        'windows tumbling',
      ].sort(),
    );
  });
});
