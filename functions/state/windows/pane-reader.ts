import type { Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Item, numberOf, type Range, type Table, textOf } from '../table/table.ts';
import type { KeptPane, Pane, PaneHead, PaneStatus } from './pane.ts';
import { manifestKey, partKey, revisionKey, windowText } from './pane-keys.ts';
import { hasStates, rowsOf, statesOf } from './pane-rows.ts';

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
    const { corrections, isFirst } = item.attributes;
    if (contents !== undefined)
      return {
        pane: paneIn(query, item, contents),
        epoch: headOf(item).epoch,
        commands: Array.isArray(corrections) ? corrections.map(String) : [],
        isFirst: isFirst === true,
      };
    const now = await windows.get(item);
    if (numberOf(now ?? item, 'revision') === numberOf(item, 'revision'))
      throw new Error(`window ${item.pk} ${item.sk}: parts of revision ${numberOf(item, 'revision')} are missing`);
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
  return {
    status,
    revision: required(item, 'revision'),
    emittedAt: required(item, status === 'final' ? 'finalizedAt' : 'emittedAt'),
    records: required(item, 'records'),
    parts: numberOf(item, 'parts') ?? 0,
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
  const only = range.statesOnly === true && hasStates(query) ? { only: withoutRows } : {};
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
  'attempt',
  'epoch',
  'correctedAt',
  'states',
];

const laterText = (left: string, right: string) => (left > right ? left : right);
const earlierText = (left: string, right: string) => (left < right ? left : right);

/**
 * The pane behind a manifest. Parts of an early pane are deleted when the next one is visible. A caller that finds some
 * missing reads the manifest again.
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

function required(item: Item, name: string): number {
  const value = numberOf(item, name);
  if (value === undefined) throw new Error(`window ${item.pk} ${item.sk}: no ${name}`);
  return value;
}
