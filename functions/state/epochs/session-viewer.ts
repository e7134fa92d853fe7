import { grouped } from '../../core/definition/grouped.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import { sortedRows } from '../../core/fold/window-result.ts';
import { type SessionStep, sessionsOfEpochs } from '../../core/sessions/epoch-sessions.ts';
import { type KeyedPartial, type SessionWindow, sessionRule } from '../../core/sessions/join.ts';
import { lastClosing } from '../../core/windows/window.ts';
import type { Table } from '../table/table.ts';
import type { Pane } from '../windows/pane.ts';
import { partialsOf } from '../windows/pane-rows.ts';
import {
  inOrder,
  isBehind,
  paneView,
  prefer,
  type ReaderTables,
  readHeads,
  readPanesIn,
  type WindowRange,
  type WindowView,
  windowName,
} from '../windows/window-view.ts';
import { readCarried, sessionPartitions } from './carried-sessions.ts';
import { epochViewer, type LiveViews } from './epoch-viewer.ts';
import { type OpenState, readOpenState } from './open-state.ts';
import { contentOf, lanesUpTo, type Segment, slicesOfLane } from './segment.ts';

/** Sessions, which follow from the records of each key. */
export const sessionViewer = epochViewer({
  // Another key's session may begin amid the final ones or beside them.
  mayGetMore: true,
  liveViews: readLive,
});

/**
 * Sessions by start. Their windows are known only when everything open of the query is merged. The range then chooses
 * among them. A final pane is preferred to the open session of the same window.
 */
async function readLive(tables: ReaderTables, query: Query, range: WindowRange): Promise<LiveViews> {
  const open = await readOpenState(tables.state, query);
  const sessionsBesides = await openSessions(tables.state, query, open);
  // Manifests are read after all else: what became final meanwhile is there.
  // With all their keys: what they hold is not open any more, whatever key is asked for.
  const { key: _key, storedKey: _storedKey, ...allKeys } = range;
  const panes = range.status === 'open' ? [] : await readPanesIn(tables, query, allKeys);
  const { closing, open: growing } = sessionsBesides(panes);
  const { asOf, heldBy } = open;
  const viewOf = ({ start, end, partials, records }: SessionWindow, status: 'open' | 'closing'): WindowView => ({
    query: query.name,
    start,
    end,
    status,
    revision: null,
    finalizedAt: null,
    records,
    rows: sortedRows(query, partials),
    partials,
    ...(asOf === undefined ? {} : { asOf }),
  });
  const isWanted = (session: SessionWindow) =>
    session.start >= range.from && session.start < range.to && isBehind(session, range);
  const live = [
    ...closing.filter(isWanted).map((session) => viewOf(session, 'closing')),
    ...growing.filter(isWanted).map((session) => viewOf(session, 'open')),
  ];
  const views = new Map(live.map((view) => [windowName(view), view]));
  if (range.status === 'open')
    for (const [name, pane] of await readHeads(tables, query, live)) prefer(views, name, pane, () => undefined);
  for (const pane of panes) prefer(views, windowName(pane), pane, () => paneView(query, pane));
  return { views: inOrder([...views.values()], range).slice(0, range.limit), asOf, heldBy };
}

/**
 * Reads the sessions that were open after the last epoch that is emitted, and what epochs and entries behind it have
 * added. So every record that was added before the read is in one of these, or in a final session that is visible by
 * now.
 */
async function openSessions(state: Table, query: Query, open: OpenState) {
  const [carried, leaves] = await Promise.all([readOpenCarried(state, query, open), readLeaves(state, query, open)]);
  const least = Math.min(...leaves.map(({ epoch }) => epoch));
  const epochs = open.emitted.epoch < open.gathered.epoch ? await open.epochs(least) : [];
  const closedAt = new Map(
    [...epochs, ...open.tailEpochs].map(({ epoch, closedThrough }): [number, number] => [epoch, closedThrough]),
  );
  const parts = grouped(
    [...leaves, ...open.tails.map(({ epoch, partials }) => ({ epoch, partials }))],
    ({ epoch }) => epoch,
  );
  const steps = [...new Set([...closedAt.keys(), ...parts.keys()])]
    // What the epochs up to that one have added is in what was carried, or final.
    .filter((epoch) => epoch > open.emitted.epoch)
    .sort((left, right) => left - right)
    .map(
      (epoch): SessionStep => ({
        epoch,
        closedThrough: closedAt.get(epoch) ?? Number.NEGATIVE_INFINITY,
        parts: (parts.get(epoch) ?? []).flatMap(({ partials }) => [...partials]),
      }),
    );
  return (panes: readonly Pane[]) => {
    const { gapMs, closingOf } = sessionRule(query);
    const finals = panes.filter(({ end }) => closingOf(end - gapMs) > open.emitted.closedThrough);
    return sessionsOfEpochs(
      query,
      carried,
      steps,
      open.gathered.epoch,
      finals.map((pane) => ({ start: pane.start, end: pane.end, keys: partialsOf(query, pane).keys() })),
    );
  };
}

async function readOpenCarried(state: Table, query: Query, { emitted }: OpenState): Promise<readonly KeyedPartial[]> {
  if (emitted.epoch === 0) return [];
  const carried = await Promise.all(
    Array.from({ length: sessionPartitions }, (_, partition) => readCarried(state, query, partition, emitted.epoch)),
  );
  return carried.flatMap(({ sessions }) => sessions);
}

/** What one epoch has gathered of one slice. */
interface Leaf {
  readonly epoch: number;
  readonly partials: Iterable<KeyedPartial>;
}

/** What each of the epochs that are gathered and not emitted has added, by slice. */
async function readLeaves(
  state: Table,
  query: Query,
  { section, emitted, gathered, lanes }: OpenState,
): Promise<readonly Leaf[]> {
  if (emitted.epoch >= gathered.epoch) return [];
  const range = { from: leastOpenSlice(query, emitted.closedThrough), to: undefined };
  const isLeaf = ({ from, to }: Segment) => from === to && from > emitted.epoch && to <= gathered.epoch;
  const leaves = await Promise.all(
    lanesUpTo(section, lanes).map(async (lane) => {
      const found: Leaf[] = [];
      for await (const { segments } of slicesOfLane(state, lane, range, (all) => all.filter(isLeaf)))
        for (const [epoch, ofEpoch] of grouped(segments, ({ from }) => from))
          found.push({ epoch, partials: contentOf(query, ofEpoch).partials });
      return found;
    }),
  );
  return leaves.flat();
}

/** The least slice in which a session may have a record that closes after a moment; undefined: without a bound. */
function leastOpenSlice(query: Query, closedThrough: number): number | undefined {
  if (!Number.isFinite(closedThrough)) return undefined;
  const { window } = query;
  // Slices of sessions have one length, and close one time after their start.
  const slice = window.sliceOf(closedThrough);
  return window.sliceOf(closedThrough - (lastClosing(window, slice) - slice));
}
