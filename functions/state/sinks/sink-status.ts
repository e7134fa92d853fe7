import { argumentError } from '../../core/arguments/error.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import type { Sink, SinkKind } from '../../core/definition/sink.ts';
import type { Table } from '../table/table.ts';
import { readDead, readWaiting, redriveLetter, type Waiting } from './outbox.ts';
import { readSinkState } from './sink-state.ts';

/** A window that a sink has not taken. Times are epoch ms. */
export interface FailedWindow {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  readonly attempts: number;
  readonly failingSince: number | null;
  readonly reason: string | null;
}

/** How a sink stands. Times are epoch ms; null: there is none. */
export interface SinkStatus {
  readonly sink: string;
  readonly kind: SinkKind;
  readonly mode: Sink['mode'];
  readonly queries: readonly string[];
  /** False: the sink has no function here and gets nothing. */
  readonly served: boolean;
  /** Panes that were delivered by runs that came to their end. */
  readonly delivered: number;
  readonly lastDeliveredAt: number | null;
  readonly waiting: number;
  /** The time since which the longest waiting window waits. */
  readonly waitingSince: number | null;
  /** The waiting window that has failed for the longest time. */
  readonly failing: FailedWindow | null;
  /** Dead letters: the newest 100 by name, and how many there are. */
  readonly dead: number;
  readonly deadLetters: readonly FailedWindow[];
  /** Whether more windows wait, or are dead letters, than were counted. */
  readonly hasMore: boolean;
}

const mostNamed = 100;

/**
 * How each sink of a pipeline stands.
 * @param served the sinks that have a function here
 * @param mostCounted windows that are counted of each query that wait, and that are dead letters. @default all
 */
export async function sinkStatuses(
  state: Table,
  pipeline: Pipeline,
  served: ReadonlySet<string>,
  mostCounted?: number,
): Promise<readonly SinkStatus[]> {
  return Promise.all(
    pipeline.sinks.map(async ({ name, kind, mode, queries }) => {
      const [own, waiting, dead] = await Promise.all([
        readSinkState(state, name),
        Promise.all(queries.map((query) => readWaiting(state, name, query, mostCounted))),
        Promise.all(queries.map((query) => readDead(state, name, query, mostCounted))),
      ]);
      const since = waiting.flat().map(({ putAt, failingSince }) => Math.min(putAt, failingSince ?? putAt));
      const failing = waiting
        .flat()
        .filter(({ failingSince }) => failingSince !== undefined)
        .sort((left, right) => (left.failingSince ?? 0) - (right.failingSince ?? 0));
      const letters = dead.flat().sort((left, right) => right.putAt - left.putAt);
      return {
        sink: name,
        kind,
        mode,
        queries,
        served: served.has(name),
        delivered: own.delivered,
        lastDeliveredAt: own.lastDeliveredAt ?? null,
        waiting: since.length,
        waitingSince: since.length === 0 ? null : since.reduce((least, one) => Math.min(least, one)),
        failing: failing[0] === undefined ? null : failedWindow(failing[0]),
        dead: letters.length,
        deadLetters: letters.slice(0, mostNamed).map(failedWindow),
        hasMore: [...waiting, ...dead].some(({ length }) => length === mostCounted),
      };
    }),
  );
}

function failedWindow({ query, start, end, revision, attempts, failingSince, reason }: Waiting): FailedWindow {
  return { query, start, end, revision, attempts, failingSince: failingSince ?? null, reason: reason ?? null };
}

/** The outcome of a redrive. */
export interface Redrive {
  readonly sink: string;
  /** Windows that were put into the outbox again. */
  readonly redriven: number;
  /** False: it ran short of time, and has to be called again. */
  readonly done: boolean;
}

/** No letters are begun with less time than this, in ms. */
const reserveMs = 5_000;

/** The inputs of a redrive. */
export interface RedriveOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly now: () => number;
  readonly remainingMs: () => number;
}

/**
 * Puts the dead letters of a sink into its outbox anew. Idempotent.
 * @throws TidemarkError when the pipeline has no such sink
 */
export async function redriveLetters(
  { pipeline, state, now, remainingMs }: RedriveOptions,
  name: string,
): Promise<Redrive> {
  const { queries } = sinkNamed(pipeline, name);
  let redriven = 0;
  for (const query of queries)
    for (;;) {
      const letters = await readDead(state, name, query, mostNamed);
      if (letters.length === 0) break;
      if (remainingMs() < reserveMs) return { sink: name, redriven, done: false };
      await Promise.all(letters.map((letter) => redriveLetter(state, letter, now())));
      redriven += letters.length;
    }
  return { sink: name, redriven, done: true };
}

function sinkNamed({ sinks, name: pipeline }: Pipeline, name: string): Sink {
  const found = sinks.find((sink) => sink.name === name);
  if (found !== undefined) return found;
  const known = sinks.length === 0 ? 'it has none' : `use ${sinks.map((sink) => sink.name).join(', ')}`;
  throw argumentError('sink', name, `is not a sink of pipeline ${pipeline}: ${known}`);
}

/** Deletes a query's waiting windows and dead letters in all sinks, when the query is removed. */
export async function deleteOutboxes(state: Table, pipeline: Pipeline, query: string): Promise<void> {
  for (const { name } of pipeline.sinks)
    for (const kind of ['outbox', 'dead', 'sent'])
      for (const { pk, sk } of await state.query(`${kind}#${name}#${query}`)) await state.delete({ pk, sk });
}
