import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import type { Partials } from '../../functions/core/fold/partial.ts';
import { count, definePipeline, type SinkSpec, sqs, sum, tumbling } from '../../functions/core/index.ts';
import { outputOf } from '../../functions/core/results/output-mode.ts';
import { DeliveryRefused, deliverWaiting, type SinkTarget } from '../../functions/state/sinks/delivery.ts';
import { outboxPublisher, readDead, readWaiting } from '../../functions/state/sinks/outbox.ts';
import { takeTurn } from '../../functions/state/sinks/sink-state.ts';
import { redriveLetters } from '../../functions/state/sinks/sink-status.ts';
import type { Pane } from '../../functions/state/windows/pane.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { writePane } from '../fixtures/written-pane.ts';

const hourMs = 3_600_000;

function pipelineWith(sinks: Readonly<Record<string, SinkSpec>>) {
  const query = {
    groupBy: ['kind'] as const,
    window: tumbling('1 hour'),
    aggregates: { n: count(), total: sum('amount') },
    emit: { early: '1 ms' },
  } as const;
  return definePipeline({
    name: 'orders',
    event: z.object({ time: z.number(), kind: z.string(), amount: z.number() }),
    eventTime: (event) => event.time,
    watermark: { delay: 0 },
    queries: { first: query, second: query },
    sinks,
  });
}

/** A sink with its outbox, and a target that behaves as the test tells it to. */
function world(spec: SinkSpec, order: SinkTarget['order'] = 'ordered', process: SinkTarget['process'] = 'safe') {
  const pipeline = pipelineWith({ sink: spec });
  const stores = { state: itemStore(), windows: itemStore() };
  const [state, windows] = [memoryTable(stores.state), memoryTable(stores.windows)];
  const publisher = outboxPublisher(state, pipeline, new Set(['sink']), () => clock.now);
  const clock = { now: 1_000_000, left: 600_000 };
  const got: Delivery[] = [];
  const answers: { deliver: (delivery: Delivery) => Promise<void> } = { deliver: async () => {} };
  const queryOf = (name: string) => pipeline.queries.find((query) => query.name === name) ?? expect.fail();
  const [sink] = pipeline.sinks;
  let runs = 0;
  return {
    ...{ pipeline, state, windows, stores, publisher, clock, got, answers },
    sink: sink as Sink,
    /** Writes the next pane of a window with counts by kind, and tells the sinks. */
    async pane(
      query: string,
      hour: number,
      status: 'early' | 'final',
      counts: Readonly<Record<string, number>>,
    ): Promise<Pane> {
      const window = { start: hour * hourMs, end: (hour + 1) * hourMs };
      const of = queryOf(query);
      const partials: Partials = new Map(
        Object.entries(counts).map(([kind, n]) => [
          JSON.stringify([kind]),
          of.aggregates.map((aggregate) =>
            aggregate.decode(aggregate.kind === 'count' ? n : aggregate.encode(aggregate.identity)),
          ),
        ]),
      );
      const content = { partials, records: 1, nowMs: clock.now };
      const pane = await writePane(windows, of, window, content, status);
      await publisher.publish(pane);
      return pane;
    },
    run: () =>
      deliverWaiting({
        pipeline,
        sink: sink as Sink,
        state,
        windows,
        target: {
          order,
          process,
          update: 'rows',
          async deliver(delivery) {
            await answers.deliver(delivery);
            got.push(delivery);
          },
        },
        now: () => clock.now,
        remainingMs: () => clock.left,
        sleep: async (ms) => {
          clock.now += ms;
          clock.left -= ms;
        },
        random: () => 0,
        runId: `run-${++runs}`,
        onFailure: () => {},
      }),
    waiting: (query = 'first') => readWaiting(state, 'sink', query),
    dead: (query = 'first') => readDead(state, 'sink', query),
  };
}

const ids = (deliveries: readonly Delivery[]) =>
  deliveries.map(({ query, start, revision }) => `${query}/${start / hourMs}/r${revision}`);
const counts = ({ rows }: Delivery) => Object.fromEntries(rows.map(({ key, values }) => [key.kind, values.n]));

describe('a run of a sink', () => {
  it('delivers a pane that is put while the one before it is on its way', async () => {
    const { pane, run, got, answers, waiting } = world(sqs({ mode: 'complete' }));
    await pane('first', 0, 'early', { a: 1 });
    answers.deliver = async () => {
      answers.deliver = async () => {};
      await pane('first', 0, 'final', { a: 2 });
    };
    await run();
    expect(got.map(counts)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(await waiting()).toEqual([]);
  });

  it('delivers the newest pane of a window, once, however many were put', async () => {
    const { pane, run, got, stores } = world(sqs({ mode: 'complete' }));
    for (const n of [1, 2, 3]) await pane('first', 0, 'early', { a: n });
    await pane('first', 1, 'early', { b: 1 });
    expect(await run()).toMatchObject({ outcome: 'done', delivered: 2 });
    expect(ids(got)).toEqual(['first/0/r2', 'first/1/r0']);
    expect(got[1]?.table?.map(({ start, revision }) => [start / hourMs, revision])).toEqual([
      [0, 2],
      [1, 0],
    ]);
    expect([...stores.state.all()].filter(({ pk }) => pk.startsWith('outbox'))).toEqual([]);
  });

  it('holds what is behind a window that fails, of its query, and nothing of another query', async () => {
    const { pane, run, got, answers, waiting } = world(sqs({ attempts: 1000 }));
    for (const hour of [0, 1]) for (const query of ['first', 'second']) await pane(query, hour, 'final', { a: 1 });
    answers.deliver = async ({ query, start }) => {
      if (query === 'first' && start === 0) throw new Error('not now');
    };
    await run();
    expect(ids(got)).toEqual(['second/0/r0', 'second/1/r0']);
    expect((await waiting()).map(({ attempts, reason }) => [attempts, reason])).toEqual([
      [4, 'Error: not now'],
      [0, undefined],
    ]);
  });

  it('goes round a window that fails at a target that keeps no order', async () => {
    const { pane, run, got, answers } = world(sqs({ attempts: 1000 }), 'unordered');
    for (const hour of [0, 1, 2]) await pane('first', hour, 'final', { a: 1 });
    answers.deliver = async ({ start }) => {
      if (start === 0) throw new Error('not now');
    };
    expect(await run()).toMatchObject({ delivered: 2, dead: 0 });
    expect(ids(got)).toEqual(['first/1/r0', 'first/2/r0']);
  });

  it('gives a window up after its attempts, with pauses that double, and delivers it after a redrive', async () => {
    const { pane, run, got, answers, clock, waiting, dead, pipeline, state } = world(sqs({ attempts: 6 }));
    await pane('first', 0, 'final', { a: 1 });
    answers.deliver = () => Promise.reject(new Error('away'));
    const began = clock.now;
    const tries: number[] = [];
    answers.deliver = async () => {
      tries.push(clock.now - began);
      throw new Error('away');
    };
    while ((await waiting()).length > 0) {
      await run();
      clock.now += 1_000;
      clock.left = 600_000;
    }
    // The run waits 1, 2 and 4 seconds. The attempts after 8 and 16 seconds are made by the schedule, which runs every
    // second here.
    expect(tries).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000]);
    expect(await dead()).toMatchObject([{ attempts: 6, reason: 'Error: away', revision: 0 }]);
    answers.deliver = async () => {};
    expect(
      await redriveLetters({ pipeline, state, now: () => clock.now, remainingMs: () => 60_000 }, 'sink'),
    ).toMatchObject({
      redriven: 1,
      done: true,
    });
    expect(await run()).toMatchObject({ delivered: 1, deadLetters: 0 });
    expect([ids(got), await dead(), await waiting()]).toEqual([['first/0/r0'], [], []]);
  });

  it('gives a window up at once that the target refuses for good, and goes on', async () => {
    const { pane, run, got, answers, dead } = world(sqs());
    for (const hour of [0, 1]) await pane('first', hour, 'final', { a: 1 });
    answers.deliver = async ({ start }) => {
      if (start === 0) throw new DeliveryRefused('too long');
    };
    expect(await run()).toMatchObject({ delivered: 1, dead: 1, deadLetters: 1 });
    expect(ids(got)).toEqual(['first/1/r0']);
    expect(await dead()).toMatchObject([{ attempts: 1, reason: 'DeliveryRefused: too long' }]);
  });

  it('gives up a window that ends the process of a function each time', async () => {
    const { pane, run, got, answers, clock, waiting, dead } = world(sqs({ attempts: 2 }), 'ordered', 'mayEnd');
    for (const hour of [0, 1]) await pane('first', hour, 'final', { a: 1 });
    answers.deliver = ({ start }) => (start === 0 ? new Promise(() => {}) : Promise.resolve());
    for (const attempts of [1, 2]) {
      void run();
      await new Promise(setImmediate);
      expect(await waiting()).toMatchObject([{ attempts }, { attempts: 0 }]);
      // The run is gone, and its turn has ended.
      clock.now += 700_000;
    }
    await run();
    expect(ids(got)).toEqual(['first/1/r0']);
    expect(await dead()).toMatchObject([{ attempts: 2, reason: expect.stringContaining('ended, or ran out of time') }]);
  });

  it('leaves a sink to the run that has its turn', async () => {
    const { pane, run, got, state, clock } = world(sqs());
    await pane('first', 0, 'final', { a: 1 });
    await takeTurn(state, 'sink', 'another', clock.now, clock.now + 60_000);
    expect(await run()).toMatchObject({ outcome: 'busy', delivered: 0 });
    clock.now += 60_001;
    expect(await run()).toMatchObject({ outcome: 'done', delivered: 1 });
    expect(got).toHaveLength(1);
  });

  it('begins nothing when its time is short', async () => {
    const { pane, run, got, clock } = world(sqs());
    await pane('first', 0, 'final', { a: 1 });
    clock.left = 9_000;
    expect(await run()).toMatchObject({ delivered: 0 });
    expect(got).toEqual([]);
  });
});

describe('output modes', () => {
  const steps = fc.array(fc.record({ kind: fc.constantFrom('a', 'b', 'c'), delivers: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  });

  it.each(['append', 'update'] as const)(
    '%s sends what the rule of output modes says, against what was delivered before',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(steps, async (drawn) => {
          const { pane, run, got } = world(sqs({ mode }));
          const held: Record<string, number> = {};
          const expected: unknown[] = [];
          let before: Pane | undefined;
          for (const [i, { kind, delivers }] of drawn.entries()) {
            held[kind] = (held[kind] ?? 0) + 1;
            const isLast = i === drawn.length - 1;
            const next = await pane('first', 0, isLast ? 'final' : 'early', held);
            if (!delivers && !isLast) continue;
            await run();
            for (const out of outputOf(mode, { pane: next, before, table: [] }))
              expected.push([out.revision, out.rows]);
            before = next;
          }
          expect(got.map(({ revision, rows }) => [revision, rows])).toEqual(expected);
        }),
      );
    },
  );
});

describe('the publisher', () => {
  it('puts finals for append, and no corrections; all panes for the others', async () => {
    for (const [mode, expected] of [
      ['append', 1],
      ['update', 3],
      ['complete', 3],
    ] as const) {
      const { pane, publisher, stores, waiting, run } = world(sqs({ mode }));
      let put = 0;
      for (const status of ['early', 'final'] as const) {
        const one = await pane('first', 0, status, { a: 1 });
        put += (await waiting()).length;
        await run();
        if (status === 'final') await publisher.publish({ ...one, revision: one.revision + 1 }, 'correction');
      }
      put += (await waiting()).length;
      expect([mode, put]).toEqual([mode, expected]);
      expect([...stores.state.all()].filter(({ pk }) => pk.startsWith('outbox#sink#second'))).toEqual([]);
    }
  });

  it('writes nothing for a sink that has no function, nor without sinks', async () => {
    const { pipeline, state, stores, windows } = world(sqs());
    const query = pipeline.queries[0] ?? expect.fail();
    const pane = await writePane(
      windows,
      query,
      { start: 0, end: hourMs },
      { partials: new Map(), records: 0, nowMs: 0 },
    );
    await outboxPublisher(state, pipeline, new Set(), () => 0).publish(pane);
    await outboxPublisher(state, pipelineWith({}), new Set(['sink']), () => 0).publish(pane);
    expect([...stores.state.all()]).toEqual([]);
  });
});
