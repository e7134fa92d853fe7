import type { Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { compareRows, isGroupRow } from '../../core/fold/window-result.ts';
import { laneOf } from '../../core/log/lane.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Item, numberOf, type Range, type Table, textOf } from '../table/table.ts';
import type { KeptPane, Pane, PaneHead, PaneStatus } from './pane.ts';
import { manifestKey, revisionKey, windowText } from './pane-keys.ts';
import { mergedRows } from './pane-merge.ts';
import { namedRuns, readPartOf, readRuns } from './pane-parts.ts';
import { hasStates, rowsOf, statesOf, statesOfKey } from './pane-rows.ts';

/**
 * The panes of a window that are kept, ascending: the visible one, and as many earlier ones as `emit.history` says.
 * Final panes that corrections have taken the place of are kept without that setting. A pane that is deleted while it
 * is read is left out.
 */
async function readRevisions(windows: Table, query: Query, window: Window): Promise<readonly KeptPane[]> {
  const kept = await windows.query(revisionKey(query.name, window, 0).pk);
  // The visible pane is read after the kept ones. Its revision is greater than those of all panes before it.
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
  // A newer pane has just taken its place. The next call will see that one.
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

/** The pane of a window that is visible now, or undefined. */
export async function readPane(windows: Table, query: Query, window: Window): Promise<Pane | undefined> {
  const item = await windows.get(manifestKey(query.name, window));
  return item === undefined ? undefined : paneOf(windows, query, item);
}

/** As many windows are looked for by one read of a range, where they may lie together, as one item each. */
const readTogether = 100;

/** Fewer are read one by one. */
const fewWindows = 8;

/**
 * The visible panes of some windows, by `start/end` in epoch ms; without those that have none. Windows that lie
 * together are read together.
 */
export async function readPanesOf(
  windows: Table,
  query: Query,
  wanted: readonly Window[],
): Promise<ReadonlyMap<string, Pane>> {
  const panes = new Map<string, Pane>();
  const texts = [...new Set(wanted.map(windowText))].sort();
  const items = new Map<string, Item>();
  for (let at = 0; at < texts.length && texts.length >= fewWindows; at += readTogether) {
    const group = texts.slice(at, at + readTogether);
    const [from, to] = [group[0], group.at(-1)];
    if (from === undefined || to === undefined) break;
    for (const item of await windows.query(query.name, { from, to, limit: 2 * group.length })) items.set(item.sk, item);
  }
  await Promise.all(
    texts.map(async (sk) => {
      const item = items.get(sk) ?? (await windows.get({ pk: query.name, sk }));
      if (item === undefined) return;
      const pane = await paneOf(windows, query, item);
      panes.set(`${pane.start}/${pane.end}`, pane);
    }),
  );
  return panes;
}

/** The pane of a window that stands, with what says who wrote it. */
export interface StandingPane {
  readonly pane: Pane;
  /** The lanes that its parts are partitioned by; 0: it has none. */
  readonly lanes: number;
  /** The epoch that it was made at; 0: none. */
  readonly epoch: number;
  /** The ids of the commands of that epoch whose records are in it, in their order. */
  readonly commands: readonly string[];
  /** Whether it is the window's first final pane, which a command has made. */
  readonly isFirst: boolean;
}

/** The pane of a window that is visible now, with its epoch and commands; undefined: there is none. */
export async function readStandingPane(
  windows: Table,
  query: Query,
  window: Window,
): Promise<StandingPane | undefined> {
  for (;;) {
    const item = await windows.get(manifestKey(query.name, window));
    if (item === undefined) return undefined;
    const contents = await contentsOf(windows, query, item);
    const { epoch, commands, lanes } = headOf(item);
    const isFirst = item.attributes.isFirst === true;
    if (contents !== undefined) return { pane: paneIn(query, item, contents), epoch, commands, lanes, isFirst };
    await replacing(windows, item);
  }
}

/** The visible pane of a window without its rows, or undefined. */
export async function readPaneHead(windows: Table, query: Query, window: Window): Promise<PaneHead | undefined> {
  const item = await windows.get(manifestKey(query.name, window));
  return item === undefined ? undefined : headOf(item);
}

function headOf(item: Item): PaneHead {
  // Written by writePane and by nobody else.
  const status = (textOf(item, 'status') ?? 'early') as PaneStatus;
  const { corrections } = item.attributes;
  return {
    status,
    revision: required(item, 'revision'),
    emittedAt: required(item, status === 'final' ? 'finalizedAt' : 'emittedAt'),
    records: required(item, 'records'),
    parts: numberOf(item, 'parts') ?? 0,
    lanes: numberOf(item, 'lanes') ?? 0,
    commands: Array.isArray(corrections) ? corrections.map(String) : [],
    epoch: numberOf(item, 'epoch') ?? 0,
    isCorrected: numberOf(item, 'correctedAt') !== undefined,
  };
}

/** A range of windows by their start. */
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
  /** Leaves out panes for which it is false. */
  readonly isWanted?: (head: PaneHead, window: Window) => boolean;
  /** Leaves out the rows where the partial aggregates are stored beside them. The rows are most of an item. */
  readonly statesOnly?: boolean;
  /**
   * Of each pane only the rows of this key, a value for every group-by field: of a large pane one part is read.
   * @default all rows
   */
  readonly key?: Row['key'];
}

/** The visible panes of a query's windows, in the order of their starts. */
export async function readPanes(windows: Table, query: Query, range: PaneRange): Promise<readonly Pane[]> {
  if (range.from >= range.to) return [];
  // `to` is exclusive. A window that starts at it has a longer key than the bare time.
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
  const { key } = range;
  const only = range.statesOnly === true && key === undefined && hasStates(query) ? { only: withoutRows } : {};
  const what: PaneExtent = key === undefined ? only : { key };
  // The bounds include their ends, and so the window of the place itself.
  const wanted = (items: readonly Item[]) =>
    items.filter((item) => {
      const head = headOf(item);
      return (
        item.sk !== place &&
        (range.finalOnly !== true || head.status === 'final') &&
        (range.isWanted === undefined ||
          range.isWanted(head, { start: required(item, 'start'), end: required(item, 'end') }))
      );
    });
  if (limit === undefined)
    return Promise.all(
      wanted(await windows.query(query.name, { ...bounds, ...only })).map((item) => paneOf(windows, query, item, what)),
    );
  // Early panes are among the newest windows only: few reads go beyond the first.
  for (let most = limit + (place === undefined ? 0 : 1); ; most *= 2) {
    const items = await windows.query(query.name, { ...bounds, ...only, limit: most });
    const found = wanted(items);
    if (found.length >= limit || items.length < most)
      return Promise.all(found.slice(0, limit).map((item) => paneOf(windows, query, item, what)));
  }
}

/** The final panes of the windows that start in `[from, to]`, without their rows, by `start/end` in epoch ms. */
export async function readFinalHeads(
  windows: Table,
  query: Query,
  from: number,
  to: number,
): Promise<ReadonlyMap<string, PaneHead>> {
  const only = withoutRows.filter((name) => name !== 'states');
  const items = await windows.query(query.name, { from: isoTime(from), to: isoTime(to + 1), only });
  const heads = items.map((item) => [`${required(item, 'start')}/${required(item, 'end')}`, headOf(item)] as const);
  return new Map(heads.filter(([, { status }]) => status === 'final'));
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
  'lanes',
  'laneParts',
  'laneIds',
  'epoch',
  'corrections',
  'correctedAt',
  'states',
];

const laterText = (left: string, right: string) => (left > right ? left : right);
const earlierText = (left: string, right: string) => (left < right ? left : right);

/** What is read of a pane. */
interface PaneExtent extends Pick<Range, 'only'> {
  /** Only the rows of this key. */
  readonly key?: Row['key'];
}

/**
 * The pane behind a manifest. Parts of an early pane are deleted when the next one is visible. A caller that finds some
 * missing reads the manifest again.
 */
async function paneOf(windows: Table, query: Query, manifest: Item, what: PaneExtent = {}): Promise<Pane> {
  for (let item = manifest; ; item = await replacing(windows, item)) {
    const contents = await contentsOf(windows, query, item, what);
    if (contents !== undefined) return paneIn(query, item, contents, what);
  }
}

/** The manifest that has taken the place of one whose parts are gone. @throws when none has */
async function replacing(windows: Table, item: Item): Promise<Item> {
  const now = await windows.get(item);
  if (now === undefined || numberOf(now, 'revision') === numberOf(item, 'revision'))
    throw new Error(`window ${item.pk} ${item.sk}: parts of revision ${numberOf(item, 'revision')} are missing`);
  return now;
}

/** The items that hold the rows of a pane: its manifest, or its parts; undefined when some of them are gone. */
async function contentsOf(
  windows: Table,
  query: Query,
  manifest: Item,
  { key, only }: PaneExtent = {},
): Promise<readonly Item[] | undefined> {
  if (headOf(manifest).lanes === 0) return [manifest];
  const runs = namedRuns(query, manifest);
  const projection = only === undefined ? {} : { only };
  if (key === undefined) return readRuns(windows, runs, projection);
  // The last run is that of the totals, which no key of a group is of.
  const lane = laneOf(keyTextOf(query, key), runs.length - 1);
  const run = runs[lane];
  if (run === undefined || run.parts === 0) return [];
  const part = await readPartOf(windows, query, run, key);
  return part === undefined ? undefined : [part];
}

function paneIn(query: Query, manifest: Item, contents: readonly Item[], { only, key }: PaneExtent = {}): Pane {
  const { parts: _parts, lanes, commands: _commands, ...head } = headOf(manifest);
  const outline = { query: query.name, start: required(manifest, 'start'), end: required(manifest, 'end'), ...head };
  const states = statesOf(contents.map((content) => content.attributes));
  if (only !== undefined) return { ...outline, rows: [], states };
  const rows = contents.flatMap((content) => rowsOf(query, content));
  if (key === undefined) return { ...outline, rows: lanes > 0 ? inOrder(query, rows) : rows, states };
  const own = rows.filter((row) => isOfKey(query, row, key));
  return { ...outline, rows: own, states: statesOfKey(query, states, keyTextOf(query, key)) };
}

/** A key with a value for every group-by field, as text. */
function keyTextOf({ groupBy }: Query, key: Row['key']): KeyText {
  return JSON.stringify(groupBy.map((name) => key[name] ?? null));
}

function isOfKey(query: Query, row: Row, key: Row['key']): boolean {
  return isGroupRow(query, row) && compareRows(query.groupBy, row, { key }) === 0;
}

/** Rows of several runs, each of which is in order. */
function inOrder({ groupBy }: Query, rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((left, right) => compareRows(groupBy, left, right));
}

/** Some rows of a pane, in the order of their keys. */
export interface RowPage {
  readonly head: PaneHead;
  readonly rows: readonly Row[];
  /** Whether there are no rows behind them. */
  readonly isLast: boolean;
}

/**
 * Rows of the visible pane of a window from a place on; undefined: it has none. Of a pane whose rows are in its
 * manifest that is one read; of another one a read of one part for each lane more ({@link mergedRows}). The place is a
 * key, so it stays good when another pane takes the place of this one.
 * @param after the key of the last row before them; a total lacks the fields that it totals. Undefined: from the
 * beginning
 * @param limit at most so many rows, at least 1
 */
export async function readPaneRows(
  windows: Table,
  query: Query,
  window: Window,
  { after, limit }: { readonly after?: Row['key'] | undefined; readonly limit: number },
): Promise<RowPage | undefined> {
  const first = await windows.get(manifestKey(query.name, window));
  if (first === undefined) return undefined;
  for (let item = first; ; item = await replacing(windows, item)) {
    const rows = await rowsBehind(windows, query, item, after, limit + 1);
    if (rows !== undefined) return { head: headOf(item), rows: rows.slice(0, limit), isLast: rows.length <= limit };
  }
}

/** The first rows of a pane behind a place; undefined when a part of it is gone. */
async function rowsBehind(
  windows: Table,
  query: Query,
  manifest: Item,
  after: Row['key'] | undefined,
  limit: number,
): Promise<readonly Row[] | undefined> {
  if (headOf(manifest).lanes === 0) {
    const rows = rowsOf(query, manifest);
    return rows.filter((row) => after === undefined || compareRows(query.groupBy, row, { key: after }) > 0);
  }
  const found: Row[] = [];
  for await (const rows of mergedRows(windows, query, namedRuns(query, manifest), after)) {
    if (rows === 'missing') return undefined;
    for (const row of rows) found.push(row);
    if (found.length >= limit) break;
  }
  return found;
}

function required(item: Item, name: string): number {
  const value = numberOf(item, name);
  if (value === undefined) throw new Error(`window ${item.pk} ${item.sk}: no ${name}`);
  return value;
}
