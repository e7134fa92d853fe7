import type { Context } from 'hono';
import type { Json } from '../core/aggregates/index.ts';
import type { Query } from '../core/definition/pipeline.ts';
import { queryVersion } from '../core/definition/query-version.ts';
import { isoTime } from '../core/events/event-time.ts';
import type { KeyText } from '../core/events/group-key.ts';
import { identityOf, rowOf } from '../core/fold/partial.ts';
import { totalsOf } from '../core/fold/totals.ts';
import { isGroupRow } from '../core/fold/window-result.ts';
import { outputModes } from '../core/results/output-mode.ts';
import { numbersIn, rankOf } from '../core/results/result-view.ts';
import type { Row } from '../core/results/row.ts';
import type { Window } from '../core/windows/window.ts';
import { readAllWindows } from '../state/epochs/all-windows.ts';
import { readWindow, readWindows, viewerOf } from '../state/epochs/window-reader.ts';
import { readFilling } from '../state/items/definition.ts';
import { namedVersion } from '../state/operations/alias.ts';
import { OutOfTime } from '../state/table/out-of-time.ts';
import { readRevisionsAt } from '../state/windows/pane-reader.ts';
import type { WindowRange, WindowView } from '../state/windows/window-view.ts';
import { requestOf } from './cursor.ts';
import { cacheControl, isJson, listResponse } from './list-answer.ts';
import { appended, readers, refuseWith, updated } from './output-feed.ts';
import {
  countParameter,
  fieldsOf,
  formulas,
  keyObject,
  keyOf,
  namedQuery,
  queryName,
  rangeOf,
  refused,
  textParameter,
  timeParameter,
  wordOrNone,
  wordParameter,
} from './parameters.ts';
import { Problem } from './problem.ts';
import { revisionColumns, revisionJson, revisionRows } from './revision-json.ts';
import { type Route, type RouteOptions, route } from './route.ts';
import { type SpanJson, spanJson, timed } from './time-json.ts';
import { windowColumns, windowHead, windowJson, windowRows } from './window-json.ts';

/** Most windows in one answer, and the default: an answer of Lambda ends at 6 MB. */
const windowLimits = { most: 1000, usual: 100 } as const;
const pointLimits = { most: 10_000, usual: 1000 } as const;

const from = timeParameter('Windows that start at or after this.');
const to = timeParameter('Windows that start before this.');
const status = wordParameter('Final windows, open ones (those that close are among them), or all.', [
  'all',
  'final',
  'open',
]);
const order = wordParameter('By the start of the windows.', ['ascending', 'descending']);
const mode = wordOrNone(
  'As Spark names what goes out: `append`, final windows, each once and in the order in which they become final (those that became final weeks ago by their starts); `update`, the windows that have changed; ' +
    '`complete`, the whole table. With `append` and `update` the cursor is never null: the list goes on behind it whenever there is more.',
  outputModes,
);
const cursor = textParameter('The cursor of the page before, with the other parameters as they were.');

async function placeOf(
  context: Context,
  { cursors }: RouteOptions,
  text: string | undefined,
): Promise<Window | undefined> {
  if (text === undefined) return undefined;
  const place = await cursors.open(requestOf(context), text);
  // This API has signed it, so it has the form that this API gives. Only an earlier release may have given another one.
  if (!Array.isArray(place) || place.length !== 2)
    throw refused('cursor', text, 'is of another release: begin with the first page');
  const [start, end] = place as unknown as readonly [number, number];
  return { start, end };
}

/** The cursor behind the last of some windows, up to the limit; null when there are no more. */
function cursorOf(context: Context, { cursors }: RouteOptions, windows: readonly Window[], limit: number) {
  return async (taken: number): Promise<string | null> => {
    const last = windows[taken - 1];
    if (last === undefined || (windows.length < limit && taken === windows.length)) return null;
    return cursors.seal(requestOf(context), [last.start, last.end]);
  };
}

/**
 * A page of windows. One that takes more than half of the request's time is read again with fewer windows: the cursor
 * leads to the others.
 * @returns the windows, and the limit that they were read with
 */
async function pageOf(
  options: RouteOptions,
  query: Query,
  range: WindowRange,
): Promise<{ readonly views: readonly WindowView[]; readonly limit: number }> {
  try {
    const tables = options.time.tables(1 / 2);
    return { views: await readWindows(readers({ ...options, tables }), query, range), limit: range.limit };
  } catch (error) {
    if (!(error instanceof OutOfTime) || range.limit === 1) throw error;
  }
  const limit = Math.ceil(range.limit / fewerWindows);
  return { views: await readWindows(readers(options), query, { ...range, limit }), limit };
}

/** The second attempt at a page is smaller by this. */
const fewerWindows = 20;

/** Whether an answer never changes: its range is given and over, and all of it is final. */
function isFinalRange(
  query: Query,
  { to: end }: { readonly to: number | undefined },
  views: readonly WindowView[],
  wanted: 'all' | 'final' | 'open',
): boolean {
  if (viewerOf(query).mayGetMore) return false;
  return (
    end !== undefined &&
    wanted !== 'open' &&
    views.length > 0 &&
    views.every((view) => view.status === 'final' && view.end <= end)
  );
}

/** When the oldest of the open windows among some was gathered; undefined: they are of now. */
function leastAsOf(views: readonly WindowView[]): number | undefined {
  const times = views.flatMap(({ asOf }) => asOf ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

const tooManyRows = () =>
  new Problem(
    400,
    'answer-too-large',
    'key',
    'key: the rows of one window are more than an answer holds: ask for some of them, key={"FIELD":VALUE}',
  );

export const queryRoutes: readonly Route[] = [
  route({
    path: '/v1/queries',
    id: 'listQueries',
    summary: 'The queries of the pipeline',
    description:
      'Their windows, group-by fields and aggregates, which version a name stands for, and how whole those with a `from` are.',
    parameters: {},
    answers: 'Queries',
    isList: false,
    async answer(context, _values, { pipeline, tables }) {
      const queries = pipeline.queries.map(async (query) => {
        const { name, window, definedKind, groupBy, totals, aggregates, aggregateNames } = query;
        const base = queryVersion(name)?.base ?? name;
        const [named, filling] = await Promise.all([
          namedVersion(pipeline, tables.state, base),
          Number.isFinite(query.from) ? readFilling(tables.state, name) : undefined,
        ]);
        return {
          name,
          serves: named === query ? base : null,
          window: window.label,
          timeZone: definedKind.timeZone ?? 'UTC',
          groupBy,
          hasTotals: totals.length > 0,
          aggregates: Object.fromEntries(aggregateNames.map((aggregate, i) => [aggregate, aggregates[i]?.kind])),
          ...timed('from', 'fromTime', query.from),
          ...timed('filledThrough', 'filledThroughTime', filling?.filledThrough),
          ...timed('missedThrough', 'missedThroughTime', filling?.missedThrough),
        };
      });
      return context.json({ pipeline: pipeline.name, queries: await Promise.all(queries) }, 200, cacheControl(false));
    },
  }),

  route({
    path: '/v1/queries/{query}/windows',
    id: 'listWindows',
    summary: 'Windows of a query',
    description:
      'By start. Open windows are merged at the moment of the request, and show every batch that is in. A final window is all there or not there.',
    parameters: {
      formulas,
      query: queryName,
      from,
      to,
      status,
      key: keyObject,
      order,
      mode,
      limit: countParameter('Most windows of a page.', windowLimits),
      cursor,
    },
    answers: 'Windows',
    isList: true,
    async answer(context, values, options) {
      const query = await namedQuery(options.pipeline, options.tables.state, values.query);
      const key = keyOf(query, values.key);
      const { limit } = values;
      const list = (
        views: readonly WindowView[],
        cursorAfter: (taken: number) => Promise<string | null>,
        isFinal: boolean,
      ) =>
        listResponse(context, {
          formulas: values.formulas,
          name: 'windows',
          elements: views.map((view) => windowJson(view, key)),
          limit,
          cursorAfter,
          rowsOf: windowRows,
          columns: windowColumns(query),
          tooLarge: tooManyRows,
          isFinal,
        });
      if (values.mode === 'append' || values.mode === 'update') {
        const range = { ...rangeOf(values), limit };
        const feed = await (values.mode === 'append' ? appended : updated)(
          context,
          options,
          query,
          range,
          values.cursor,
        );
        return list(feed.views, feed.cursorAfter, false);
      }
      refuseWith(context, values.mode, ['status']);
      const after = await placeOf(context, options, values.cursor);
      const page = await pageOf(options, query, {
        ...rangeOf(values),
        status: values.status,
        order: values.order,
        after,
        limit,
        ...storedKeyOf(query, key),
      });
      const isFinal = isFinalRange(query, values, page.views, values.status) && page.views.length < page.limit;
      return list(page.views, cursorOf(context, options, page.views, page.limit), isFinal);
    },
  }),

  route({
    path: '/v1/queries/{query}/windows/{start}',
    id: 'getWindows',
    summary: 'The windows that start at a moment',
    description: 'With all their rows. More than one for kinds of windows that begin together.',
    parameters: { formulas, query: queryName, start: timeParameter('When they start.'), key: keyObject },
    answers: 'WindowsAt',
    isList: true,
    async answer(context, values, options) {
      const query = await namedQuery(options.pipeline, options.tables.state, values.query);
      const key = keyOf(query, values.key);
      const start = values.start ?? 0;
      const views = await readWindow(readers(options), query, start, storedKeyOf(query, key));
      if (views.length === 0)
        throw new Problem(
          404,
          'no-such-window',
          'start',
          `start: no window of ${query.name} starts at ${start} and holds a record: list them with /windows`,
        );
      return listResponse(context, {
        formulas: values.formulas,
        name: 'windows',
        elements: views.map((view) => windowJson(view, key)),
        limit: undefined,
        rowsOf: windowRows,
        columns: windowColumns(query),
        tooLarge: tooManyRows,
        isFinal: !viewerOf(query).mayGetMore && views.every((view) => view.status === 'final'),
      });
    },
  }),

  route({
    path: '/v1/queries/{query}/windows/{start}/revisions',
    id: 'getRevisions',
    summary: 'The panes of the windows that start at a moment',
    description:
      'By end and revision, as far as they are kept: the latest of each window, the final ones that corrections have changed, and of the panes of an open window ' +
      'as many as `emit.history` of its query says.',
    parameters: { formulas, query: queryName, start: timeParameter('When they start.'), key: keyObject },
    answers: 'Revisions',
    isList: true,
    async answer(context, values, options) {
      const query = await namedQuery(options.pipeline, options.tables.state, values.query);
      const key = keyOf(query, values.key);
      const start = values.start ?? 0;
      const panes = await readRevisionsAt(options.tables.windows, query, start);
      if (panes.length === 0)
        throw new Problem(
          404,
          'no-such-window',
          'start',
          `start: no window of ${query.name} that starts at ${start} has a pane: list them with /windows`,
        );
      return listResponse(context, {
        formulas: values.formulas,
        name: 'revisions',
        elements: panes.map((pane) => revisionJson(pane, key)),
        limit: undefined,
        rowsOf: revisionRows,
        columns: revisionColumns(query),
        tooLarge: tooManyRows,
        isFinal: false,
      });
    },
  }),

  route({
    path: '/v1/queries/{query}/totals',
    id: 'getTotals',
    summary: 'Windows added up',
    description:
      '`select action, sum(count) ... group by action`, exact: the states of the windows are merged and rounded once. A record that overlapping windows hold is added once for each. What there is no time for in 20 s is named in `missing`.',
    parameters: {
      formulas,
      query: queryName,
      from,
      to,
      status,
      by: textParameter(
        'Group-by fields, separated by commas: all of them unless told, the empty text for the grand total.',
      ),
    },
    answers: 'Totals',
    isList: true,
    async answer(context, values, options) {
      const query = await namedQuery(options.pipeline, options.tables.state, values.query);
      const by = fieldsOf(query, values.by);
      const { views, missing } = await readAllWindows(
        readers(options),
        query,
        { ...rangeOf(values), status: values.status, partialsOnly: true },
        options.time.isOver,
      );
      // Other forms have no room to say what is missing.
      if (missing !== undefined && !isJson(context)) throw new OutOfTime();
      const totals = totalsOf(query, views, by).map(({ query: name, from: start, to: end, key, values: sums }) => ({
        query: name,
        from: start,
        fromTime: isoTime(start),
        to: end,
        toTime: isoTime(end),
        key,
        values: sums,
      }));
      return listResponse(context, {
        formulas: values.formulas,
        name: 'totals',
        head: {
          windows: views.length,
          ...timed('asOf', 'asOfTime', leastAsOf(views)),
          missing: missing === undefined ? null : { what: missing.what, ...timed('from', 'fromTime', missing.from) },
        },
        elements: totals,
        limit: undefined,
        rowsOf: ({ key, values: sums, ...head }) => [{ ...head, ...key, ...sums }],
        columns: ['query', 'from', 'fromTime', 'to', 'toTime', ...by, ...query.aggregateNames],
        tooLarge: () =>
          new Problem(
            400,
            'answer-too-large',
            'by',
            `by: ${totals.length} totals are more than an answer holds: give fewer fields`,
          ),
        isFinal: missing === undefined && isFinalRange(query, values, views, values.status),
      });
    },
  }),

  route({
    path: '/v1/queries/{query}/top',
    id: 'getTop',
    summary: 'The greatest rows of a window',
    description:
      'In the order of one aggregate, or of one number of a structured one, the greatest first; rows without a number come last.',
    parameters: {
      formulas,
      query: queryName,
      window: timeParameter('The start of a window; the newest one that holds a record unless told.'),
      by: textParameter(
        'The aggregate by which rows are compared, the first one of the query unless told; of percentiles one of them, `latency.p99`.',
      ),
      n: countParameter('How many rows.', { most: 1000, usual: 10 }),
    },
    answers: 'Top',
    isList: true,
    async answer(context, values, options) {
      const query = await namedQuery(options.pipeline, options.tables.state, values.query);
      const by = values.by ?? query.aggregateNames[0] ?? '';
      const [aggregate = '', ...path] = by.split('.');
      if (!query.aggregateNames.includes(aggregate) || path.length > 1)
        throw refused('by', by, `is not an aggregate of ${query.name}: use ${query.aggregateNames.join(', ')}`);
      const newest = {
        ...rangeOf({ from: undefined, to: undefined }),
        status: 'all',
        order: 'descending',
        limit: 1,
      } as const;
      const views =
        values.window === undefined
          ? await readWindows(readers(options), query, newest)
          : await readWindow(readers(options), query, values.window);
      if (values.window !== undefined && views.length === 0)
        throw new Problem(
          404,
          'no-such-window',
          'window',
          `window: no window of ${query.name} starts at ${values.window} and holds a record: list them with /windows`,
        );
      // Of windows that begin together the longest: it holds all that the others hold.
      const view = views.at(-1);
      const groups = (view?.rows ?? []).filter((row) => isGroupRow(query, row));
      const structure = path.length > 0 ? undefined : groups.map((row) => row.values[aggregate]).find(isStructure);
      if (structure !== undefined) {
        const numbers = numbersIn(structure).map((name) => `${by}.${name}`);
        throw refused(
          'by',
          by,
          `is not one number: use ${[...numbers, ...query.aggregateNames.filter((name) => name !== by)].join(', ')}`,
        );
      }
      const rank = (row: Row) => rankOf(memberOf(row.values[aggregate], path[0])) ?? Number.NEGATIVE_INFINITY;
      const rows = groups.sort((left, right) => rank(right) - rank(left) || 0).slice(0, values.n);
      const head = view === undefined ? null : windowHead(view);
      return listResponse(context, {
        formulas: values.formulas,
        name: 'rows',
        head: { window: head, by },
        elements: rows,
        limit: undefined,
        rowsOf: ({ key, values: results }) => [
          {
            start: head?.start,
            startTime: head?.startTime,
            end: head?.end,
            endTime: head?.endTime,
            ...key,
            ...results,
          },
        ],
        columns: ['start', 'startTime', 'end', 'endTime', ...query.groupBy, ...query.aggregateNames],
        tooLarge: () =>
          new Problem(400, 'answer-too-large', 'n', `n: ${rows.length} rows are more than an answer holds: give fewer`),
        isFinal: !viewerOf(query).mayGetMore && values.window !== undefined && view?.status === 'final',
      });
    },
  }),

  route({
    path: '/v1/queries/{query}/series',
    id: 'getSeries',
    summary: 'One key over time',
    description:
      'A point for each window that holds the key. `fill=identity` gives a point for every window between the first one and the last, with what an aggregate is of no records: 0 for a count.',
    parameters: {
      formulas,
      query: queryName,
      key: keyObject,
      from,
      to,
      status,
      fill: wordParameter('Whether windows without the key have a point.', ['none', 'identity']),
      limit: countParameter('Most points of a page.', pointLimits),
      cursor,
    },
    answers: 'Series',
    isList: true,
    async answer(context, values, options) {
      const query = await namedQuery(options.pipeline, options.tables.state, values.query);
      const key = keyOf(query, values.key);
      const reason = query.definedKind.refuses?.fill;
      if (values.fill === 'identity' && reason !== undefined)
        throw refused('fill', values.fill, `asks for windows without records, and ${query.name} has ${reason}`);
      const missing = query.groupBy.find((name) => !Object.hasOwn(key, name));
      if (missing !== undefined)
        throw refused(
          'key',
          JSON.stringify(key),
          `is not one key of ${query.name}: give every group-by field, ${query.groupBy.join(', ')}`,
        );
      const after = await placeOf(context, options, values.cursor);
      const range = { ...rangeOf(values), status: values.status, order: 'ascending', after } as const;
      const { views, limit } = await pageOf(options, query, {
        ...range,
        limit: values.limit,
        key: keyText(query, key),
      });
      const points = seriesPoints(query, views, key, values.fill, after);
      return listResponse(context, {
        formulas: values.formulas,
        name: 'points',
        head: { query: query.name, key },
        elements: points,
        limit: undefined,
        // The windows that were read bound the page. The next page fills a gap behind its last point.
        cursorAfter: async () => cursorOf(context, options, views, limit)(views.length),
        rowsOf: ({ values: results, asOf: _asOf, asOfTime: _time, ...head }) => [{ ...head, ...key, ...results }],
        columns: [
          'start',
          'startTime',
          'end',
          'endTime',
          'status',
          'records',
          ...query.groupBy,
          ...query.aggregateNames,
        ],
        tooLarge: () =>
          new Problem(
            400,
            'answer-too-large',
            'limit',
            `limit: ${points.length} points are more than an answer holds: give fewer`,
          ),
        isFinal: isFinalRange(query, values, views, values.status) && views.length < limit,
      });
    },
  }),
];

/** Whether a result has parts and is not a bound that stands for a number. */
function isStructure(result: Json | undefined): boolean {
  return typeof result === 'object' && result !== null && rankOf(result) === undefined && !('bytes' in result);
}

/** One member of a structured result, or the whole of it. */
function memberOf(result: Json | undefined, name: string | undefined): unknown {
  if (name === undefined) return result;
  if (typeof result !== 'object' || result === null || !Object.hasOwn(result, name)) return undefined;
  return (result as Readonly<Record<string, Json>>)[name];
}

interface Point extends SpanJson {
  readonly status: WindowView['status'] | null;
  /** Null of an open window of which only the part with the key was read. */
  readonly records: number | null;
  readonly asOf: number | null;
  readonly asOfTime: string | null;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A whole key as the tables name it. */
const keyText = (query: Query, key: Readonly<Record<string, unknown>>): KeyText =>
  JSON.stringify(query.groupBy.map((name) => key[name]));

/** The one key that a request asks for, where it names every field: one part of a large stored window holds it. */
function storedKeyOf(query: Query, key: Readonly<Record<string, unknown>>): { readonly storedKey?: KeyText } {
  const isWhole = query.groupBy.length > 0 && query.groupBy.every((name) => Object.hasOwn(key, name));
  return isWhole ? { storedKey: keyText(query, key) } : {};
}

function seriesPoints(
  query: Query,
  views: readonly WindowView[],
  key: Readonly<Record<string, unknown>>,
  fill: 'none' | 'identity',
  after: Window | undefined,
): readonly Point[] {
  const identity = rowOf(query, keyText(query, key), identityOf(query)).values;
  const points: Point[] = [];
  let last = after;
  const point = (
    window: Window & Pick<WindowView, 'asOf'>,
    status: Point['status'],
    records: Point['records'],
    values: Point['values'],
  ): void => {
    points.push({ ...spanJson(window), status, records, ...timed('asOf', 'asOfTime', window.asOf), values });
  };
  for (const view of views) {
    if (fill === 'identity' && last !== undefined)
      for (const gap of windowsBetween(query, last, view)) point(gap, null, 0, identity);
    const row = view.rows.find(({ key: own }) => query.groupBy.every((name) => own[name] === key[name]));
    const records = view.isOneLane === true ? null : view.records;
    if (row !== undefined) point(view, view.status, records, row.values);
    else if (fill === 'identity') point(view, view.status, records, identity);
    last = view;
  }
  return points;
}

/** Most windows of one gap that are filled. The time between a stray event of 1970 and now is not a series. */
const mostGap = 100_000;

/** The windows of a query behind one and before another, in order. */
function* windowsBetween({ definedKind: kind }: Query, first: Window, last: Window): Generator<Window> {
  const isBetween = (window: Window) =>
    (window.start - first.start || window.end - first.end) > 0 &&
    (window.start - last.start || window.end - last.end) < 0;
  let given = 0;
  for (let slice = kind.sliceOf(first.start); slice <= last.start && given < mostGap; ) {
    const windows = kind.closings(slice).flatMap((closing) => kind.emit(closing));
    for (const window of windows) if (window.start === slice && isBetween(window) && given++ < mostGap) yield window;
    // A window that holds the slice gives the next one.
    const [holder] = windows;
    const next = holder === undefined ? undefined : (holder.slices[holder.slices.indexOf(slice) + 1] ?? holder.end);
    if (next === undefined || next <= slice) return;
    slice = next;
  }
}
