import type { Query } from '../../core/definition/pipeline.ts';
import { type EpochPlace, readEmittedOf } from '../log/epoch.ts';
import { OutOfTime } from '../table/out-of-time.ts';
import { type ReaderTables, type WindowRange, type WindowView, windowName } from '../windows/window-view.ts';
import { leastSlice } from './emit.ts';
import { readWindows, viewerOf } from './window-reader.ts';

/** Windows that there was no time to read. */
export interface MissingWindows {
  /** `windows`: final and open ones; `open windows`: only those that are not final. */
  readonly what: 'windows' | 'open windows';
  /** Some that start at or after this are missing, epoch ms; none that starts before. */
  readonly from: number;
}

/** All windows of a range, or as many as there was time for. */
export interface AllWindows {
  /** By start and end. */
  readonly views: readonly WindowView[];
  /** Undefined: nothing is missing. */
  readonly missing: MissingWindows | undefined;
}

/** Windows read at a time: the first page, and the largest one. */
const pageWindows = { first: 100, most: 1_000 } as const;

/**
 * All windows of a range, in pages, as long as there is time: first the final ones, then the open ones, then those that
 * have become final meanwhile, which are preferred. So none is missed, and none is there twice. Sessions are merged as
 * a whole, so those that are not final are read at once.
 * @param isOver whether there is no time for another page
 * @throws OutOfTime when there was none for the first
 */
export async function readAllWindows(
  tables: ReaderTables,
  query: Query,
  range: Pick<WindowRange, 'from' | 'to' | 'status' | 'partialsOnly'>,
  isOver: () => boolean,
): Promise<AllWindows> {
  const whole = { ...range, order: 'ascending', limit: Number.POSITIVE_INFINITY } as const;
  if (viewerOf(query).mayGetMore && range.status !== 'final')
    return { views: await readWindows(tables, query, whole), missing: undefined };
  const views = new Map<string, WindowView>();
  let missing: MissingWindows | undefined;
  /** Reads to the end, or as long as there is time. */
  const readOn = async (status: 'final' | 'open', from: number): Promise<void> => {
    let after: WindowView | undefined;
    for (let limit: number = pageWindows.first; ; limit = Math.min(pageWindows.most, limit * 2)) {
      const page = views.size > 0 && isOver() ? undefined : await pageOf({ status, from, after, limit });
      if (page === undefined) {
        missing ??= { what: status === 'final' ? 'windows' : 'open windows', from: after?.start ?? from };
        return;
      }
      for (const view of page) views.set(windowName(view), view);
      after = page.at(-1) ?? after;
      if (page.length < limit) return;
    }
  };
  const pageOf = async (page: Pick<WindowRange, 'status' | 'from' | 'after' | 'limit'>) => {
    try {
      return await readWindows(tables, query, { ...whole, ...page });
    } catch (error) {
      if (error instanceof OutOfTime && views.size > 0) return undefined;
      throw error;
    }
  };
  const before = await readEmittedOf(tables.state, query.name);
  if (range.status !== 'open') await readOn('final', range.from);
  if (range.status !== 'final' && missing === undefined) await readOn('open', range.from);
  if (range.status === 'all' && missing === undefined) await readOn('final', leastStart(query, range.from, before));
  const inOrder = [...views.values()].sort((left, right) => left.start - right.start || left.end - right.end);
  return { views: inOrder, missing };
}

/** A moment before which no window starts that became final after an epoch was emitted, epoch ms. */
function leastStart(query: Query, from: number, { closedThrough }: EpochPlace): number {
  if (query.definedKind.isEndless) return from;
  return Math.max(from, leastSlice(query, closedThrough) ?? from);
}
