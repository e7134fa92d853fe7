import type { Query } from '../../core/definition/pipeline.ts';
import type { Partials } from '../../core/fold/partial.ts';
import { sortedRows } from '../../core/fold/window-result.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Attributes, type Clause, numberOf, type Table } from '../table/table.ts';
import type { Pane, PaneHead } from './pane.ts';
import { manifestKey, partKey, revisionKey } from './pane-keys.ts';
import { readPaneHead, readStandingPane, type StandingPane } from './pane-reader.ts';
import { bytesOf, chunked, contentOf, draftRows, manifestBytes, statesOf } from './pane-rows.ts';

/** How many final panes of a window stay readable after corrections have taken their place. */
const mostFinalsKept = 100;

/** The content from which a pane is written. */
export interface PaneContent {
  readonly partials: Partials;
  readonly records: number;
  /** Epoch ms. */
  readonly nowMs: number;
}

/**
 * Writes the pane of a window that an epoch has made: a manifest says the epoch it was made at, and only a later one
 * takes its place (DESIGN 4.2, step 5). The panes of epochs before it are there, and those alone: so every run of an
 * epoch finds the same standing pane and writes the same one.
 * @param draft with an id of this run as its attempt: another run, or another version of the code, may cut the rows
 * otherwise, and attempts never mix
 * @param standing the pane that stands; read here where it is not given
 * @returns the pane of this epoch; undefined when there is one of a later epoch, or a final one
 */
export async function writePaneAt(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneContent & Pick<PaneDraft, 'status' | 'attempt'> & { readonly epoch: number },
  standing?: PaneHead,
): Promise<Pane | undefined> {
  const { epoch } = draft;
  const before = standing ?? (await readPaneHead(windows, query, window));
  if (before !== undefined && (before.epoch >= epoch || before.status === 'final'))
    return before.epoch === epoch ? ownPane(windows, query, window, epoch) : undefined;
  const revision = revisionAfter(before);
  if (query.history > 0) await keepPane(windows, query, window, revision - 1);
  const written = await writePane(
    windows,
    query,
    window,
    { ...draft, revision },
    [
      { attribute: 'status', is: 'absentOrOther', than: 'final' },
      { attribute: 'epoch', is: 'absentOrBelow', bound: epoch },
    ],
    { epoch },
  );
  if (written === undefined) return ownPane(windows, query, window, epoch);
  if (before !== undefined && (before.parts > 0 || query.history > 0))
    await deleteBefore(windows, query, window, revision - query.history);
  return written;
}

/**
 * The pane that an epoch has written. Undefined when there is a later one; of the same epoch that is one of a command,
 * which comes after all panes of the epoch were published.
 */
async function ownPane(windows: Table, query: Query, window: Window, epoch: number): Promise<Pane | undefined> {
  const standing = await readStandingPane(windows, query, window);
  return standing?.epoch === epoch && standing.commands.length === 0 ? standing.pane : undefined;
}

/**
 * Writes the one pane that a window has before any correction, as {@link writePaneAt} does, and reads nothing where
 * none stands: for queries whose windows have no pane before the final one.
 */
export async function writeOnlyPaneAt(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneContent & Pick<PaneDraft, 'status' | 'attempt'> & { readonly epoch: number },
): Promise<Pane | undefined> {
  const { epoch } = draft;
  const none: readonly Clause[] = [{ attribute: 'revision', is: 'absent' }];
  const written = await writePane(windows, query, window, { ...draft, revision: 0 }, none, { epoch });
  return written ?? writePaneAt(windows, query, window, draft);
}

function revisionAfter(standing: Pick<PaneHead, 'revision'> | undefined): number {
  return standing === undefined ? 0 : standing.revision + 1;
}

interface PaneDraft extends PaneContent {
  readonly status: Pane['status'];
  readonly revision: number;
  readonly attempt: string;
}

/**
 * Writes a pane: its parts, **then** its manifest, which makes it visible. Undefined when the condition on the standing
 * manifest does not hold.
 */
async function writePane(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneDraft,
  when: readonly Clause[],
  extra: Attributes,
): Promise<Pane | undefined> {
  const { partials, records, nowMs, status, revision, attempt } = draft;
  const rows = sortedRows(query, partials);
  const drafts = draftRows(query, partials, rows);
  const contents = chunked(drafts).map((chunk) => contentOf(query, chunk));
  const [only] = contents;
  const isWhole = contents.length === 1 && only !== undefined && bytesOf(drafts) <= manifestBytes;
  const parts = isWhole
    ? []
    : contents.map((attributes, part) => ({ ...partKey(query.name, window, revision, attempt, part), attributes }));
  if (parts.length > 0) await windows.putAll(parts);
  const { start, end } = window;
  const emitted = status === 'final' ? { finalizedAt: nowMs } : { emittedAt: nowMs };
  const held: Attributes = isWhole ? only : { parts: parts.length, attempt };
  const manifest = {
    ...manifestKey(query.name, window),
    attributes: { start, end, status, revision, ...emitted, records, ...extra, ...held },
  };
  const outcome = await windows.put(manifest, when);
  if (outcome !== 'applied') return undefined;
  return {
    query: query.name,
    start,
    end,
    status,
    revision,
    emittedAt: nowMs,
    records,
    rows,
    states: statesOf(contents),
  };
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
 */
async function deleteBefore(windows: Table, query: Query, window: Window, before: number): Promise<void> {
  const parts = partKey(query.name, window, 0, '', 0);
  for (const { pk } of query.history > 0 ? [revisionKey(query.name, window, 0), parts] : [parts]) {
    const items = await windows.query(pk);
    await Promise.all(
      items.filter(({ sk }) => Number.parseInt(sk, 10) < before).map(({ sk }) => windows.delete({ pk, sk })),
    );
  }
}

/** The content of a final pane that commands of the operator make, and the pane that it follows. */
export interface CommandedContent extends PaneContent {
  /** The epoch that holds the commands. */
  readonly epoch: number;
  /** The ids of the commands whose records it holds more than the standing one. */
  readonly commands: readonly string[];
  /** An id that no other run has: the parts of two runs never mix. */
  readonly attempt: string;
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
): Promise<Pane | undefined> {
  const { standing, commands, epoch, nowMs } = content;
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
  const draft: PaneDraft = {
    ...content,
    nowMs: isFirst ? nowMs : standing.pane.emittedAt,
    status: 'final',
    revision,
  };
  await keepPane(windows, query, window, revision - 1);
  const written = await writePane(windows, query, window, draft, unchanged, extra);
  if (written !== undefined && revision > mostFinalsKept)
    await deleteBefore(windows, { ...query, history: mostFinalsKept }, window, revision - mostFinalsKept);
  return written;
}
