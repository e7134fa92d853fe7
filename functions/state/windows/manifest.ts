import type { Json } from '../../core/aggregates/index.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { decodeEach, encodePartials, type Partials, partialOfRow } from '../../core/fold/partial.ts';
import { isGroupRow, sortedRows, withGrouping } from '../../core/fold/window-result.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import { resultOf, storedResult } from '../table/stored-result.ts';
import {
  type Attribute,
  type Attributes,
  type Clause,
  type Item,
  type Key,
  numberOf,
  type Range,
  type Table,
  textOf,
} from '../table/table.ts';

/**
 * `early` before the window's end, `on-time` when it is passed, `late` for what has come since, `final` for ever after.
 */
export type PaneStatus = 'early' | 'on-time' | 'late' | 'final';

/** One emission of a window: what its manifest makes visible, all rows at once. */
export interface Pane extends Window {
  readonly query: string;
  readonly status: PaneStatus;
  /** Counts the panes of a window from 0; (query, window, revision) is unique. */
  readonly revision: number;
  /** When it was written, epoch ms. */
  readonly emittedAt: number;
  /** How many records are in it. */
  readonly records: number;
  readonly rows: readonly Row[];
  /**
   * The partial aggregates behind the rows, where results alone could not be added up. Encoded, see {@link partialsOf}.
   */
  readonly states: readonly string[] | undefined;
}

/**
 * Rows up to this many bytes, with the states behind them, live in the manifest itself; more go to parts of the next
 * size. An item ends at 400 KB.
 */
const manifestBytes = 32 * 1024;
const partBytes = 256 * 1024;

/** Final panes of a window that corrections have taken the place of, and that stay readable. */
const mostFinalsKept = 100;

/**
 * The sort key of a window: `start/end` as ISO 8601 writes intervals, so that it sorts by start and is readable in the
 * console.
 */
export function windowText(window: Window): string {
  return `${isoTime(window.start)}/${isoTime(window.end)}`;
}

function manifestKey(query: string, window: Window): Key {
  return { pk: query, sk: windowText(window) };
}

/**
 * Parts are keyed by revision and attempt too, so that overlapping runs never mix; the parts of a final pane are the
 * same whoever writes them.
 */
function partKey(query: string, window: Window, revision: number, attempt: string, part: number): Key {
  return { pk: `${query}#${windowText(window)}#parts`, sk: `${revision}#${attempt}#${String(part).padStart(6, '0')}` };
}

/** Where a pane is kept that another one has taken the place of; revisions sort as numbers. */
function revisionKey(query: string, window: Window, revision: number): Key {
  return { pk: `${query}#${windowText(window)}#revisions`, sk: String(revision).padStart(9, '0') };
}

/** What a manifest says of a pane without its rows. */
export interface PaneHead {
  readonly status: Pane['status'];
  readonly revision: number;
  /** Epoch ms. */
  readonly emittedAt: number;
  readonly records: number;
  /** Items its rows are in; none: they are in the manifest. */
  readonly parts: number;
}

/** What a pane is written from. */
export interface PaneContent {
  readonly partials: Partials;
  readonly records: number;
  /** Epoch ms. */
  readonly nowMs: number;
}

/**
 * Writes the final pane of a window. Its revision follows the last early pane's. The first writer stays and every other
 * finds what it would have written. Returns the pane as it stands.
 */
export async function writeFinalPane(
  windows: Table,
  query: Query,
  window: Window,
  content: PaneContent,
): Promise<Pane> {
  let revision =
    query.earlyMs === undefined && query.latenessMs === 0
      ? 0
      : revisionAfter(await readPaneHead(windows, query, window));
  for (;;) {
    if (query.history > 0) await keepPane(windows, query, window, revision - 1);
    const written = await writePane(windows, query, window, {
      ...content,
      status: 'final',
      revision,
      attempt: 'final',
    });
    if (written !== undefined) {
      if (revision > 0) await deleteBefore(windows, query, window, revision - query.history);
      return written;
    }
    const standing = await readPane(windows, query, window);
    if (standing === undefined)
      throw new Error(`window ${query.name} ${windowText(window)}: its manifest was refused and is not there`);
    if (standing.status === 'final') return standing;
    revision = standing.revision + 1;
  }
}

/**
 * Writes the pane of an open window that follows `standing`, unless another has followed it meanwhile; undefined then.
 * `standing` has to be read **before** the pages that the pane is merged from: a pane that is refused is never older
 * than the one that is there.
 * @param draft with a fresh id of this run as its attempt: overlapping runs, which may merge different moments, never
 * mix their parts
 */
export async function writeOpenPane(
  windows: Table,
  query: Query,
  window: Window,
  standing: PaneHead | undefined,
  draft: Omit<PaneDraft, 'revision'>,
): Promise<Pane | undefined> {
  const revision = revisionAfter(standing);
  if (query.history > 0) await keepPane(windows, query, window, revision - 1);
  const written = await writePane(windows, query, window, { ...draft, revision });
  if (written !== undefined && standing !== undefined && (standing.parts > 0 || query.history > 0))
    await deleteBefore(windows, query, window, revision - query.history);
  return written;
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
 * Writes a pane: its parts, **then** its manifest, which makes it visible, on the condition, unless told another one,
 * that no final one and no newer revision is there; undefined if one is.
 */
async function writePane(
  windows: Table,
  query: Query,
  window: Window,
  draft: PaneDraft,
  when: readonly Clause[] = [
    { attribute: 'status', is: 'absentOrOther', than: 'final' },
    { attribute: 'revision', is: 'absentOrBelow', bound: draft.revision },
  ],
  extra: Attributes = {},
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
 * Keeps the visible pane of a window readable beside the one that is about to take its place, if it is of this
 * revision: else that write is refused. Written **before** that one, so that no revision is lost by a crash between
 * them. Unconditional: what it holds follows from its key, for a revision is written once.
 */
async function keepPane(windows: Table, query: Query, window: Window, revision: number): Promise<void> {
  if (revision < 0) return;
  const standing = await windows.get(manifestKey(query.name, window));
  if (standing === undefined || numberOf(standing, 'revision') !== revision) return;
  await windows.putAll([{ ...revisionKey(query.name, window, revision), attributes: standing.attributes }]);
}

/**
 * Deletes what is kept of panes before a revision, which a pane that is visible has taken the place of for ever; what
 * names parts goes before them.
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

/** A pane as it is kept. */
export interface KeptPane extends Pane {
  /**
   * When it was written, epoch ms: of a corrected final pane later than the first one's time, which `emittedAt` goes on
   * to be.
   */
  readonly writtenAt: number;
}

/**
 * The panes of a window that are kept, ascending: the visible one, and of those before it as many as `emit.history`
 * says; the final ones that corrections have taken the place of are kept without it. A pane that goes while it is read
 * is left out.
 */
export async function readRevisions(windows: Table, query: Query, window: Window): Promise<readonly KeptPane[]> {
  const kept = await windows.query(revisionKey(query.name, window, 0).pk);
  // Read after them: what it shows has a greater revision than all that are before it.
  const visible = await windows.get(manifestKey(query.name, window));
  if (visible === undefined) return [];
  const last = required(visible, 'revision');
  const before = kept.filter((item) => required(item, 'revision') < last);
  const earlier = await Promise.all(
    before.map(async (item) => {
      const contents = await contentsOf(windows, query, item);
      return contents === undefined ? [] : [keptPane(query, item, contents)];
    }),
  );
  const contents = await contentsOf(windows, query, visible);
  // A newer pane has just taken its place, which whoever asks again will see.
  return contents === undefined ? earlier.flat() : [...earlier.flat(), keptPane(query, visible, contents)];
}

/** The panes of all windows that start at a moment, by end and revision. */
export async function readRevisionsAt(windows: Table, query: Query, start: number): Promise<readonly KeptPane[]> {
  const panes = await readPanes(windows, query, { from: start, to: start + 1, order: 'ascending' });
  return (await Promise.all(panes.map((pane) => readRevisions(windows, query, pane)))).flat();
}

function keptPane(query: Query, manifest: Item, contents: readonly Item[]): KeptPane {
  const pane = paneIn(query, manifest, contents);
  return { ...pane, writtenAt: numberOf(manifest, 'correctedAt') ?? pane.emittedAt };
}

/**
 * A row as it is written, with the encoded partial aggregates behind it, where windows keep these and the row is no
 * total.
 */
interface DraftRow {
  readonly row: Row;
  readonly states: string | undefined;
  /** About what it takes in an item; JSON text is longer than DynamoDB's form of it. */
  readonly bytes: number;
}

function draftRows(query: Query, partials: Partials, rows: readonly Row[]): readonly DraftRow[] {
  const withStates = hasStates(query);
  return rows.map((row) => {
    const key = JSON.stringify(query.groupBy.map((name) => row.key[name] ?? null));
    const partial = withStates && isGroupRow(query, row) ? partials.get(key) : undefined;
    const states = partial === undefined ? undefined : encodePartials(query, [[key, partial]]).slice(1, -1);
    return {
      row,
      states,
      bytes: Buffer.byteLength(JSON.stringify(row)) + (states === undefined ? 0 : Buffer.byteLength(states)),
    };
  });
}

/**
 * Rows cut so that none of the chunks outgrows its item, whatever is behind them: a sketch may be a hundred times its
 * result.
 */
function chunked(rows: readonly DraftRow[]): readonly (readonly DraftRow[])[] {
  if (bytesOf(rows) <= manifestBytes) return [rows];
  const chunks: DraftRow[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (bytes + row.bytes > partBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks[chunks.length - 1]?.push(row);
    bytes += row.bytes;
  }
  return chunks;
}

function bytesOf(rows: readonly DraftRow[]): number {
  return rows.reduce((total, { bytes }) => total + bytes, 0);
}

function contentOf(query: Query, rows: readonly DraftRow[]): Attributes {
  const stored = rows.map(({ row }) => ({ ...storedFields(row.key), ...storedFields(row.values) }));
  return hasStates(query)
    ? { rows: stored, states: `[${rows.flatMap(({ states }) => states ?? []).join()}]` }
    : { rows: stored };
}

export function storedFields(fields: Readonly<Record<string, Json>>): Readonly<Record<string, Attribute>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, storedResult(value)]));
}

/** The pane of a window that is visible now, or undefined. */
export async function readPane(windows: Table, query: Query, window: Window): Promise<Pane | undefined> {
  const item = await windows.get(manifestKey(query.name, window));
  return item === undefined ? undefined : paneOf(windows, query, item);
}

/** What a correction of a final pane is written from, besides its content. */
export interface Correction extends PaneContent {
  /** An id that no other attempt has. */
  readonly attempt: string;
  /** Of the corrections before it, whose records are in the standing pane. */
  readonly before: readonly string[];
  /** The final pane that it takes the place of; undefined: the window had none, for nothing was in it. */
  readonly standing: Pane | undefined;
}

/**
 * Writes a corrected final pane, the revision after the standing one, unless that is not the last one any more;
 * undefined then. Its manifest names all attempts whose records are in it: what a correction that lost a race has
 * written is named by none.
 */
export async function writeCorrectedPane(
  windows: Table,
  query: Query,
  window: Window,
  correction: Correction,
): Promise<Pane | undefined> {
  const { standing, before, attempt } = correction;
  const revision = revisionAfter(standing);
  const unchanged: readonly Clause[] =
    standing === undefined
      ? [{ attribute: 'revision', is: 'absent' }]
      : [{ attribute: 'revision', is: 'equal', to: standing.revision }];
  const extra = { corrections: [...before, attempt], correctedAt: correction.nowMs };
  const content = { ...correction, nowMs: standing?.emittedAt ?? correction.nowMs };
  await keepPane(windows, query, window, revision - 1);
  const written = await writePane(windows, query, window, { ...content, status: 'final', revision }, unchanged, extra);
  if (written !== undefined && revision > mostFinalsKept)
    await deleteBefore(windows, { ...query, history: mostFinalsKept }, window, revision - mostFinalsKept);
  return written;
}

/** The corrections whose records are in a window, by their attempts, in order. */
export async function readCorrections(windows: Table, query: Query, window: Window): Promise<readonly string[]> {
  const item = await windows.get(manifestKey(query.name, window));
  const attempts = item?.attributes.corrections;
  return Array.isArray(attempts) ? attempts.map(String) : [];
}

/** What is visible of a window now, without its rows, or undefined. */
export async function readPaneHead(windows: Table, query: Query, window: Window): Promise<PaneHead | undefined> {
  const item = await windows.get(manifestKey(query.name, window));
  return item === undefined ? undefined : headOf(item);
}

function headOf(item: Item): PaneHead {
  // Written by writePane and by nobody else.
  const status = (textOf(item, 'status') ?? 'early') as PaneStatus;
  return {
    status,
    revision: required(item, 'revision'),
    emittedAt: required(item, status === 'final' ? 'finalizedAt' : 'emittedAt'),
    records: required(item, 'records'),
    parts: numberOf(item, 'parts') ?? 0,
  };
}

/** Which windows: those whose start lies in a range. */
export interface PaneRange {
  /** Earliest start, inclusive, epoch ms. */
  readonly from: number;
  /** Latest start, exclusive, epoch ms. */
  readonly to: number;
  readonly order: 'ascending' | 'descending';
  readonly limit?: number;
  /** Only windows behind this one, in the order asked for. */
  readonly after?: Window;
  /** Leaves out panes of open windows. */
  readonly finalOnly?: boolean;
  /** Leaves out the rows where the partial aggregates are stored beside them: they are most of an item. */
  readonly statesOnly?: boolean;
}

/** The visible panes of a query's windows, in the order of their starts. */
export async function readPanes(windows: Table, query: Query, range: PaneRange): Promise<readonly Pane[]> {
  if (range.from >= range.to) return [];
  // `to` is exclusive, and a window that starts at it has a longer key than the bare time.
  const { limit, order, after } = range;
  const [from, to] = [isoTime(range.from), isoTime(range.to)];
  const place = after === undefined ? undefined : windowText(after);
  const bounds =
    place === undefined
      ? { from, to, order }
      : order === 'ascending'
        ? { from: laterText(from, place), to, order }
        : { from, to: earlierText(to, place), order };
  if (bounds.from > bounds.to) return [];
  const only = range.statesOnly === true && hasStates(query) ? { only: withoutRows } : {};
  // The window of the place itself is within the bounds, which include their ends.
  const wanted = (items: readonly Item[]) =>
    items.filter((item) => item.sk !== place && (range.finalOnly !== true || headOf(item).status === 'final'));
  if (limit === undefined)
    return Promise.all(
      wanted(await windows.query(query.name, { ...bounds, ...only })).map((item) => paneOf(windows, query, item, only)),
    );
  // Early panes are among the newest windows only: few reads go beyond the first.
  for (let most = limit + (place === undefined ? 0 : 1); ; most *= 2) {
    const items = await windows.query(query.name, { ...bounds, ...only, limit: most });
    const found = wanted(items);
    if (found.length >= limit || items.length < most)
      return Promise.all(found.slice(0, limit).map((item) => paneOf(windows, query, item, only)));
  }
}

/** How many records the final windows that start in `[from, to]` hold, by `start/end` in epoch ms. */
export async function readFinalCounts(
  windows: Table,
  query: Query,
  from: number,
  to: number,
): Promise<ReadonlyMap<string, number>> {
  const only = withoutRows.filter((name) => name !== 'states');
  const items = await windows.query(query.name, { from: isoTime(from), to: isoTime(to + 1), only });
  const finals = items.filter((item) => headOf(item).status === 'final');
  return new Map(finals.map((item) => [`${required(item, 'start')}/${required(item, 'end')}`, headOf(item).records]));
}

/** All of a manifest and of a part but the rows. */
const withoutRows = [
  'start',
  'end',
  'status',
  'revision',
  'emittedAt',
  'finalizedAt',
  'records',
  'parts',
  'attempt',
  'states',
];

/**
 * Whether windows keep the partial aggregates of a query beside their rows: where results alone could not be added up.
 */
function hasStates({ aggregates }: Query): boolean {
  return aggregates.some((aggregate) => aggregate.stateOf === undefined);
}

const laterText = (left: string, right: string) => (left > right ? left : right);
const earlierText = (left: string, right: string) => (left < right ? left : right);

/**
 * The pane behind a manifest. Parts of an early pane go when the next one is visible: whoever finds some missing looks
 * at the manifest again.
 */
async function paneOf(windows: Table, query: Query, manifest: Item, only: Pick<Range, 'only'> = {}): Promise<Pane> {
  for (let item = manifest; ; ) {
    const contents = await contentsOf(windows, query, item, only);
    if (contents !== undefined) return paneIn(query, item, contents, only);
    const now = await windows.get(item);
    if (now === undefined || numberOf(now, 'revision') === numberOf(item, 'revision'))
      throw new Error(`window ${item.pk} ${item.sk}: parts of revision ${numberOf(item, 'revision')} are missing`);
    item = now;
  }
}

/** The items that hold the rows of a pane: its manifest, or its parts; undefined when some of them are gone. */
async function contentsOf(
  windows: Table,
  query: Query,
  manifest: Item,
  only: Pick<Range, 'only'> = {},
): Promise<readonly Item[] | undefined> {
  const { parts, revision } = headOf(manifest);
  if (parts === 0) return [manifest];
  const window = { start: required(manifest, 'start'), end: required(manifest, 'end') };
  const contents = await readParts(windows, query, window, revision, textOf(manifest, 'attempt') ?? '', parts, only);
  return contents.length === parts ? contents : undefined;
}

function paneIn(query: Query, manifest: Item, contents: readonly Item[], only: Pick<Range, 'only'> = {}): Pane {
  const { parts: _parts, ...head } = headOf(manifest);
  const rows = only.only === undefined ? contents.flatMap((content) => rowsOf(query, content)) : [];
  return {
    query: query.name,
    start: required(manifest, 'start'),
    end: required(manifest, 'end'),
    ...head,
    rows,
    states: statesOf(contents.map((content) => content.attributes)),
  };
}

function readParts(
  windows: Table,
  query: Query,
  window: Window,
  revision: number,
  attempt: string,
  parts: number,
  only: Pick<Range, 'only'>,
): Promise<readonly Item[]> {
  const first = partKey(query.name, window, revision, attempt, 0);
  const last = partKey(query.name, window, revision, attempt, parts - 1);
  return windows.query(first.pk, { from: first.sk, to: last.sk, ...only });
}

function rowsOf(query: Query, item: Item): readonly Row[] {
  const rows = item.attributes.rows;
  if (!Array.isArray(rows)) throw new Error(`window ${item.pk} ${item.sk}: no rows`);
  return rows.map((stored: Readonly<Record<string, Attribute>>) =>
    withGrouping(query, {
      key: Object.fromEntries(
        query.groupBy.flatMap((name) => (stored[name] === undefined ? [] : [[name, resultOf(stored[name])]])),
      ) as Row['key'],
      values: Object.fromEntries(query.aggregateNames.map((name) => [name, resultOf(stored[name])])),
    }),
  );
}

function statesOf(contents: readonly Attributes[]): readonly string[] | undefined {
  const states = contents.flatMap(({ states: text }) => (typeof text === 'string' ? [text] : []));
  return states.length === 0 ? undefined : states;
}

/** The partial aggregates of a pane, to be merged with others'. */
export function partialsOf(query: Query, pane: Pane): Partials {
  if (pane.states !== undefined) return new Map(pane.states.flatMap((text) => decodeEach(query, text)));
  return new Map(
    pane.rows
      .filter((row) => isGroupRow(query, row))
      .map((row) => [JSON.stringify(query.groupBy.map((name) => row.key[name] ?? null)), partialOfRow(query, row)]),
  );
}

function required(item: Item, name: string): number {
  const value = numberOf(item, name);
  if (value === undefined) throw new Error(`window ${item.pk} ${item.sk}: no ${name}`);
  return value;
}

/** Windows deleted together. */
const windowsAtATime = 64;

/**
 * Deletes the windows of a query that is gone, manifests last, for as long as there is time.
 * @returns how many, and whether those were all
 */
export async function deleteWindows(
  windows: Table,
  query: string,
  limit: <T>(call: () => Promise<T>) => Promise<T>,
  hasTime: () => boolean,
): Promise<{ readonly windows: number; readonly done: boolean }> {
  for (let deleted = 0; ; ) {
    if (!hasTime()) return { windows: deleted, done: false };
    const manifests = await windows.query(query, { limit: windowsAtATime });
    if (manifests.length === 0) {
      const notes = await windows.query(`${query}#corrected`);
      await Promise.all(notes.map(({ pk, sk }) => limit(() => windows.delete({ pk, sk }))));
      return { windows: deleted, done: true };
    }
    await Promise.all(
      manifests.map(async ({ pk, sk }) => {
        const rest = await Promise.all(
          ['revisions', 'parts', 'corrections'].map((kind) => limit(() => windows.query(`${pk}#${sk}#${kind}`))),
        );
        await Promise.all(rest.flat().map((item) => limit(() => windows.delete({ pk: item.pk, sk: item.sk }))));
        await limit(() => windows.delete({ pk, sk }));
      }),
    );
    deleted += manifests.length;
  }
}
