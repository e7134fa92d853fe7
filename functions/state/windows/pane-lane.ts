import { createHash } from 'node:crypto';
import type { Query } from '../../core/definition/pipeline.ts';
import { orderText } from '../../core/events/key-order.ts';
import { decodePartials, encodePartials, type Partials } from '../../core/fold/partial.ts';
import { type Levels, levelsOf, sortedGroups } from '../../core/fold/window-result.ts';
import { checkLanes, laneOf, mostLanes } from '../../core/log/lane.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import type { Item, Table } from '../table/table.ts';
import { type PaneLane, partPlace, partsPartition, partsPrefix } from './pane-keys.ts';
import { chunked, contentOf, type DraftRow, draftRows } from './pane-rows.ts';

/**
 * Bytes of rows in one lane of a pane that is written in one process, at most about: 4,096 write units, and a partition
 * takes 1,000 a second. A million keys of 60 bytes are 16 lanes.
 */
export const paneLaneBytes = 4 * 1024 * 1024;

/**
 * A page of rows reads a part of each lane: all of these together have about this many bytes, up to 128 lanes. It is
 * 256 read units.
 */
const headBytes = 1024 * 1024;

/**
 * Bytes of rows in a part, at least and at most. Beyond 64 KB a key that is looked up, or a page of a window of one
 * lane, would read more for nothing; below 8 KB the keys of the items and the rounding to a write unit cost a tenth.
 */
const leastPartBytes = 8 * 1024;
const mostPartBytes = 64 * 1024;

/** Bytes of rows in a part of a pane of so many lanes. */
export function partBytesOf(lanes: number): number {
  return Math.min(mostPartBytes, Math.max(leastPartBytes, Math.floor(headBytes / lanes)));
}

/**
 * The number of lanes of a pane that is written in one process, by the bytes of its rows: so many that a lane has about
 * {@link paneLaneBytes}, and at least as many as are asked for.
 */
export function lanesFor(bytes: number, least = 1): number {
  let lanes = checkLanes(least);
  while (lanes * paneLaneBytes < bytes && lanes < mostLanes) lanes *= 2;
  return lanes;
}

/** Rows that lie in parts of one partition, in the order of their keys. */
export interface PaneRun {
  /** How many parts it has; 0: no rows. */
  readonly parts: number;
  /** The id of its content; empty without parts. */
  readonly id: string;
}

/**
 * A lane of a pane as it was written: what its manifest needs of it. It is plain but for the totals: see
 * {@link laneText}.
 */
export interface LaneWritten extends PaneLane, PaneRun {
  /** The revision of the pane that it is for. */
  readonly revision: number;
  /** The lane's share of the totals of `rollup` and `cube`; empty for other queries. */
  readonly totals: Levels;
}

/** The content of one lane of a pane. */
export interface LaneDraft extends PaneLane {
  /** The revision of the pane: one more than that of the standing one, 0 where none stands. */
  readonly revision: number;
  /** The partial aggregates of the lane's keys, merged, and of no other keys. */
  readonly partials: Partials;
  /** Bytes of rows in a part, about. @default by the number of lanes (`partBytesOf`) */
  readonly partBytes?: number;
}

/**
 * Writes the parts of one lane of a pane. Nobody sees them before the manifest names them (`writePaneManifest`). Lanes
 * may be written in any order, at once and by several processes. Unconditional: the key of a part says the content of
 * its lane, so whoever writes a lane again, or while another one does, writes the same items.
 * @throws Error for a key of another lane
 */
export async function writePaneLane(
  windows: Table,
  query: Query,
  window: Window,
  { lane, lanes, revision, partials, partBytes = partBytesOf(lanes) }: LaneDraft,
): Promise<LaneWritten> {
  for (const key of partials.keys())
    if (laneOf(key, lanes) !== lane)
      throw new Error(`lane ${lane} of ${lanes} of ${query.name}: ${key} is of lane ${laneOf(key, lanes)}`);
  const rows = draftRows(query, partials, sortedGroups(query, partials));
  const run = await writeRun(windows, query, window, { lane, lanes, revision }, rows, partBytes);
  return { lane, lanes, revision, ...run, totals: levelsOf(query, partials) };
}

/**
 * Writes rows as parts. The sort key of a part has the order text of its first row behind the id, so that one read of
 * one item finds the part that may hold a key: the last one at or before it. A manifest could not hold the first key of
 * each part: a million keys are some 1,000 to 4,000 parts, and a key has up to 1,024 bytes. Each part says its number
 * and where the next one begins, so that a part that is missing is noticed by a reader of any other.
 * @param rows in the order of their keys
 */
export async function writeRun(
  windows: Table,
  query: Query,
  window: Window,
  at: PaneLane & { readonly revision: number },
  rows: readonly DraftRow[],
  partBytes = partBytesOf(at.lanes),
): Promise<PaneRun> {
  if (rows.length === 0) return { parts: 0, id: '' };
  const chunks = chunked(rows, partBytes);
  const orders = chunks.map(([first], part) => (part === 0 || first === undefined ? '' : orderOf(query, first.row)));
  const hash = createHash('sha256');
  const contents = chunks.map((chunk, part) => {
    const next = orders[part + 1];
    const attributes = { part, ...(next === undefined ? {} : { next }), ...contentOf(query, chunk) };
    hash.update(JSON.stringify(attributes));
    return attributes;
  });
  const id = hash.digest('hex').slice(0, idDigits);
  const pk = partsPartition(query.name, window, at);
  const prefix = partsPrefix(at.revision, id);
  const items = contents.map(
    (attributes, part): Item => ({ pk, sk: `${prefix}${partPlace(orders[part] ?? '', part)}`, attributes }),
  );
  await windows.putAll(items);
  return { parts: items.length, id };
}

/** Digits of the id of a lane's content, 64 bits: it only tells attempts at one lane of one revision apart. */
const idDigits = 16;

/** The order text of a row among the rows of its query. */
export function orderOf({ groupBy }: Query, { key }: Pick<Row, 'key'>): string {
  return orderText(groupBy.map((name) => key[name]));
}

/** A written lane as text, for the mark of the task that wrote it. */
export function laneText(query: Query, { totals, ...plain }: LaneWritten): string {
  return JSON.stringify({ ...plain, totals: totals.map((level) => encodePartials(query, level)) });
}

/** The reverse of {@link laneText}. */
export function laneOfText(query: Query, text: string): LaneWritten {
  const { totals, ...plain } = JSON.parse(text) as Omit<LaneWritten, 'totals'> & { readonly totals: readonly string[] };
  return { ...plain, totals: totals.map((level) => decodePartials(query, level)) };
}
