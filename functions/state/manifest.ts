import { isoTime } from '../core/event-time.ts';
import { decodePartials, encodePartials, type Partials, type Row } from '../core/partial.ts';
import type { Query } from '../core/pipeline.ts';
import type { Window } from '../core/window.ts';
import { sortedRows } from '../core/window-result.ts';
import { type Attribute, type Attributes, type Item, type Key, numberOf, type Table, textOf } from './table.ts';

/** One emission of a window: what its manifest makes visible, all rows at once. */
export interface Pane extends Window {
  readonly query: string;
  readonly status: 'final';
  /** Counts the panes of a window from 0; (query, window, revision) is unique. */
  readonly revision: number;
  /** When it was written, epoch ms. */
  readonly finalizedAt: number;
  /** How many records are in it. */
  readonly records: number;
  readonly rows: readonly Row[];
  /** The partial aggregates behind the rows, where results alone could not be added up. Encoded, see {@link partialsOf}. */
  readonly states: readonly string[] | undefined;
}

/** Rows up to this many bytes live in the manifest itself; more go to parts of the next size. An item ends at 400 KB. */
const manifestBytes = 32 * 1024;
const partBytes = 256 * 1024;

/** The sort key of a window: `start/end` as ISO 8601 writes intervals, so that it sorts by start and is readable in the console. */
export function windowText(window: Window): string {
  return `${isoTime(window.start)}/${isoTime(window.end)}`;
}

function manifestKey(query: string, window: Window): Key {
  return { pk: query, sk: windowText(window) };
}

/** Parts are keyed by revision and attempt too, so that overlapping runs never mix; the parts of a final pane are the same whoever writes them. */
function partKey(query: string, window: Window, revision: number, attempt: string, part: number): Key {
  return { pk: `${query}#${windowText(window)}#parts`, sk: `${revision}#${attempt}#${String(part).padStart(6, '0')}` };
}

/**
 * Writes the final pane of a window: its parts, **then** its manifest, which makes it visible. The manifest is conditional on no final one, so
 * the first writer stays and every other finds what it would have written. Returns the pane as it stands.
 */
export async function writeFinalPane(
  windows: Table,
  query: Query,
  window: Window,
  partials: Partials,
  records: number,
  nowMs: number,
): Promise<Pane> {
  const rows = sortedRows(query, partials);
  const chunks = chunked(rows);
  const contents = chunks.map((chunk) => contentOf(query, partials, chunk));
  const revision = 0;
  const [only] = contents;
  const isWhole = contents.length === 1 && only !== undefined && bytesOf(rows) <= manifestBytes;
  if (!isWhole) await windows.putAll(contents.map((attributes, part) => ({ ...partKey(query.name, window, revision, 'final', part), attributes })));
  const held: Attributes = isWhole ? only : { parts: contents.length, attempt: 'final' };
  const attributes: Attributes = { start: window.start, end: window.end, status: 'final', revision, finalizedAt: nowMs, records, ...held };
  const outcome = await windows.put({ ...manifestKey(query.name, window), attributes }, [
    { attribute: 'status', is: 'absentOrOther', than: 'final' },
    { attribute: 'revision', is: 'absentOrBelow', bound: revision },
  ]);
  const written = {
    query: query.name,
    start: window.start,
    end: window.end,
    status: 'final' as const,
    revision,
    finalizedAt: nowMs,
    records,
    rows,
    states: statesOf(contents),
  };
  if (outcome === 'applied') return written;
  const standing = await readPane(windows, query, window);
  if (standing === undefined) throw new Error(`window ${query.name} ${windowText(window)}: its manifest was refused and is not there`);
  return standing;
}

/** Rows cut so that none of the chunks outgrows its item. */
function chunked(rows: readonly Row[]): readonly (readonly Row[])[] {
  if (bytesOf(rows) <= manifestBytes) return [rows];
  const chunks: Row[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const size = bytesOf([row]);
    if (bytes + size > partBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks[chunks.length - 1]?.push(row);
    bytes += size;
  }
  return chunks;
}

/** About what rows take in an item; their JSON text is longer than DynamoDB's form of them. States may double it. */
function bytesOf(rows: readonly Row[]): number {
  return rows.reduce((total, row) => total + Buffer.byteLength(JSON.stringify(row)), 0);
}

function contentOf(query: Query, partials: Partials, rows: readonly Row[]): Attributes {
  const stored = rows.map((row) => ({ ...storedFields(row.key), ...storedFields(row.values) }));
  if (query.aggregates.every((aggregate) => aggregate.stateOf !== undefined)) return { rows: stored };
  const states = encodePartials(
    query,
    rows.flatMap((row) => {
      const key = JSON.stringify(query.groupBy.map((name) => row.key[name] ?? null));
      const partial = partials.get(key);
      return partial === undefined ? [] : [[key, partial] as const];
    }),
  );
  return { rows: stored, states };
}

/** DynamoDB's numbers end at 9.99e125 and 1e-130; doubles beyond are stored as text in a map of their own. */
function storedFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, Attribute>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const isBeyond = typeof value === 'number' && value !== 0 && !(Math.abs(value) >= 1e-130 && Math.abs(value) < 1e125);
      return [name, isBeyond ? { double: String(value) } : (value as Attribute)];
    }),
  );
}

function fieldOf(stored: Attribute | undefined): Attribute {
  if (typeof stored === 'object' && stored !== null && 'double' in stored) return Number(stored.double);
  return stored ?? null;
}

/** The pane of a window that is visible now, or undefined. */
export async function readPane(windows: Table, query: Query, window: Window): Promise<Pane | undefined> {
  const item = await windows.get(manifestKey(query.name, window));
  return item === undefined ? undefined : paneOf(windows, query, item);
}

/** Which windows: those whose start lies in a range. */
export interface PaneRange {
  /** Earliest start, inclusive, epoch ms. */
  readonly from: number;
  /** Latest start, exclusive, epoch ms. */
  readonly to: number;
  readonly order: 'ascending' | 'descending';
  readonly limit?: number;
}

/** The visible panes of a query's windows, in the order of their starts. */
export async function readPanes(windows: Table, query: Query, range: PaneRange): Promise<readonly Pane[]> {
  if (range.from >= range.to) return [];
  // `to` is exclusive, and a window that starts at it has a longer key than the bare time.
  const bounds = { from: isoTime(range.from), to: isoTime(range.to), order: range.order };
  const items = await windows.query(query.name, range.limit === undefined ? bounds : { ...bounds, limit: range.limit });
  return Promise.all(items.map((item) => paneOf(windows, query, item)));
}

async function paneOf(windows: Table, query: Query, item: Item): Promise<Pane> {
  const start = required(item, 'start');
  const end = required(item, 'end');
  const revision = required(item, 'revision');
  const parts = numberOf(item, 'parts');
  const contents = parts === undefined ? [item] : await readParts(windows, query, { start, end }, revision, textOf(item, 'attempt') ?? '', parts);
  return {
    query: query.name,
    start,
    end,
    status: 'final',
    revision,
    finalizedAt: required(item, 'finalizedAt'),
    records: required(item, 'records'),
    rows: contents.flatMap((content) => rowsOf(query, content)),
    states: statesOf(contents.map((content) => content.attributes)),
  };
}

async function readParts(windows: Table, query: Query, window: Window, revision: number, attempt: string, parts: number): Promise<readonly Item[]> {
  const first = partKey(query.name, window, revision, attempt, 0);
  const last = partKey(query.name, window, revision, attempt, parts - 1);
  const items = await windows.query(first.pk, { from: first.sk, to: last.sk });
  if (items.length !== parts) throw new Error(`window ${query.name} ${windowText(window)}: ${items.length} of ${parts} parts`);
  return items;
}

function rowsOf(query: Query, item: Item): readonly Row[] {
  const rows = item.attributes.rows;
  if (!Array.isArray(rows)) throw new Error(`window ${item.pk} ${item.sk}: no rows`);
  return rows.map((stored: Readonly<Record<string, Attribute>>) => ({
    key: Object.fromEntries(query.groupBy.map((name) => [name, fieldOf(stored[name])])) as Row['key'],
    values: Object.fromEntries(query.aggregateNames.map((name) => [name, fieldOf(stored[name])])) as Row['values'],
  }));
}

function statesOf(contents: readonly Attributes[]): readonly string[] | undefined {
  const states = contents.flatMap(({ states: text }) => (typeof text === 'string' ? [text] : []));
  return states.length === 0 ? undefined : states;
}

/** The partial aggregates of a pane, to be merged with others'. */
export function partialsOf(query: Query, pane: Pane): Partials {
  if (pane.states !== undefined) return new Map(pane.states.flatMap((text) => [...decodePartials(query, text)]));
  return new Map(
    pane.rows.map((row) => [
      JSON.stringify(query.groupBy.map((name) => row.key[name] ?? null)),
      query.aggregates.map((aggregate, i) => aggregate.stateOf?.(row.values[query.aggregateNames[i] ?? ''] ?? null)),
    ]),
  );
}

function required(item: Item, name: string): number {
  const value = numberOf(item, name);
  if (value === undefined) throw new Error(`window ${item.pk} ${item.sk}: no ${name}`);
  return value;
}
