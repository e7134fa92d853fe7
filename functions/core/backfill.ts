import { mistake } from './error.ts';
import { isoTime } from './event-time.ts';
import { type Pipeline, type Query, windowEdge } from './pipeline.ts';

/** The stretch of a query that is filled from its history: the windows in `[since, until)`, epoch ms. */
export interface BackfillRange {
  /** As the pipeline defines it, with its version: `actionsPerHour@2`. */
  readonly query: string;
  /** Minus infinity: from the first event on. */
  readonly since: number;
  readonly until: number;
}

/**
 * The pipeline that counts only what a backfill is to fill.
 * @throws TidemarkError when it has no such query, or a window goes across an end of the range
 */
export function backfillPipeline(pipeline: Pipeline, { query: name, since, until }: BackfillRange): Pipeline {
  const query = backfillQuery(pipeline, name);
  if (Number.isFinite(since)) windowEdge('since', since, query.window);
  windowEdge('until', until, query.window);
  if (since >= until) throw mistake('since', isoTime(since), `is not before ${isoTime(until)}, until which is to be filled`);
  return { ...pipeline, queries: [{ ...query, index: 0, from: since, until }] };
}

/** @throws TidemarkError when the pipeline has no such query */
export function backfillQuery(pipeline: Pipeline, name: string): Query {
  const query = pipeline.queries.find((other) => other.name === name);
  if (query !== undefined) return query;
  throw mistake('query', name, `is no query of pipeline ${pipeline.name}: use ${pipeline.queries.map((other) => other.name).join(', ')}`);
}
