import { argumentError } from '../arguments/error.ts';
import { isoTime } from '../events/event-time.ts';
import { startingIn } from '../windows/window-rules.ts';
import { windowEdge } from './checks.ts';
import type { Pipeline, Query } from './pipeline.ts';

/** The stretch of a query that is filled from its history: the windows that start in `[since, until)`, epoch ms. */
export interface BackfillRange {
  /** The name of the query in the pipeline, with its version: `actionsPerHour@2`. */
  readonly query: string;
  /** Minus infinity: from the first event on. */
  readonly since: number;
  readonly until: number;
}

/**
 * The pipeline of a backfill, which counts nothing else: the one query, whose `until` is where the last of the windows
 * ends.
 * @throws TidemarkError when the pipeline has no such query, or a window goes across an end of the range
 */
export function backfillPipeline(pipeline: Pipeline, { query: name, since, until }: BackfillRange): Pipeline {
  const query = backfillQuery(pipeline, name);
  const { definedKind: kind } = query;
  if (kind.refuses?.backfill !== undefined) throw argumentError('query', name, kind.refuses.backfill);
  if (Number.isFinite(since)) windowEdge('since', since, kind);
  windowEdge('until', until, kind);
  if (since >= until)
    throw argumentError('since', isoTime(since), `is not before ${isoTime(until)}, until which is to be filled`);
  const lastEnd = Math.max(...kind.closings(kind.sliceOf(until - 1)));
  return {
    ...pipeline,
    queries: [{ ...query, index: 0, window: startingIn(kind, since, until), from: since, until: lastEnd }],
  };
}

/** @throws TidemarkError when the pipeline has no such query */
export function backfillQuery(pipeline: Pipeline, name: string): Query {
  const query = pipeline.queries.find((other) => other.name === name);
  if (query !== undefined) return query;
  throw argumentError(
    'query',
    name,
    `is not a query of pipeline ${pipeline.name}: use ${pipeline.queries.map((other) => other.name).join(', ')}`,
  );
}
