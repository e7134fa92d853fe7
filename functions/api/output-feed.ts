import type { Context } from 'hono';
import type { Query } from '../core/definition/pipeline.ts';
import type { OutputMode } from '../core/results/output-mode.ts';
import { type FeedPlace, isFeedPlace } from '../state/epochs/feed-place.ts';
import { type ChangePlace, readChanges, readFinals } from '../state/epochs/window-feed.ts';
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
  const place = await placeOf(context, options, text);
  const { views, placeAfter } = await readFinals(readers(options), query, range, place, options.now());
  return { views, cursorAfter: (taken) => options.cursors.seal(requestOf(context), placeAfter(taken)) };
};

/** Output mode `update`. */
export const updated: FeedReader = async (context, options, query, range, text) => {
  refuseWith(context, 'update', ['status', 'order']);
  const reason = query.definedKind.refuses?.update;
  if (reason !== undefined) throw refused('mode', 'update', `cannot be had of ${query.name}: ${reason}`);
  // A cursor belongs to its request, and so to its mode.
  const place = (await placeOf(context, options, text)) as ChangePlace | undefined;
  const { views, placeAfter } = await readChanges(readers(options), query, range, place, options.now());
  return { views, cursorAfter: (taken) => options.cursors.seal(requestOf(context), placeAfter(taken)) };
};

/** @throws Problem for a cursor of an earlier release, which had places of another form */
async function placeOf(
  context: Context,
  { cursors }: RouteOptions,
  text: string | undefined,
): Promise<FeedPlace | undefined> {
  if (text === undefined) return undefined;
  const place = await cursors.open(requestOf(context), text);
  if (!isFeedPlace(place)) throw refused('cursor', text, 'is of another release: begin with the first page');
  return place;
}

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
