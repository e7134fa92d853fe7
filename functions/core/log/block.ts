import type { Json } from '../aggregates/aggregate.ts';
import { type Span, span as spans } from '../aggregates/span.ts';
import type { Query } from '../definition/pipeline.ts';
import { type KeyText, keyValues } from '../events/group-key.ts';
import type { PartialAggregate } from '../fold/partial.ts';
import type { KeyedPartial } from '../sessions/join.ts';
import { packColumn, unpackColumn } from './column.ts';
import { laneOf } from './lane.ts';

/**
 * Partials of a query by slice, as JSON: `[keyColumns, slices, column, ...]`. `slices` holds for each slice, ascending,
 * its distance from the one before it in ms (the first from 0), its number of rows, and its records. Then come the
 * columns of all rows: one for each group-by field, one for each aggregate, and for sessions one with the spans, whose
 * starts are distances from the slice. A row is a key and its partial. Within a slice rows are sorted by key. It says
 * what its keys are, so that code that does not know the query can cut it ({@link cutBlock}).
 */
export type Block = Json;

/** What a query has in one slice. */
export interface SlicePart {
  /** The start of the slice, epoch ms. */
  readonly slice: number;
  /** (record, window-slice) pairs counted: what the second law of conservation compares. */
  readonly records: number;
  /** A key may come several times, as open sessions do. */
  readonly partials: readonly KeyedPartial[];
}

/** A slice of a block. */
export interface BlockSlice {
  /** The start of the slice, epoch ms. */
  readonly slice: number;
  readonly records: number;
  /** Its number of rows. */
  readonly rows: number;
}

/** A block of one slice and one lane. */
export interface LaneBlock {
  readonly slice: number;
  readonly lane: number;
  readonly block: Block;
}

/** A block, taken apart without knowing its query. */
interface ParsedBlock {
  readonly keyColumns: number;
  readonly slices: readonly BlockSlice[];
  readonly columns: readonly (readonly Json[])[];
}

/**
 * Encodes partials. Equal partials give equal blocks, whatever order they come in.
 * @throws Error when a slice comes twice: the caller has to merge
 */
export function encodeBlock(query: Query, parts: readonly SlicePart[]): Block {
  return blockOf(encoded(query, parts));
}

function encoded(query: Query, parts: readonly SlicePart[]): ParsedBlock {
  const { groupBy, aggregates, span } = query;
  const sorted = [...parts].sort((left, right) => left.slice - right.slice);
  const twice = sorted.find(({ slice }, i) => sorted[i - 1]?.slice === slice);
  if (twice !== undefined) throw new Error(`query ${query.name}: slice ${twice.slice} comes twice in a block`);
  const keyColumns = groupBy.map(() => [] as Json[]);
  const stateColumns = aggregates.map(() => [] as Json[]);
  const spanColumns = span === undefined ? [] : [[] as Json[]];
  for (const { slice, partials } of sorted)
    for (const [key, partial] of inOrder(query, partials)) {
      const values = keyValues(key);
      for (const [i, column] of keyColumns.entries()) column.push(values[i] ?? null);
      for (const [i, column] of stateColumns.entries()) column.push(aggregates[i]?.encode(partial[i]) ?? null);
      for (const column of spanColumns) column.push(moved(spans.encode(partial[aggregates.length] as Span), -slice));
    }
  return {
    keyColumns: groupBy.length,
    slices: sorted.map(({ slice, records, partials }) => ({ slice, records, rows: partials.length })),
    columns: [...keyColumns, ...stateColumns, ...spanColumns],
  };
}

/**
 * The reverse of {@link encodeBlock}: slices ascending, rows by key.
 * @throws Error that names the query when the block is not of it
 */
export function decodeBlock(query: Query, block: Block): readonly SlicePart[] {
  try {
    return decoded(query, parsed(block));
  } catch (error) {
    throw new Error(
      `query ${query.name}: a block that is not of this query: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}

/**
 * Cuts a block into one for each slice and lane, without its query: sections of queries that this code does not know
 * are carried on as they are. Records cannot be told a lane. The least lane that has a key of the slice gets them all
 * and the others none, so sums over lanes are right, and nothing else. A slice without keys goes to lane 0.
 * @param lanes a power of two
 * @returns by slice and lane
 * @throws Error when it is not a block
 */
export function cutBlock(block: Block, lanes: number): readonly LaneBlock[] {
  const { keyColumns, slices, columns } = parsed(block);
  const cut: LaneBlock[] = [];
  let first = 0;
  for (const { slice, records, rows } of slices) {
    const byLane = new Map<number, number[]>();
    for (let row = first; row < first + rows; row++) {
      const lane = laneOf(keyAt(keyColumns, columns, row), lanes);
      const held = byLane.get(lane);
      if (held === undefined) byLane.set(lane, [row]);
      else held.push(row);
    }
    first += rows;
    if (rows === 0) byLane.set(0, []);
    for (const [i, [lane, held]] of [...byLane].sort(([left], [right]) => left - right).entries())
      cut.push({
        slice,
        lane,
        block: blockOf({
          keyColumns,
          slices: [{ slice, records: i === 0 ? records : 0, rows: held.length }],
          columns: columns.map((values) => held.map((row) => values[row] ?? null)),
        }),
      });
  }
  return cut;
}

/**
 * One slice's partials as several blocks: chunks by bytes. Keys are in order over the blocks; one that comes several
 * times may go over an edge between two. The records are in the first block.
 * @param mostBytes of the JSON text of each block, in UTF-8. A block of a single row may exceed it.
 * @returns at least one block
 */
export function blocksWithin(query: Query, part: SlicePart, mostBytes: number): readonly Block[] {
  return within(encoded(query, [part]), mostBytes);
}

/** Cuts a block of one slice by its rows. */
function within({ keyColumns, slices: [all], columns }: ParsedBlock, mostBytes: number): readonly Block[] {
  if (all === undefined) return [];
  const { slice, rows, records } = all;
  const block = blockOf({ keyColumns, slices: [all], columns });
  if (rows <= 1) return [block];
  const bytes = new TextEncoder().encode(JSON.stringify(block)).length;
  if (bytes <= mostBytes) return [block];
  // A tenth more than would do if all rows had the same length. A block that is too large all the same is cut again.
  const size = Math.ceil(rows / Math.ceil((bytes / mostBytes) * 1.1));
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => {
    const cut = columns.map((values) => values.slice(i * size, (i + 1) * size));
    const rowsOfCut = Math.min(size, rows - i * size);
    return { keyColumns, slices: [{ slice, rows: rowsOfCut, records: i === 0 ? records : 0 }], columns: cut };
  }).flatMap((cut) => within(cut, mostBytes));
}

/** The slices of a block, ascending, without its query. @throws Error when it is not a block */
export function slicesOf(block: Block): readonly BlockSlice[] {
  return headOf(block).slices;
}

/** The records of a block over all slices. @throws Error when it is not a block */
export function recordsOf(block: Block): number {
  return slicesOf(block).reduce((total, { records }) => total + records, 0);
}

/** Rows by key, and of one key by their spans: the same order whatever order they come in. */
function inOrder({ span, aggregates }: Query, partials: readonly KeyedPartial[]): readonly KeyedPartial[] {
  const compare = (left: KeyedPartial, right: KeyedPartial): number => {
    if (left[0] !== right[0]) return left[0] < right[0] ? -1 : 1;
    if (span === undefined) return 0;
    const [one, other] = [left[1][aggregates.length] as Span, right[1][aggregates.length] as Span];
    return one.least - other.least || one.greatest - other.greatest;
  };
  return [...partials].sort(compare);
}

function blockOf({ keyColumns, slices, columns }: ParsedBlock): Block {
  let before = 0;
  const head = slices.flatMap(({ slice, rows, records }) => {
    const distance = slice - before;
    before = slice;
    return [distance, rows, records];
  });
  return [keyColumns, head, ...columns.map(packColumn)];
}

function parsed(block: Block): ParsedBlock {
  const { keyColumns, slices, columns } = headOf(block);
  const rows = slices.reduce((total, slice) => total + slice.rows, 0);
  return { keyColumns, slices, columns: columns.map((column) => unpackColumn(column, rows)) };
}

function headOf(block: Block): {
  readonly keyColumns: number;
  readonly slices: readonly BlockSlice[];
  readonly columns: readonly Json[];
} {
  const [keyColumns, head, ...columns] = Array.isArray(block) ? (block as readonly Json[]) : [];
  if (!isCount(keyColumns) || keyColumns > columns.length || !Array.isArray(head) || head.length % 3 !== 0)
    throw new Error(`not a block: ${(JSON.stringify(block) ?? typeof block).slice(0, 80)}`);
  const slices: BlockSlice[] = [];
  let slice = 0;
  for (let i = 0; i < head.length; i += 3) {
    const [distance, rows, records] = (head as readonly Json[]).slice(i, i + 3);
    if (!Number.isSafeInteger(distance) || !isCount(rows) || !isCount(records))
      throw new Error(`not the slices of a block: ${JSON.stringify(head).slice(0, 80)}`);
    slice += distance as number;
    slices.push({ slice, rows, records });
  }
  return { keyColumns, slices, columns };
}

function decoded({ groupBy, aggregates, span }: Query, { keyColumns, slices, columns }: ParsedBlock): SlicePart[] {
  if (keyColumns !== groupBy.length) throw new Error(`keys of ${keyColumns} fields, not ${groupBy.length}`);
  const expected = groupBy.length + aggregates.length + (span === undefined ? 0 : 1);
  if (columns.length !== expected) throw new Error(`${columns.length} columns, not ${expected}`);
  let row = 0;
  return slices.map(({ slice, rows, records }) => {
    const partials: KeyedPartial[] = [];
    for (const end = row + rows; row < end; row++) {
      const states: unknown[] = [];
      for (let i = 0; i < aggregates.length; i++)
        states.push(aggregates[i]?.decode(columns[groupBy.length + i]?.[row] ?? null));
      if (span !== undefined) states.push(spans.decode(moved(columns.at(-1)?.[row] ?? null, slice)));
      partials.push([keyAt(keyColumns, columns, row), states as PartialAggregate]);
    }
    return { slice, records, partials };
  });
}

function keyAt(keyColumns: number, columns: readonly (readonly Json[])[], row: number): KeyText {
  // The text of a single value is many times faster to write than that of a list.
  if (keyColumns === 1) return `[${JSON.stringify(columns[0]?.[row] ?? null)}]`;
  const values: Json[] = [];
  for (let i = 0; i < keyColumns; i++) values.push(columns[i]?.[row] ?? null);
  return JSON.stringify(values);
}

/** An encoded span, whose start is moved. */
function moved(json: Json, byMs: number): Json {
  if (!Array.isArray(json)) return json;
  const [least, ...rest] = json as readonly Json[];
  return typeof least === 'number' ? [least + byMs, ...rest] : json;
}

function isCount(json: Json | undefined): json is number {
  return typeof json === 'number' && Number.isSafeInteger(json) && json >= 0;
}
