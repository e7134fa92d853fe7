import type { Context } from 'hono';
import type { Query } from '../core/definition/pipeline.ts';
import type { OutputMode } from '../core/results/output-mode.ts';
import type { Window } from '../core/windows/window.ts';
import { type FeedPlace, readChanges, readFinals } from '../state/windows/window-feed.ts';
import type { FeedRange, ReaderTables, WindowView } from '../state/windows/window-view.ts';
import { requestOf } from './cursor.ts';
import { refused } from './parameters.ts';
import type { RouteOptions } from './route.ts';

/** A list without an end: its cursor is never null. */
export interface OutputFeed {
  readonly views: readonly WindowView[];
  readonly cursorAfter: (taken: number) => Promise<string>;
}

type FeedReader = (
  context: Context,
  options: RouteOptions,
  query: Query,
  range: FeedRange,
  cursor: string | undefined,
) => Promise<OutputFeed>;

/** The tables for readers of windows. */
export const readers = ({ pipeline, tables }: RouteOptions): ReaderTables => ({
  pipeline,
  state: tables.state,
  windows: tables.windows,
});

/** Output mode `append`. */
export const appended: FeedReader = async (context, options, query, range, text) => {
  refuseWith(context, 'append', ['status', 'order']);
  const [start, end] =
    text === undefined ? [] : ((await options.cursors.open(requestOf(context), text)) as readonly number[]);
  const place: Window | undefined = start === undefined || end === undefined ? undefined : { start, end };
  const views = await readFinals(readers(options), query, range, place);
  return {
    views,
    cursorAfter(taken) {
      const last = views[taken - 1] ?? place;
      return options.cursors.seal(requestOf(context), last === undefined ? [] : [last.start, last.end]);
    },
  };
};

/** Output mode `update`. */
export const updated: FeedReader = async (context, options, query, range, text) => {
  refuseWith(context, 'update', ['status', 'order']);
  const reason = query.definedKind.refuses?.update;
  if (reason !== undefined) throw refused('mode', 'update', `cannot be had of ${query.name}: ${reason}`);
  const place = text === undefined ? undefined : ((await options.cursors.open(requestOf(context), text)) as FeedPlace);
  const { views, placeAfter } = await readChanges(readers(options), query, range, place);
  return { views, cursorAfter: (taken) => options.cursors.seal(requestOf(context), placeAfter(taken)) };
};

/**
 * Refuses parameters that a mode excludes: a mode says itself which windows come, and in which order.
 * @throws Problem when one of these parameters is given with a mode
 */
export function refuseWith({ req }: Context, given: OutputMode | undefined, names: readonly string[]): void {
  if (given === undefined) return;
  const { searchParams } = new URL(req.url);
  const name = names.find((other) => searchParams.has(other));
  if (name !== undefined)
    throw refused(
      name,
      searchParams.get(name),
      `is not for mode=${given}, which says itself which windows come: leave it out`,
    );
}
