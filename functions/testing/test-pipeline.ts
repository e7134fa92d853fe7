import { durationMs, longestDurationMs } from '../core/arguments/duration.ts';
import { argumentError, TidemarkError } from '../core/arguments/error.ts';
import { onlyKnown, settings } from '../core/definition/checks.ts';
import type { Pipeline, PipelineResults, Query } from '../core/definition/pipeline.ts';
import { noEvents, noPairs } from '../core/events/counters.ts';
import { isoTime } from '../core/events/event-time.ts';
import { type OutputMode, outputModes, outputOf } from '../core/results/output-mode.ts';
import type { FinalizeReport } from '../state/epochs/finalizer.ts';
import type { Pane } from '../state/windows/pane.ts';
import type { WindowView } from '../state/windows/window-view.ts';
import { checkConservation } from './conservation-check.ts';
import { eventFeed } from './fed-events.ts';
import { memorySystem } from './memory-system.ts';
import { type Moment, momentMs } from './moment.ts';
import type { Conservation, PipelineRun, PutOptions, ResultPane, ResultRow } from './pipeline-run.ts';
import { checkedOptions, known, type RunOptions } from './run-options.ts';
import { lateEvents, rejectedEvents } from './side-events.ts';

/**
 * Starts a pipeline in memory, for a test of it: the production fold, logs, epochs and emission over a table in memory,
 * without the AWS SDK and without a network. Nothing has to be closed; with `await using` a call that a test forgot to
 * await is waited for.
 *
 * ```ts
 * await using run = testPipeline(pipeline, { shards: 2 });
 * await run.put([{ time: '2026-01-01T10:05:00Z', action: 'Open' }], { shard: 0 });
 * await run.advanceTo('2026-01-01T11:00:00Z');
 * run.rows('actionsPerHour'); // [{ start, end, key: { action: 'Open' }, values: { count: 1 } }]
 * ```
 *
 * What it leaves out: the HTTP API, shards that are split, late replay and backfill, and the targets of sinks. `tidemark
 * up` has these.
 * @throws TidemarkError for an option that is wrong
 */
export function testPipeline<Results extends PipelineResults>(
  pipeline: Pipeline<Results>,
  options: RunOptions = {},
): PipelineRun<Results> {
  // The types of the rows follow from the definition, which the compiler has checked.
  return pipelineRun(pipeline, options) as PipelineRun<PipelineResults> as PipelineRun<Results>;
}

function pipelineRun(pipeline: Pipeline, options: RunOptions): PipelineRun {
  const checked = checkedOptions(pipeline, options);
  const system = memorySystem(pipeline, checked);
  const feed = eventFeed(pipeline, checked.shards);
  const queryNames = pipeline.queries.map(({ name }) => name);
  const what = `query of the pipeline ${pipeline.name}`;
  const queryOf = (field: string, name: string): Query => {
    const query = pipeline.queries[queryNames.indexOf(known(field, name, queryNames, what))];
    if (query === undefined) throw new Error(`no query ${name}`);
    return query;
  };
  const moment = (field: string, given: Moment) => momentMs(field, given, pipeline.eventTimeUnit);
  let conservation: Conservation = {
    ...noEvents,
    queries: Object.fromEntries(queryNames.map((name) => [name, noPairs])),
  };
  let put = 0;
  let clock: number | undefined;
  let watermark = Number.NEGATIVE_INFINITY;
  let isEnded = false;
  let endless: readonly WindowView[] = [];

  /** Calls take effect one after the other, also where a test has not waited for one. */
  let before: Promise<unknown> = Promise.resolve();
  let isStarted = false;
  function call(name: string, work: () => Promise<void>): Promise<void> {
    const done = before.then(() => {
      if (isEnded) throw new TidemarkError(`${name}: the run has ended: nothing comes after end()`);
      return work();
    });
    before = done.catch(() => {});
    return done;
  }

  /** A run of finalize, after which everything that is due is out, and the laws hold. */
  async function settle(request: 'advance' | 'drain', nowMs: number): Promise<FinalizeReport> {
    const report = await system.finalize(request, nowMs);
    ({ watermark } = report);
    const { counters, queries } = await system.sums();
    conservation = {
      ...counters,
      queries: Object.fromEntries(queryNames.map((name) => [name, queries[name] ?? noPairs])),
    };
    checkConservation({ put, counters, mismatch: report.mismatch, seed: checked.seed });
    return report;
  }

  /** Moves the clock. The schedule has run meanwhile: no log waits for longer than production lets it. */
  async function moveClock(toMs: number): Promise<void> {
    if (!isStarted) await system.start(toMs);
    const isFirst = !isStarted;
    isStarted = true;
    if (clock !== undefined && toMs <= clock) return;
    clock = toMs;
    if (!isFirst) await settle('advance', toMs);
  }

  return {
    put: (events, given = {}) =>
      call('put', async () => {
        const { shard, arrivedAt } = checkedPut(events, given, checked.shards);
        const at = arrivedAt === undefined ? undefined : moment('put.arrivedAt', arrivedAt);
        if (at !== undefined && clock !== undefined && at < clock)
          throw argumentError(
            'put.arrivedAt',
            isoTime(at),
            `is before the clock, ${isoTime(clock)}: it does not go back`,
          );
        const records = feed(events, { shard, arrivedAt: at, clock });
        const nowMs = records.at(-1)?.arrival ?? at ?? clock ?? 0;
        await moveClock(nowMs);
        put += records.reduce((total, record) => total + record.events.length, 0);
        await system.deliver(records, nowMs);
        await settle('advance', nowMs);
      }),
    advanceTo: (time) =>
      call('advanceTo', async () => {
        const to = moment('advanceTo', time);
        if (to < watermark)
          throw argumentError(
            'advanceTo',
            isoTime(to),
            `is before the watermark, ${isoTime(watermark)}: it never goes back`,
          );
        await moveClock(Math.max(clock ?? Number.NEGATIVE_INFINITY, to + pipeline.delayMs));
        const nowMs = clock ?? to;
        if (to > watermark) await system.cut(to, nowMs);
        await settle('advance', nowMs);
      }),
    wait: (duration) =>
      call('wait', async () => {
        const ms = durationMs('wait', duration, { leastMs: 0, mostMs: longestDurationMs });
        if (clock === undefined) throw new TidemarkError('wait: the clock begins with the first event: put one before');
        system.fallQuiet();
        await moveClock(clock + ms);
        await settle('advance', clock);
      }),
    end: () =>
      call('end', async () => {
        const nowMs = clock ?? 0;
        await moveClock(nowMs);
        system.fallQuiet();
        const { drained, closingsLeft } = await settle('drain', nowMs);
        if (!drained)
          throw new Error(`the end has left ${closingsLeft} queries undone: report it, seed ${checked.seed}`);
        const open = pipeline.queries.filter(({ definedKind }) => definedKind.isEndless === true);
        endless = (await Promise.all(open.map((query) => system.windows(query)))).flat();
        isEnded = true;
      }),
    rows(name) {
      const { name: query } = queryOf('rows', name);
      const finals = system.panes.filter((pane) => pane.query === query && pane.status === 'final');
      return [...finals, ...endless.filter((view) => view.query === query)]
        .sort(byTime)
        .flatMap(({ start, end, rows }) => rows.map((row): ResultRow => ({ start, end, ...row })));
    },
    panes(name, given = {}) {
      const { name: query } = queryOf('panes', name);
      const panes = system.panes.filter((pane) => pane.query === query);
      return outputs(panes, checkedMode(given.mode)).map(shownPane);
    },
    async windows(name) {
      const query = queryOf('windows', name);
      await before;
      const views = clock === undefined ? [] : await system.windows(query);
      return views.map(({ start, end, status, records, rows }) => ({ start, end, status, records, rows }));
    },
    delivered(sink) {
      const names = pipeline.sinks.map(({ name }) => name);
      return [...system.sinks.delivered(known('delivered', sink, names, `sink of the pipeline ${pipeline.name}`))];
    },
    get late() {
      return lateEvents(system.rejects, system.records, queryNames);
    },
    get rejected() {
      return rejectedEvents(system.rejects, system.records);
    },
    get watermark() {
      return Number.isFinite(watermark) ? watermark : undefined;
    },
    get clock() {
      return clock;
    },
    get conservation() {
      return conservation;
    },
    async [Symbol.asyncDispose]() {
      await before;
    },
  };
}

/** What {@link runPipeline} takes: the events, and the options of a run. */
export interface FiniteOptions extends RunOptions {
  /** As {@link PipelineRun.put} takes them. */
  readonly events: Iterable<unknown>;
}

/**
 * Runs a pipeline over all its events, to the end: `(await runPipeline(pipeline, { events })).rows('actionsPerHour')`.
 * No event is late, as in `tidemark batch`.
 * @throws TidemarkError for an option that is wrong
 */
export async function runPipeline<Results extends PipelineResults>(
  pipeline: Pipeline<Results>,
  given: FiniteOptions,
): Promise<PipelineRun<Results>> {
  const { events, ...options } = settings('runPipeline', given, 'a set of options: write { events: [...] }');
  const run = testPipeline(pipeline, options);
  await run.put(events);
  await run.end();
  return run;
}

function checkedPut(events: Iterable<unknown>, given: PutOptions, shards: number): PutOptions {
  if (typeof events !== 'object' || events === null || !(Symbol.iterator in events) || events instanceof Uint8Array)
    throw argumentError('put', events, 'is not a list of events: write put([event])');
  settings('put', given, 'a set of options: write { shard: 0 }');
  onlyKnown('put', given, ['shard', 'arrivedAt']);
  const { shard } = given;
  if (shard !== undefined && !(Number.isSafeInteger(shard) && shard >= 0 && shard < shards))
    throw argumentError(
      'put.shard',
      shard,
      `is not one of the ${shards} shards: give 0${shards === 1 ? '' : ` to ${shards - 1}`}, or testPipeline more shards`,
    );
  return given;
}

function checkedMode(mode: OutputMode | undefined): OutputMode | undefined {
  return mode === undefined ? undefined : known('panes.mode', mode, outputModes, 'output mode');
}

/** What a sink of a mode is sent for panes; without one the panes themselves. */
function outputs(panes: readonly Pane[], mode: OutputMode | undefined): readonly Pane[] {
  if (mode === undefined) return panes;
  const table = new Map<string, Pane>();
  return panes.flatMap((pane) => {
    const name = `${pane.start}/${pane.end}`;
    const sent = outputOf(mode, { pane, before: table.get(name), table: table.values() });
    table.set(name, pane);
    return sent;
  });
}

function shownPane({ start, end, status, revision, records, rows }: Pane): ResultPane {
  return { start, end, status, revision, records, rows };
}

const byTime = (left: Pane | WindowView, right: Pane | WindowView) => left.start - right.start || left.end - right.end;
