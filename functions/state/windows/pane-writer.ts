import pLimit from 'p-limit';
import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import type { PartialAggregate, Partials } from '../../core/fold/partial.ts';
import { compareRows, joinLevels, levelsOf, sortedGroups, sortedTotals } from '../../core/fold/window-result.ts';
import { checkLanes, laneOf } from '../../core/log/lane.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Attributes, type Clause, type Key, numberOf, type Table } from '../table/table.ts';
import type { PaneHead, PaneOutline, PaneStatus } from './pane.ts';
import { manifestKey, partsPartition, revisionKey, windowText } from './pane-keys.ts';
import { type LaneWritten, lanesFor, writeRun } from './pane-lane.ts';
import { namesOf, runsOf } from './pane-parts.ts';
import { readPaneHead, type StandingPane } from './pane-reader.ts';
import { bytesOf, contentOf, type DraftRow, draftRows, manifestBytes } from './pane-rows.ts';

/** How many final panes of a window stay readable after corrections have taken their place. */
const mostFinalsKept = 100;

/** The content of a pane that is written in one process. */
export interface PaneContent {
  readonly partials: Partials;
  readonly records: number;
  /** Epoch ms. */
  readonly nowMs: number;
  /** Where its rows go to parts, in at least so many lanes: a power of two. @default 1 */
  readonly lanes?: number;
}

/** What a pane of an epoch is, apart from its rows. */
export interface PaneDraft {
  readonly status: PaneStatus;
  /** The epoch that makes it. */
  readonly epoch: number;
  readonly records: number;
  /** Epoch ms. */
  readonly nowMs: number;
}

/**
 * Writes the pane of a window that an epoch has made: a manifest says the epoch it was made at, and only a later one
 * takes its place (DESIGN 4.2, step 5). The panes of epochs before it are there, and those alone: so every run of an
 * epoch finds the same standing pane and writes the same one. Rows of more than 32 KB go to parts by lane, some lanes
 * at a time.
 * @param draft.lanes the least number of lanes of a pane that has any: a power of two, 1 unless told. A large one has
 * more (`lanesFor`)
 * @param standing the pane that stands; read here where it is not given
 * @returns the pane of this epoch; undefined when there is one of a later epoch, or a final one
 */
export async function writePaneAt(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneDraft & PaneContent,
  standing?: PaneHead,
): Promise<PaneOutline | undefined> {
  const held = (revision: number) => storeRows(windows, query, window, revision, draft);
  return putPaneAt(windows, query, window, draft, standing, held);
}

/**
 * Writes the manifest of a pane whose lanes were written one by one ({@link writePaneLane}), and the rows of its totals
 * before it: it makes the pane visible, whole. For the rest as {@link writePaneAt}, of whose panes these are no
 * different.
 * @param draft.lanes what was written of each lane, in any order
 * @throws Error when a lane is missing, or is of another revision than the pane's, which is one more than the standing
 * one's
 */
export async function writePaneManifest(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneDraft & { readonly lanes: readonly LaneWritten[] },
  standing?: PaneHead,
): Promise<PaneOutline | undefined> {
  const held = (revision: number) => joinWritten(windows, query, window, revision, draft.lanes);
  return putPaneAt(windows, query, window, draft, standing, held);
}

/** Puts the pane of an epoch after the one that stands. @param held writes what the manifest does not hold itself */
async function putPaneAt(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneDraft,
  standing: PaneHead | undefined,
  held: (revision: number) => Promise<Attributes>,
): Promise<PaneOutline | undefined> {
  const { epoch } = draft;
  const before = standing ?? (await readPaneHead(windows, query, window));
  if (before !== undefined && (before.epoch >= epoch || before.status === 'final'))
    return before.epoch === epoch ? ownPane(windows, query, window, epoch) : undefined;
  const revision = revisionAfter(before);
  if (query.history > 0) await keepPane(windows, query, window, revision - 1);
  const written = await putManifest(
    windows,
    query,
    window,
    { ...draft, revision },
    [
      { attribute: 'status', is: 'absentOrOther', than: 'final' },
      { attribute: 'epoch', is: 'absentOrBelow', bound: epoch },
    ],
    { epoch, ...(await held(revision)) },
  );
  if (written === undefined) return ownPane(windows, query, window, epoch);
  if (before !== undefined && (before.parts > 0 || query.history > 0))
    await deleteBefore(windows, query, window, revision - query.history, before);
  return written;
}

/**
 * The pane that an epoch has written. Undefined when there is a later one; of the same epoch that is one of a command,
 * which comes after all panes of the epoch were published.
 */
async function ownPane(windows: Table, query: Query, window: Window, epoch: number): Promise<PaneOutline | undefined> {
  const head = await readPaneHead(windows, query, window);
  return head?.epoch === epoch && head.commands.length === 0 ? outlineOf(query, window, head) : undefined;
}

/**
 * Writes the one pane that a window has before any correction, as {@link writePaneAt} does, and reads nothing where
 * none stands: for queries whose windows have no pane before the final one.
 */
export async function writeOnlyPaneAt(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneDraft & PaneContent,
): Promise<PaneOutline | undefined> {
  const { epoch } = draft;
  const none: readonly Clause[] = [{ attribute: 'revision', is: 'absent' }];
  const held = await storeRows(windows, query, window, 0, draft);
  const written = await putManifest(windows, query, window, { ...draft, revision: 0 }, none, { epoch, ...held });
  return written ?? writePaneAt(windows, query, window, draft);
}

/** The revision of the pane after the one that stands. */
export function revisionAfter(standing: Pick<PaneHead, 'revision'> | undefined): number {
  return standing === undefined ? 0 : standing.revision + 1;
}

/** Lanes of a pane that are written at the same time. */
const lanesAtATime = 8;

/**
 * Writes the rows of a pane, where they are not few, as parts by lane.
 * @returns the attributes of the manifest that hold the rows or name their parts
 */
async function storeRows(
  windows: Table,
  query: Query,
  window: Window,
  revision: number,
  { partials, lanes: least }: Pick<PaneContent, 'partials' | 'lanes'>,
): Promise<Attributes> {
  const groups = draftRows(query, partials, sortedGroups(query, partials));
  const lanes = lanesFor(bytesOf(groups), least);
  const shares = lanes === 1 ? [partials] : inLanes(partials, lanes);
  const levels = joinLevels(
    query,
    shares.map((share) => levelsOf(query, share)),
  );
  const totals = draftRows(query, partials, sortedTotals(query, levels));
  if (bytesOf(groups) + bytesOf(totals) <= manifestBytes) {
    const all = [...groups, ...totals].sort((left, right) => compareRows(query.groupBy, left.row, right.row));
    return contentOf(query, all);
  }
  const rows: DraftRow[][] = shares.map(() => []);
  for (const draft of groups) rows[laneOf(draft.key ?? '', lanes)]?.push(draft);
  const limit = pLimit(lanesAtATime);
  const runs = await Promise.all(
    [...rows, totals].map((run, lane) => limit(() => writeRun(windows, query, window, { lane, lanes, revision }, run))),
  );
  return namesOf(lanes, runs);
}

/** The partial aggregates of each lane. */
function inLanes(partials: Partials, lanes: number): readonly Partials[] {
  const shares = Array.from({ length: lanes }, () => new Map<KeyText, PartialAggregate>());
  for (const [key, partial] of partials) shares[laneOf(key, lanes)]?.set(key, partial);
  return shares;
}

/** Writes the rows of the totals of lanes, and names the lanes. */
async function joinWritten(
  windows: Table,
  query: Query,
  window: Window,
  revision: number,
  written: readonly LaneWritten[],
): Promise<Attributes> {
  const inOrder = [...written].sort((left, right) => left.lane - right.lane);
  const lanes = checkLanes(inOrder.length);
  for (const [lane, one] of inOrder.entries())
    if (one.lane !== lane || one.lanes !== lanes || one.revision !== revision)
      throw new Error(
        `window ${query.name} ${windowText(window)}: lane ${one.lane} of ${one.lanes} of revision ${one.revision} ` +
          `in the place of lane ${lane} of ${lanes} of revision ${revision}`,
      );
  const levels = joinLevels(
    query,
    inOrder.map(({ totals }) => totals),
  );
  const totals = draftRows(query, new Map(), sortedTotals(query, levels));
  return namesOf(lanes, [...inOrder, await writeRun(windows, query, window, { lane: lanes, lanes, revision }, totals)]);
}

interface ManifestDraft extends Omit<PaneDraft, 'epoch'> {
  readonly revision: number;
}

/**
 * Puts a manifest, **after** all that it names is there: it makes the pane visible. Undefined when the condition on the
 * standing manifest does not hold.
 */
async function putManifest(
  windows: Table,
  query: Query,
  window: Window,
  { records, nowMs, status, revision }: ManifestDraft,
  when: readonly Clause[],
  held: Attributes,
): Promise<PaneOutline | undefined> {
  const { start, end } = window;
  const emitted = status === 'final' ? { finalizedAt: nowMs } : { emittedAt: nowMs };
  const manifest = {
    ...manifestKey(query.name, window),
    attributes: { start, end, status, revision, ...emitted, records, ...held },
  };
  const outcome = await windows.put(manifest, when);
  return outcome === 'applied' ? outlineOf(query, window, { status, revision, emittedAt: nowMs, records }) : undefined;
}

function outlineOf(
  query: Query,
  { start, end }: Window,
  { status, revision, emittedAt, records }: Omit<PaneOutline, 'query' | 'start' | 'end'>,
): PaneOutline {
  return { query: query.name, start, end, status, revision, emittedAt, records };
}

/**
 * Keeps the visible pane of a window readable beside the one that is about to take its place. It is kept only if it is
 * of this revision; otherwise the write of the next one is refused. The copy is written **before** the next pane, so
 * that no revision is lost by a crash between them. Unconditional: the content follows from the key, for a revision is
 * written once.
 */
async function keepPane(windows: Table, query: Query, window: Window, revision: number): Promise<void> {
  if (revision < 0) return;
  const standing = await windows.get(manifestKey(query.name, window));
  if (standing === undefined || numberOf(standing, 'revision') !== revision) return;
  await windows.putAll([{ ...revisionKey(query.name, window, revision), attributes: standing.attributes }]);
}

/**
 * Deletes the kept panes before a revision. A visible pane has taken their place for ever. The items that name parts
 * are deleted before the parts.
 * @param last the pane before the visible one
 */
async function deleteBefore(
  windows: Table,
  query: Query,
  window: Window,
  before: number,
  last: Pick<PaneHead, 'lanes'>,
): Promise<void> {
  const isBefore = (item: Key) => Number.parseInt(item.sk, 10) < before;
  const kept =
    query.history > 0
      ? (await windows.query(revisionKey(query.name, window, 0).pk, { only: ['lanes'] })).filter(isBefore)
      : [];
  const limit = pLimit(lanesAtATime);
  const remove = ({ pk, sk }: Key) => limit(() => windows.delete({ pk, sk }));
  await Promise.all(kept.map(remove));
  const numbers = new Set([last.lanes, ...kept.map((item) => numberOf(item, 'lanes') ?? 0)]);
  const lanes = [...numbers].flatMap((number) => (number === 0 ? [] : runsOf(query, number)));
  const parts = await Promise.all(
    lanes.map((lane) => limit(() => windows.query(partsPartition(query.name, window, lane), { only: [] }))),
  );
  await Promise.all(parts.flat().filter(isBefore).map(remove));
}

/** The content of a final pane that commands of the operator make, and the pane that it follows. */
export interface CommandedContent extends PaneContent {
  /** The epoch that holds the commands. */
  readonly epoch: number;
  /** The ids of the commands whose records it holds more than the standing one. */
  readonly commands: readonly string[];
  /** The pane that stands; undefined: there is none. */
  readonly standing: StandingPane | undefined;
}

/**
 * Writes a final pane of commands of the operator as the revision after the standing one; undefined when the standing
 * one is not the last any more. An epoch's commands come after its own panes and in their order, so every run of it
 * finds the same pane standing and writes the same rows. The manifest names the epoch and its commands: by them a run
 * knows that a window is done, and a zombie that its epoch is past (DESIGN 4.2, step 5).
 */
export async function writeCommandedPane(
  windows: Table,
  query: Query,
  window: Window,
  content: CommandedContent,
): Promise<PaneOutline | undefined> {
  const { standing, commands, epoch, nowMs, records } = content;
  const revision = revisionAfter(standing?.pane);
  const unchanged: readonly Clause[] =
    standing === undefined
      ? [{ attribute: 'revision', is: 'absent' }]
      : [{ attribute: 'revision', is: 'equal', to: standing.pane.revision }];
  const isFirst = standing?.pane.status !== 'final';
  const before = standing?.epoch === epoch ? standing.commands : [];
  const extra = {
    epoch,
    corrections: [...before, ...commands],
    ...(isFirst ? { isFirst } : { correctedAt: nowMs }),
  };
  const draft: ManifestDraft = {
    records,
    nowMs: isFirst ? nowMs : standing.pane.emittedAt,
    status: 'final',
    revision,
  };
  await keepPane(windows, query, window, revision - 1);
  const held = await storeRows(windows, query, window, revision, content);
  const written = await putManifest(windows, query, window, draft, unchanged, { ...extra, ...held });
  if (written !== undefined && standing !== undefined && revision > mostFinalsKept)
    await deleteBefore(windows, { ...query, history: mostFinalsKept }, window, revision - mostFinalsKept, standing);
  return written;
}
