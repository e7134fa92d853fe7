import type { Query } from '../../core/definition/pipeline.ts';
import { type SessionWindow, sessionRule } from '../../core/sessions/join.ts';
import { type LivePart, liveSessions } from '../../core/sessions/session-view.ts';
import { lastClosing } from '../../core/windows/window.ts';
import { readCarried, sessionPartitions } from '../items/carried-sessions.ts';
import { readHorizon } from '../items/horizon.ts';
import { readSlicePages } from '../items/page.ts';
import { readRegistry } from '../items/registry.ts';
import type { Table } from '../table/table.ts';
import type { Pane } from './pane.ts';
import { partialsOf } from './pane-rows.ts';

/** The sessions of a query besides its final windows, read once. */
export interface FoundSessions {
  /** The sessions that are in none of these final panes, with their status. */
  besides(finals: readonly Pane[]): readonly { readonly window: SessionWindow; readonly status: 'open' | 'closing' }[];
}

/**
 * Reads the open sessions of a query: the registry, **then** the horizon, then the pages of buckets that close after
 * `finalizedThrough` and the sessions that were carried over it. In this order every record that was committed before
 * is in one of them or in a final window: a bucket that had left the registry closes at or below the `finalizedThrough`
 * that is read after it. Final panes have to be read after this.
 */
export async function findSessions(state: Table, query: Query): Promise<FoundSessions> {
  const buckets = (await readRegistry(state)).filter((bucket) => bucket.query === query.name);
  const { closedThrough, finalizedThrough } = await readHorizon(state);
  const places = new Map(
    buckets
      .filter(({ slice }) => lastClosing(query.window, slice) > finalizedThrough)
      .map(({ shardId, slice }) => [`${shardId}#${slice}`, { shardId, slice }]),
  );
  const [pages, carried] = await Promise.all([
    Promise.all([...places.values()].map(({ shardId, slice }) => readSlicePages(state, shardId, query, slice))),
    Promise.all(
      Array.from({ length: sessionPartitions }, (_, partition) =>
        readCarried(state, query, partition, finalizedThrough),
      ),
    ),
  ]);
  const parts: LivePart[] = carried.flatMap(({ sessions }) =>
    sessions.map(([key, partial]) => ({ key, partial, closesAt: Number.NEGATIVE_INFINITY })),
  );
  for (const { closesAt, page } of pages.flat())
    if (closesAt > finalizedThrough) for (const [key, partial] of page.partials) parts.push({ key, partial, closesAt });
  return {
    besides(finals) {
      const { gapMs, closingOf } = sessionRule(query);
      const since = finals.filter(({ end }) => closingOf(end - gapMs) > finalizedThrough);
      const { closing, open } = liveSessions(
        query,
        parts,
        closedThrough,
        since.map((pane) => ({ start: pane.start, end: pane.end, keys: partialsOf(query, pane).keys() })),
      );
      return [
        ...closing.map((window) => ({ window, status: 'closing' as const })),
        ...open.map((window) => ({ window, status: 'open' as const })),
      ];
    },
  };
}
