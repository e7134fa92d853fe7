import { type Context, Hono } from 'hono';
import { addCounters, addQueryCounters, isConserved, noEvents, noPairs } from '../core/counters.ts';
import { shown } from '../core/error.ts';
import type { Pipeline } from '../core/pipeline.ts';
import { queryVersion } from '../core/query-version.ts';
import { totalsOf } from '../core/totals.ts';
import { globalWatermark, shardWatermark } from '../core/watermark.ts';
import { namedVersion } from '../state/alias.ts';
import { readHorizon } from '../state/horizon.ts';
import { noProgress, pairsOf, readAllProgress } from '../state/progress.ts';
import { type SidePlace, sideOutput } from '../state/rejects.ts';
import { readSeenShards } from '../state/shard-report.ts';
import type { Tables } from '../state/tables.ts';
import { readWindow, readWindows } from '../state/window-reader.ts';
import { bounded } from './bounded.ts';
import {
  byParameter,
  keyParameter,
  limitParameter,
  namedQuery,
  parametersOf,
  rangeParameters,
  refused,
  timeParameter,
  windowLimits,
  wordParameter,
} from './parameters.ts';
import { Problem, problemResponse } from './problem.ts';
import { placeParameter, placeText, sideJson } from './side-json.ts';
import { windowJson } from './window-json.ts';

/** What the API answers from. */
export interface AppOptions {
  readonly pipeline: Pipeline;
  readonly tables: Tables;
  readonly now: () => number;
  /** Is told of errors that are nobody's request's fault. */
  readonly onError: (error: Error) => void;
}

const dayMs = 24 * 3_600_000;

/** The query API: one `Request -> Response`, whatever carries it. */
export function queryApp({ pipeline, tables, now, onError }: AppOptions): Hono {
  const app = new Hono();
  const readers = { pipeline, state: tables.state, windows: tables.windows };

  app.use(async (context, next) => {
    const { method } = context.req;
    if (method !== 'GET' && method !== 'HEAD') {
      context.header('allow', 'GET, HEAD');
      throw new Problem(405, 'method-not-allowed', 'method', `method: ${shown(method)} changes nothing here: use GET`);
    }
    await next();
  });

  app.get('/v1/health', (context) => context.json({ pipeline: pipeline.name, status: 'ok' }));

  app.get('/v1/queries', async (context) => {
    const queries = pipeline.queries.map(async (query) => {
      const { name, window, groupBy, aggregates, aggregateNames } = query;
      const base = queryVersion(name)?.base ?? name;
      return {
        name,
        // What the name without a version stands for: this query, or another version of it.
        serves: (await namedVersion(pipeline, tables.state, base)) === query ? base : null,
        window: window.label,
        groupBy,
        aggregates: Object.fromEntries(aggregateNames.map((aggregate, i) => [aggregate, aggregates[i]?.kind])),
      };
    });
    return context.json({ pipeline: pipeline.name, queries: await Promise.all(queries) });
  });

  app.get('/v1/queries/:query/windows', async (context) => {
    const parameter = parametersOf(context, ['from', 'to', 'status', 'key', 'order', 'limit', 'cursor']);
    const query = await namedQuery(pipeline, tables.state, context.req.param('query'));
    const order = wordParameter(parameter, 'order', ['ascending', 'descending'], 'ascending');
    const status = wordParameter(parameter, 'status', ['final', 'open', 'all'], 'all');
    const key = keyParameter(parameter, query);
    const limit = limitParameter(parameter, windowLimits);
    const after = timeParameter(parameter, 'cursor', Number.NaN);
    const range = rangeParameters(parameter);
    // The cursor is the start of the last window: windows of a query that start together are given together.
    const rest = Number.isNaN(after) ? range : beyond(range, order, after);
    const views = await readWindows(readers, query, { ...rest, status, order, limit });
    const { json, count } = await bounded(
      views.map((view) => windowJson(view, key)),
      limit,
      tooManyRows,
    );
    const cursor = views.length < limit && count === views.length ? null : String(views[count - 1]?.start);
    return jsonResponse(context, `{"windows":${json},"cursor":${JSON.stringify(cursor)}}`);
  });

  app.get('/v1/queries/:query/windows/:start', async (context) => {
    const query = await namedQuery(pipeline, tables.state, context.req.param('query'));
    const key = keyParameter(parametersOf(context, ['key']), query);
    const start = timeParameter(() => context.req.param('start'), 'start', 0);
    const views = await readWindow(readers, query, start);
    if (views.length === 0)
      throw new Problem(
        404,
        'no-such-window',
        'start',
        `start: no window of ${query.name} starts at ${start} and holds a record: list them with /windows`,
      );
    const { json } = await bounded(
      views.map((view) => windowJson(view, key)),
      views.length,
      tooManyRows,
    );
    return jsonResponse(context, `{"windows":${json}}`);
  });

  app.get('/v1/queries/:query/totals', async (context) => {
    const parameter = parametersOf(context, ['from', 'to', 'status', 'by']);
    const query = await namedQuery(pipeline, tables.state, context.req.param('query'));
    const status = wordParameter(parameter, 'status', ['final', 'open', 'all'], 'all');
    const by = byParameter(parameter, query);
    const views = await readWindows(readers, query, { ...rangeParameters(parameter), status, order: 'ascending', limit: Number.POSITIVE_INFINITY });
    const totals = totalsOf(query, views, by);
    const tooManyTotals = () =>
      new Problem(400, 'answer-too-large', 'by', `by: ${totals.length} totals are more than an answer holds: give fewer fields`);
    const { json, count } = await bounded(totals, totals.length, tooManyTotals);
    if (count < totals.length) throw tooManyTotals();
    return jsonResponse(context, `{"windows":${views.length},"totals":${json}}`);
  });

  app.get('/v1/late', async (context) => {
    const parameter = parametersOf(context, ['from', 'to', 'limit', 'cursor']);
    const to = timeParameter(parameter, 'to', now() + 1);
    const from = timeParameter(parameter, 'from', to - dayMs);
    if (from > to || to - from > 7 * dayMs)
      throw refused('from', from, 'has to be before to, by at most 7 days: ask for a shorter range of arrival times');
    const limit = limitParameter(parameter, { most: 10_000, usual: 1000 });
    const after = placeParameter(parameter, from);
    const shardIds = [...(await readAllProgress(tables.state)).keys()].sort();
    let last: SidePlace | undefined;
    let ended = false;
    async function* events() {
      for await (const { event, place } of sideOutput(tables.rejects, shardIds, { fromMs: from, toMs: to }, after)) {
        yield sideJson(event);
        last = place; // asked for the next one: this one was taken
      }
      ended = true;
    }
    const { json } = await bounded(
      events(),
      limit,
      () => new Problem(400, 'answer-too-large', 'limit', 'limit: not even one event fits into an answer'),
    );
    const cursor = ended || last === undefined ? null : placeText(last);
    return jsonResponse(context, `{"events":${json},"cursor":${JSON.stringify(cursor)}}`);
  });

  app.get('/v1/watermark', async (context) => {
    const [horizon, progress, seen] = await Promise.all([readHorizon(tables.state), readAllProgress(tables.state), readSeenShards(tables.state)]);
    const shards = [...new Set([...progress.keys(), ...seen.keys()])].sort().map((shardId) => {
      const { sequenceNumber, maxEventTime } = progress.get(shardId) ?? noProgress;
      const own = maxEventTime === undefined ? null : shardWatermark(maxEventTime, pipeline.delayMs);
      // A shard that no finalize run has seen yet holds the watermark too.
      const state = seen.get(shardId)?.state ?? 'holding';
      const lagMs = own === null ? null : now() - own;
      return { shardId, state, sequenceNumber: sequenceNumber ?? null, maxEventTime: maxEventTime ?? null, watermark: own, lagMs };
    });
    const { heldBy } = globalWatermark(
      shards.map(({ shardId, maxEventTime, state }) => ({
        shardId,
        maxEventTime: maxEventTime ?? undefined,
        state: state === 'unreadable' ? 'holding' : state,
      })),
      pipeline.delayMs,
    );
    const { watermark, closedThrough, finalizedThrough } = horizon;
    return context.json({
      watermark: finite(watermark),
      closedThrough: finite(closedThrough),
      finalizedThrough: finite(finalizedThrough),
      lagMs: Number.isFinite(watermark) ? now() - watermark : null,
      heldBy: heldBy ?? null,
      shards,
    });
  });

  app.get('/v1/conservation', async (context) => {
    const progress = [...(await readAllProgress(tables.state)).values()];
    const counters = progress.reduce((total, shard) => addCounters(total, shard.counters), noEvents);
    const queries = pipeline.queries.map(
      ({ name }) => [name, progress.reduce((total, shard) => addQueryCounters(total, pairsOf(shard, name)), noPairs)] as const,
    );
    return context.json({ ...counters, holds: isConserved(counters), shards: progress.length, queries: Object.fromEntries(queries) });
  });

  app.notFound((context) =>
    problemResponse(context, new Problem(404, 'not-found', 'path', `path: ${shown(context.req.path)} is not known: see /v1/queries`)),
  );
  app.onError((error, context) => {
    if (!(error instanceof Problem)) onError(error);
    return problemResponse(context, error);
  });
  return app;
}

function jsonResponse(context: Context, json: string): Response {
  return context.body(json, 200, { 'content-type': 'application/json' });
}

/** Minus infinity, before anything has come, is null in JSON. */
function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}

/** What of a range of windows is left behind the last one of a page. A cursor that lies outside the range does not widen it. */
function beyond<Range extends { readonly from: number; readonly to: number }>(range: Range, order: 'ascending' | 'descending', after: number): Range {
  return order === 'ascending' ? { ...range, from: Math.max(range.from, after + 1) } : { ...range, to: Math.min(range.to, after) };
}

function tooManyRows(): Problem {
  const remedy = 'key: the rows of one window are more than an answer holds: ask for some of them, key={"FIELD":VALUE}';
  return new Problem(400, 'answer-too-large', 'key', remedy);
}
