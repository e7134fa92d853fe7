import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backfillPipeline } from '../../functions/core/definition/backfill.ts';
import { encodePartials } from '../../functions/core/fold/partial.ts';
import {
  count,
  definePipeline,
  type Pipeline,
  type QuerySpec,
  sliding,
  tumbling,
  type WindowKind,
} from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import type { SidePlace } from '../../functions/state/items/side-place.ts';
import { readEmittedOf } from '../../functions/state/log/epoch.ts';
import type { Backfill, BackfillStep } from '../../functions/state/operations/backfill.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { readPanes } from '../../functions/state/windows/pane-reader.ts';
import { broken } from '../fixtures/log/faulty-tables.ts';
import { hourMs, type OperatorWorld, operatorWorld, t0 } from '../fixtures/log/operator-world.ts';

/** Every event has its own key: a row says how often the event is in a window. */
function pipelineOf(
  window: WindowKind,
  more: Pick<QuerySpec<{ time: number }>, 'allowedLateness' | 'emit'> = {},
): Pipeline {
  return definePipeline({
    name: 'operated',
    event: z.object({ time: z.number(), key: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '30 days' },
    queries: { q: { groupBy: ['time'], window, aggregates: { n: count() }, ...more } },
  });
}

type Command = 'finalize' | 'replay' | 'discard' | 'backfill';

/** A process that is killed at one of its calls, before or after the call has taken effect. */
interface Process {
  readonly command: Command;
  readonly callsLeft: number;
  readonly isDone: boolean;
  /** How long each of its calls takes, in turns, one after the other. */
  readonly turns: readonly number[];
}

type Step =
  | { readonly put: readonly [shard: number, hour: number] }
  | { readonly lose: number }
  | { readonly run: readonly Process[] };

const shards = 2;
const process: fc.Arbitrary<Process> = fc.record({
  command: fc.constantFrom<Command>('finalize', 'replay', 'replay', 'discard', 'backfill'),
  callsLeft: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(Number.POSITIVE_INFINITY)),
  isDone: fc.boolean(),
  turns: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 7 }),
});
const put: fc.Arbitrary<Step> = fc.record({
  put: fc.tuple(fc.integer({ min: 0, max: shards - 1 }), fc.integer({ min: 0, max: 9 })),
});
const step = (loss: boolean): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 4, arbitrary: put },
    { weight: 4, arbitrary: fc.record({ run: fc.array(process, { minLength: 1, maxLength: 3 }) }) },
    ...(loss ? [{ weight: 1, arbitrary: fc.record({ lose: fc.nat({ max: 9 }) }) }] : []),
  );

/** The calls of a process to a table. */
function killable(table: Table, killed: Process, life: { calls: number }): Table {
  const call = async <T>(made: () => Promise<T>): Promise<T> => {
    const turns = killed.turns[life.calls % killed.turns.length] ?? 0;
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const left = killed.callsLeft - life.calls++;
    if (left < 0 || (left === 0 && !killed.isDone)) throw broken;
    const answer = await made();
    if (left === 0) throw broken;
    return answer;
  };
  return limitedTable(table, call);
}

const unharmed: Process = {
  command: 'finalize',
  callsLeft: Number.POSITIVE_INFINITY,
  isDone: true,
  turns: [0],
};

async function run(world: OperatorWorld, one: Process): Promise<void> {
  const life = { calls: 0 };
  const tables = {
    state: killable(world.state, one, life),
    windows: killable(world.windows, one, life),
    rejects: killable(world.rejects, one, life),
  };
  const { state, windows } = tables;
  const advance = () => world.finalize('advance', { state, windows });
  if (one.command === 'finalize') return advance();
  const options = { ...tables, advance };
  if (one.command === 'backfill') return backfillAll(world, (of, what) => world.step(of, what, options));
  await world.correct({ settled: one.command === 'replay' ? 'replayed' : 'discarded' }, options);
}

/** Fills all windows that are closed out of the stream, as the command does. */
async function backfillAll(
  world: OperatorWorld,
  ask: (range: { readonly until: number }, step: BackfillStep) => Promise<Backfill>,
): Promise<void> {
  const { closedThrough } = await readEmittedOf(world.state, 'q');
  const { definedKind, latenessMs } = world.query;
  const length = Math.max(...definedKind.closings(t0)) - t0;
  const until = Math.floor((closedThrough - latenessMs - length) / hourMs) * hourMs + hourMs;
  if (!(until > t0)) return;
  const [taken, holds] = [[...world.taken], world.covered()];
  const ranged = backfillPipeline(world.pipeline, { query: 'q', since: Number.NEGATIVE_INFINITY, until });
  const fold = createStaticRun(ranged);
  for (const { time } of taken) fold.addParsed({ time, key: 'a' }, world.nowMs);
  const history = staticAnswer(ranged, [fold.part()]).windows.map(
    ({ start, end, records, partials }) => [start, end, records, encodePartials(world.query, partials)] as const,
  );
  const id = `backfill ${++world.nowMs}`;
  const steps: readonly ((after: SidePlace | undefined) => BackfillStep)[] = [
    () => ({ do: 'stage', id, windows: history }),
    (after) => ({ do: 'claim', id, holds, after }),
    () => ({ do: 'commit', id, by: 'test', windows: history.length, isWhole: true }),
    (after) => ({ do: 'settle', id, after }),
  ];
  for (const one of steps)
    for (let after: SidePlace | undefined, asked = 0; ; asked++) {
      const answer = await ask({ until }, one(after));
      if (answer.done) break;
      after = answer.progress ?? undefined;
      if (asked === 20) return; // others hold what it wants
    }
}

/** Whether a failure is that of a kill, or of a backfill that has lost its claims. */
function isExpected(error: unknown): boolean {
  return error === broken || (error instanceof Error && /^(id|shards): /.test(error.message));
}

async function play(pipeline: Pipeline, steps: readonly Step[]): Promise<OperatorWorld> {
  const world = operatorWorld(pipeline, shards);
  let events = 0;
  for (const one of steps) {
    if ('put' in one) await world.put(one.put[0], t0 + one.put[1] * hourMs + ++events);
    else if ('lose' in one) {
      const manifests = await world.windows.query('q');
      const lost = manifests[one.lose % Math.max(manifests.length, 1)];
      if (lost !== undefined) await world.windows.delete({ pk: lost.pk, sk: lost.sk });
    } else {
      const ended = await Promise.allSettled(one.run.map((of) => run(world, of)));
      for (const end of ended) if (end.status === 'rejected' && !isExpected(end.reason)) throw end.reason;
    }
  }
  return world;
}

/** How often each event is in each window, by the window's start. */
async function contents(world: OperatorWorld): Promise<ReadonlyMap<number, ReadonlyMap<number, number>>> {
  const panes = await readPanes(world.windows, world.query, { from: 0, to: t0 * 2, order: 'ascending' });
  return new Map(
    panes.map(({ start, rows }) => [
      start,
      new Map(rows.map(({ key, values }) => [Number(key['time']), Number(values['n'])])),
    ]),
  );
}

/** Without faults any more: everything that can be final is, and everything late is replayed. */
async function end(world: OperatorWorld, isFilled: boolean): Promise<void> {
  for (let shard = 0; shard < shards; shard++) await world.put(shard, t0 + 20 * hourMs + shard);
  world.nowMs += 11 * 60_000; // no claim holds for longer
  await run(world, unharmed);
  if (isFilled) await run(world, { ...unharmed, command: 'backfill' });
  for (let calls = 0; calls < 5; calls++) if ((await world.correct()).done) return;
  throw new Error('the replay does not come to an end');
}

const plain = pipelineOf(tumbling('1 hour'));
const refined = pipelineOf(tumbling('1 hour'), { allowedLateness: '2 hours', emit: { early: { ms: 5 }, history: 3 } });

describe('replays, discards and backfills that overlap and are killed anywhere', () => {
  it.each([
    ['with one pane, and some are lost', plain, true],
    ['with one pane', plain, false],
    ['with several panes, and some are lost', refined, true],
    ['with several panes', refined, false],
  ])('count each event once in its window: windows %s', { timeout: 120_000 }, async (_name, pipeline, loss) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step(loss), { maxLength: 30 }), async (steps) => {
        const world = await play(pipeline, steps);
        for (const counts of (await contents(world)).values()) for (const n of counts.values()) expect(n).toBe(1);
        await end(world, loss);
        const found = await contents(world);
        const discarded = new Set(
          (await world.late()).flatMap(({ settled, eventTime = 0 }) => (settled === 'discarded' ? [eventTime] : [])),
        );
        for (const { time } of world.taken) {
          const start = Math.floor((time - t0) / hourMs) * hourMs + t0;
          if (start >= t0 + 20 * hourMs) continue;
          const n = found.get(start)?.get(time) ?? 0;
          if (discarded.has(time)) expect(n).toBeLessThanOrEqual(1);
          else expect(n, `event of hour ${(start - t0) / hourMs}, ${time - start}`).toBe(1);
        }
        for (const { settled } of await world.late()) expect(settled).not.toBe(null);
        if (!loss) expectOnePane(world);
      }),
      { numRuns: Number(globalThis.process.env['RUNS'] ?? 60) },
    );
  });

  it('count no event twice where windows overlap', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step(true), { maxLength: 30 }), async (steps) => {
        const world = await play(pipelineOf(sliding('3 hours', '1 hour')), steps);
        await end(world, true);
        for (const counts of (await contents(world)).values()) for (const n of counts.values()) expect(n).toBe(1);
      }),
      { numRuns: Number(globalThis.process.env['RUNS'] ?? 60) },
    );
  });
});

/** A sink in mode `append` gets one pane of a window, and no correction. */
function expectOnePane({ published }: OperatorWorld): void {
  const panes = new Map<number, Set<number>>();
  for (const [start, revision, what] of published)
    if (what === 'pane') panes.set(start, (panes.get(start) ?? new Set()).add(revision));
  for (const revisions of panes.values()) expect(revisions.size).toBe(1);
}
