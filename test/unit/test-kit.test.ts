import { count, definePipeline, global, lookup, max, session, sqs, sum, table, tumbling } from 'tidemark';
import { runPipeline, testPipeline } from 'tidemark/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkConservation } from '../../functions/testing/conservation-check.ts';
import { containers } from '../../functions/testing/invocations.ts';
import { type ItemStore, itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import deviceActions from '../../pipelines/device-actions.ts';

const order = z.object({ time: z.string(), id: z.string().optional(), shop: z.string(), amount: z.number() });
const common = {
  event: order,
  eventTime: (event: z.output<typeof order>) => event.time,
  watermark: { delay: '10 minutes' },
} as const;
const window = tumbling('1 hour');
const aggregates = { orders: count(), revenue: sum('amount') };
const orders = definePipeline({
  ...common,
  name: 'orders',
  queries: { perHour: { groupBy: ['shop'], window, aggregates } },
});

const day = '2026-01-01';
/** An order at a time of the day, '10:05'. */
const at = (time: string, amount = 1, shop = 'a') => ({ time: `${day}T${time}:00Z`, shop, amount });
const ms = (time: string) => Date.parse(`${day}T${time}:00Z`);

describe('a pipeline in memory', () => {
  it('shows the rows of windows that the watermark has passed, by start, end and key', async () => {
    await using run = testPipeline(orders);
    await run.put([at('11:00', 5), at('10:05', 2, 'b'), at('10:59', 3)]);
    expect(run.rows('perHour')).toEqual([]);
    expect(run.watermark).toBe(ms('10:50'));
    await run.put([at('11:10', 7)]);
    expect(run.watermark).toBe(ms('11:00'));
    const hour = { start: ms('10:00'), end: ms('11:00') };
    expect(run.rows('perHour')).toEqual([
      { ...hour, key: { shop: 'a' }, values: { orders: 1, revenue: 3 } },
      { ...hour, key: { shop: 'b' }, values: { orders: 1, revenue: 2 } },
    ]);
    await run.end();
    expect(run.rows('perHour').at(-1)).toEqual({
      start: ms('11:00'),
      end: ms('12:00'),
      key: { shop: 'a' },
      values: { orders: 2, revenue: 12 },
    });
  });

  it('runs all events of a finite stream to its end in one line', async () => {
    const { rows } = await runPipeline(orders, { events: [at('12:00'), at('10:00'), at('10:30')] });
    expect(rows('perHour').map(({ values }) => values.orders)).toEqual([2, 1]);
  });

  it('moves the watermark to an event time, which closes windows and makes what comes later late', async () => {
    await using run = testPipeline(orders, { shards: 2 });
    await run.put([at('10:05')], { shard: 1 });
    expect(run.watermark).toBeUndefined();
    await run.advanceTo(ms('11:00') - 1);
    expect(run.rows('perHour')).toEqual([]);
    await run.advanceTo(new Date(ms('11:00')));
    expect(run.rows('perHour')).toHaveLength(1);
    expect(run.clock).toBe(ms('11:10'));
    await run.advanceTo(`${day}T11:00:00Z`);
    await run.put([at('10:59'), at('11:00')]);
    expect(run.late).toMatchObject([
      { query: 'perHour', event: at('10:59'), eventTime: ms('10:59'), arrivedAt: ms('11:10') },
    ]);
    expect(run.conservation).toMatchObject({
      received: 3,
      counted: 2,
      late: 1,
      queries: { perHour: { counted: 2, late: 1, filtered: 0 } },
    });
  });

  it('never makes an event late by another of the same put', async () => {
    await using run = testPipeline(orders);
    await run.put([at('20:00'), at('10:00')]);
    expect(run.late).toEqual([]);
    await run.put([at('10:00')]);
    expect(run.late).toHaveLength(1);
  });

  it('lets a shard without events hold the watermark, until it has waited for the shard to be idle', async () => {
    await using run = testPipeline(orders, { shards: 2 });
    await run.put([at('10:05'), at('12:00')], { shard: 0 });
    await run.wait('59 seconds');
    expect(run.watermark).toBeUndefined();
    await run.wait('1 second');
    expect(run.watermark).toBe(ms('11:50'));
    expect(run.rows('perHour')).toHaveLength(1);
    await run.put([at('11:00')], { shard: 1 });
    expect(run.late).toEqual([]);
    expect(run.watermark).toBe(ms('11:50'));
  });

  it('sends an event to the shard of its partition key, and the others round the shards', async () => {
    const keyed = definePipeline({
      ...common,
      name: 'keyed',
      partitionKey: (event) => event.shop,
      queries: { none: { where: () => false, window, aggregates } },
    });
    const bad = (shop: string) => ({ ...at('10:00', 1, shop), amount: 'x' });
    await using run = testPipeline(keyed, { shards: 4 });
    await run.put(['a', 'b', 'c', 'd'].map(bad));
    expect(run.rejected.map(({ shard }) => shard)).toEqual([0, 1, 2, 3]);
    expect(run.rejected[0]).toMatchObject({ reason: 'schema', event: bad('a') });
    await run.put([at('10:00', 1, 'x'), at('10:01', 1, 'y'), at('10:02', 1, 'x')]);
    expect(run.conservation).toMatchObject({ rejected: 4, filtered: 3 });
  });

  it('takes the text and the bytes of events, right and wrong', async () => {
    await using run = testPipeline(orders);
    await run.put([
      JSON.stringify(at('10:00')),
      Buffer.from(JSON.stringify(at('10:01'))),
      'no JSON',
      Uint8Array.of(0xff, 0xfe, 0x7b, 0),
      null,
    ]);
    expect(run.rejected.map(({ reason }) => reason)).toEqual(['unparsable', 'encoding', 'schema']);
    expect(run.rejected.map(({ arrivedAt }) => arrivedAt)).toEqual([ms('10:01'), ms('10:01'), ms('10:01')]);
    expect(run.conservation).toMatchObject({ received: 5, counted: 2, rejected: 3 });
  });

  it('rejects what is too far ahead of its arrival, where the test says when that is', async () => {
    await using run = testPipeline(orders);
    await run.put([at('12:01')], { arrivedAt: `${day}T11:00:00Z` });
    expect(run.rejected).toMatchObject([{ reason: 'future', arrivedAt: ms('11:00') }]);
    await run.put([at('12:01')]);
    expect(run.conservation).toMatchObject({ rejected: 1, counted: 1 });
  });

  it('counts an id once within its time of arrival', async () => {
    const once = definePipeline({
      ...common,
      name: 'once',
      dedup: { by: (event) => event.id, within: '10 minutes' },
      queries: { all: { window, aggregates } },
    });
    await using run = testPipeline(once, { shards: 3 });
    const sent = { ...at('10:00'), id: 'x' };
    await run.put([sent, sent], { arrivedAt: ms('10:00') });
    await run.put([sent], { arrivedAt: ms('10:10') });
    await run.put([sent], { arrivedAt: ms('10:11') });
    expect(run.conservation).toMatchObject({ received: 4, counted: 2, duplicate: 2 });
  });

  it('gives the panes of a window with status and revision, as they were emitted', async () => {
    const refined = definePipeline({
      ...common,
      name: 'refined',
      watermark: { delay: 0 },
      queries: { q: { window, aggregates, allowedLateness: '1 hour', emit: { early: '1 minute' } } },
    });
    await using run = testPipeline(refined);
    await run.put([at('10:05')]);
    await run.wait('1 minute');
    await run.put([at('11:00')]);
    await run.put([at('10:06', 4)]);
    await run.advanceTo(ms('12:00'));
    const panes = run.panes('q').filter(({ start }) => start === ms('10:00'));
    expect(panes.map(({ status, revision, records }) => [status, revision, records])).toEqual([
      ['early', 0, 1],
      ['on-time', 1, 1],
      ['late', 2, 2],
      ['final', 3, 2],
    ]);
    const sent = (mode: 'append' | 'update' | 'complete') =>
      run.panes('q', { mode }).map(({ start, revision }) => [start, revision]);
    const [first, second] = [ms('10:00'), ms('11:00')];
    expect(sent('append')).toEqual([[first, 3]]);
    expect(sent('update').filter(([start]) => start === first)).toEqual([
      [first, 0],
      [first, 2],
    ]);
    expect(sent('complete').filter(([start]) => start === second).length).toBeGreaterThan(1);
  });

  it('shows what is open as the query API does', async () => {
    await using run = testPipeline(orders);
    expect(await run.windows('perHour')).toEqual([]);
    await run.put([at('10:05'), at('11:15')]);
    const [first, second] = await run.windows('perHour');
    expect(first).toMatchObject({ start: ms('10:00'), status: 'final', records: 1 });
    expect(second).toMatchObject({ start: ms('11:00'), status: 'open', rows: [{ values: { orders: 1, revenue: 1 } }] });
  });

  it('closes sessions, fills empty windows and keeps what has no end until it is over', async () => {
    const kinds = definePipeline({
      ...common,
      name: 'kinds',
      watermark: { delay: 0 },
      queries: {
        visits: { groupBy: ['shop'], window: session('10 minutes'), aggregates: { n: count() } },
        'visits@2': { groupBy: ['shop'], window: session('1 hour'), aggregates: { n: count() } },
        hours: { window, aggregates: { n: count() }, emptyWindows: true },
        ever: { window: global(), aggregates: { n: count(), most: max('amount') } },
      },
    });
    await using run = testPipeline(kinds);
    await run.put([at('10:00'), at('10:09'), at('10:30', 9), at('13:00')]);
    expect(run.rows('visits').map(({ start, end, values }) => [start, end, values.n])).toEqual([
      [ms('10:00'), ms('10:19'), 2],
      [ms('10:30'), ms('10:40'), 1],
    ]);
    expect(run.rows('visits@2').map(({ values }) => values.n)).toEqual([3]);
    expect(run.rows('hours').map(({ values }) => values.n)).toEqual([3, 0, 0]);
    expect(run.rows('ever')).toEqual([]);
    await run.end();
    expect(run.rows('hours').map(({ values }) => values.n)).toEqual([3, 0, 0, 1]);
    expect(run.rows('ever')).toMatchObject([{ key: {}, values: { n: 4, most: 9 } }]);
  });

  it('joins events with rows that do not move, and with those that the test gives for a table', async () => {
    const shops = [{ shop: 'a', country: 'DK' }];
    const still = definePipeline({
      ...common,
      name: 'still',
      enrich: lookup(shops, 'shop'),
      queries: { q: { groupBy: ['country'], window, aggregates } },
    });
    const moving = definePipeline({
      ...common,
      name: 'moving',
      enrich: lookup(table<{ shop: string; country: string }>('shops'), 'shop', { fields: ['country'] }),
      queries: { q: { groupBy: ['country'], window, aggregates } },
    });
    const events = [at('10:00'), at('10:01', 2, 'b'), at('10:02', 3)];
    const rows = (await runPipeline(still, { events }))
      .rows('q')
      .map(({ key, values }) => [key.country, values.revenue]);
    expect(rows).toEqual([
      [null, 2],
      ['DK', 4],
    ]);
    const run = await runPipeline(moving, { events, lookups: { shops } });
    expect(run.rows('q').map(({ key, values }) => [key.country, values.revenue])).toEqual(rows);
    expect(() => testPipeline(moving)).toThrow(/lookups\.shops.*lookups: \{ shops: \[\{ \.\.\. \}\] \}/);
    expect(() => testPipeline(moving, { lookups: { shop: [] } })).toThrow(/lookups\.shop:.*shops/);
    expect(() => testPipeline(still, { lookups: { shops: [] } })).toThrow(/looks up in none/);
  });

  it('keeps what sinks got, by their modes', async () => {
    const sunk = definePipeline({
      ...common,
      name: 'sunk',
      watermark: { delay: 0 },
      queries: { q: { window, aggregates, allowedLateness: '1 hour' } },
      sinks: { finals: sqs(), changes: sqs({ mode: 'update' }) },
    });
    await using run = testPipeline(sunk);
    await run.put([at('10:05')]);
    await run.put([at('11:00')]);
    await run.put([at('10:06')]);
    expect(run.delivered('finals')).toEqual([]);
    await run.end();
    const id = `q/${ms('10:00')}/${ms('11:00')}`;
    expect(run.delivered('finals').map((sent) => sent.id)).toContain(`${id}/2`);
    expect(run.delivered('changes').map((sent) => [sent.id, sent.rows[0]?.values])).toEqual(
      expect.arrayContaining([
        [`${id}/0`, { orders: 1, revenue: 1 }],
        [`${id}/1`, { orders: 2, revenue: 2 }],
      ]),
    );
    expect(() => run.delivered('final')).toThrow(/"final" is not a sink.*did you mean "finals"/);
  });

  it('lets months pass between two events, as the schedule has run meanwhile', async () => {
    await using run = testPipeline(orders);
    await run.put([{ time: '2026-01-01T10:00:00Z', shop: 'a', amount: 1 }]);
    await run.put([{ time: '2026-12-01T10:00:00Z', shop: 'a', amount: 1 }]);
    expect(run.rows('perHour')).toHaveLength(1);
  });

  it('does calls one after the other where a test has not waited for them', async () => {
    const run = testPipeline(deviceActions);
    const puts = [0, 1, 2].map((i) => run.put([{ time: 1_467_331_200 + i, action: 'Open' }]));
    const end = run.end();
    await Promise.all([...puts, end]);
    expect(run.rows('actionsPerHour')).toMatchObject([{ values: { count: 3 } }]);
  });

  it('passes on what a function of the pipeline throws where no event can be blamed', async () => {
    const { defineAggregate } = await import('tidemark');
    const impure = definePipeline({
      ...common,
      name: 'impure',
      queries: {
        q: {
          window,
          aggregates: {
            n: defineAggregate<z.output<typeof order>, number, number>({
              identity: 0,
              add: (state) => state + 1,
              merge: (left, right) => left + right,
              encode: (state) => state,
              decode: (json) => Number(json),
              result: (state) => {
                if (state > 1) throw new Error('too many');
                return state;
              },
            }),
          },
        },
      },
    });
    const run = await runPipeline(impure, { events: [at('10:00'), at('10:01')] });
    expect(run.rows('q')).toMatchObject([{ values: { n: { overflow: 'threw' } } }]);
  });
});

describe('an invocation that the test lets die', () => {
  const item = (sk: string) => ({ pk: 'p', sk, attributes: {} });
  const tablesOf = (store: ItemStore) => ({
    state: memoryTable(store),
    windows: memoryTable(),
    rejects: memoryTable(),
  });

  it('makes as many calls as it may, and none after the one at which it dies', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const store = itemStore();
      const container = containers(tablesOf(store), { crashAfter: 2 }, seededRandom(seed))('dying');
      const { state } = container.tables;
      const calls = ['1', '2', '3', '4'].map((sk) => () => state.put(item(sk)).catch(() => {}));
      const done = await container.invoke(async () => {
        for (const call of calls) await call();
      });
      // What died does not answer, though its code went on as if nothing was.
      expect(done).toBeUndefined();
      outcomes.add([...store.all()].map(({ sk }) => sk).join());
    }
    expect([...outcomes].sort()).toEqual(['1,2', '1,2,3']);
  });

  it('answers when it has fewer calls to make, and passes on what is thrown', async () => {
    const container = containers(tablesOf(itemStore()), { crashAfter: 2 }, seededRandom(1))('dying');
    const { state } = container.tables;
    expect(await container.invoke(() => state.put(item('1')))).toEqual({ answer: 'applied' });
    await expect(container.invoke(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
  });

  it('does not die where the next try is made', async () => {
    const container = containers(tablesOf(itemStore()), { crashAfter: 0 }, seededRandom(1))('living');
    expect(await container.invoke(() => container.tables.state.put(item('1')))).toEqual({ answer: 'applied' });
  });

  it.each([0, 1, 5, 30])('after %i calls leaves the results as they are', async (crashAfter) => {
    const events = [at('10:00'), at('10:30', 2), at('12:00', 3)];
    const run = await runPipeline(orders, { events, shards: 2, deliveries: { crashAfter, retry: 1, batches: 1 } });
    expect(run.rows('perHour')).toEqual((await runPipeline(orders, { events })).rows('perHour'));
  });
});

describe('the laws of conservation', () => {
  const counters = { received: 3, counted: 1, late: 1, duplicate: 0, rejected: 1, filtered: 0 };
  const facts = { put: 3, counters, mismatch: { events: 0, pairs: {} }, seed: 7 };

  it('hold where each event is in one class, and its pairs in the segments', () => {
    expect(() => checkConservation(facts)).not.toThrow();
  });

  it.each([
    ['an event that was put is not received', { ...facts, put: 4 }],
    ['an event is in no class', { ...facts, counters: { ...counters, counted: 0 } }],
    ['an event is in two classes', { ...facts, counters: { ...counters, filtered: 1 } }],
    ['the epochs lack an event', { ...facts, mismatch: { events: 1, pairs: {} } }],
    ['segments lack a pair', { ...facts, mismatch: { events: 0, pairs: { q: 1 } } }],
  ])('throw with the seed when %s', (_, broken) => {
    expect(() => checkConservation(broken)).toThrow(/conservation.*seed 7/);
  });
});

describe('a mistake in a test is one line', () => {
  const run = () => testPipeline(orders, { shards: 2 });
  const twice = async () => {
    const one = run();
    await one.put([at('10:00')]);
    return one;
  };

  it.each([
    ['an unknown query', async () => run().rows('perHuor' as never), /rows: "perHuor".*orders: did you mean "perHour"/],
    ['an unknown query of panes', async () => run().panes('x' as never), /panes: "x".*use perHour/],
    ['an unknown query of windows', async () => run().windows('x' as never), /windows: "x".*use perHour/],
    ['an unknown mode', async () => run().panes('perHour', { mode: 'updates' as never }), /did you mean "update"/],
    ['a shard that there is not', () => run().put([], { shard: 2 }), /put\.shard: 2 .*2 shards.*0 to 1/],
    ['a shard that is no number', () => run().put([], { shard: '0' as never }), /put\.shard: "0"/],
    ['an event alone', () => run().put(at('10:00') as never), /put: .* is not a list.*put\(\[event\]\)/],
    ['text for a list', () => run().put('[]' as never), /put: "\[\]" is not a list/],
    ['an event without JSON', () => run().put([at('10:00'), undefined]), /events\[1\]: undefined has no JSON/],
    ['a bigint', () => run().put([{ n: 1n }]), /events\[0\].*no JSON/],
    ['an unknown option', async () => testPipeline(orders, { shard: 1 } as never), /options\.shard: .*use shards/],
    ['an unknown option of put', () => run().put([], { at: 1 } as never), /put\.at: .*use shard, arrivedAt/],
    ['no shards', async () => testPipeline(orders, { shards: 0 }), /shards: 0 .*1 to 100/],
    ['a seed', async () => testPipeline(orders, { seed: 0.5 }), /seed: 0\.5/],
    ['deliveries', async () => testPipeline(orders, { deliveries: 'wild' as never }), /deliveries: "wild".*'hostile'/],
    ['a delivery', async () => testPipeline(orders, { deliveries: { retries: 1 } as never }), /deliveries\.retries/],
    ['a retry', async () => testPipeline(orders, { deliveries: { retry: -1 } }), /deliveries\.retry: -1/],
    ['calls', async () => testPipeline(orders, { deliveries: { crashAfter: 1.5 } }), /crashAfter: 1\.5 .*'random'/],
    ['batches', async () => testPipeline(orders, { deliveries: { batches: 0 } }), /batches: 0 .*'random'/],
    ['a time without a zone', () => run().advanceTo('2026-01-01T10:00'), /advanceTo: .*zone/],
    ['seconds', () => run().advanceTo(1_767_261_600), /advanceTo: 1767261600 is not a moment: .*milliseconds/],
    ['a duration', () => run().wait(60 as never), /wait: 60/],
    ['a wait before anything', () => run().wait('1 hour'), /first event/],
    ['no events', () => runPipeline(orders, undefined as never), /runPipeline/],
    [
      'a watermark that goes back',
      async () => {
        const one = await twice();
        await one.advanceTo(ms('11:00'));
        await one.advanceTo(ms('10:59'));
      },
      /advanceTo: "2026-01-01T10:59:00.000Z" is before the watermark, 2026-01-01T11:00:00.000Z/,
    ],
    [
      'an arrival that goes back',
      async () => (await twice()).put([], { arrivedAt: ms('09:59') }),
      /put\.arrivedAt: .* is before the clock, 2026-01-01T10:00:00.000Z/,
    ],
    [
      'a call after the end',
      async () => {
        const one = await twice();
        await one.end();
        await one.put([]);
      },
      /put: the run has ended/,
    ],
  ])('%s', async (_, mistake, line) => {
    const failure = await mistake().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: 'TidemarkError', message: expect.stringMatching(line) });
    expect((failure as Error).message).not.toContain('\n');
  });

  it('leaves the run as it was', async () => {
    const one = run();
    await expect(one.put([at('10:00'), undefined])).rejects.toThrow();
    await one.put([at('10:00')]);
    await one.end();
    expect(one.conservation).toMatchObject({ received: 1, counted: 1 });
  });
});
