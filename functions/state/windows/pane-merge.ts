import pLimit from 'p-limit';
import type { Query } from '../../core/definition/pipeline.ts';
import { compareRows } from '../../core/fold/window-result.ts';
import type { Row } from '../../core/results/row.ts';
import type { Item, Table } from '../table/table.ts';
import { behind } from './pane-keys.ts';
import { lanesAtATime, type NamedRun, partNumber, readPartOf } from './pane-parts.ts';
import { rowsOf } from './pane-rows.ts';

/** Parts of a lane that are read together behind the first one: each time twice as many, up to this. */
const mostTogether = 8;

/** What a merge needs of a part. The states behind the rows are most of it, and are not sent. */
const only = ['part', 'next', 'rows'];

/** A run that is being read, from some place on. */
interface RunReader {
  /** The next row; undefined: none is read. */
  next: Row | undefined;
  /** Goes on to the row behind it, among those that were read. */
  step(): void;
  /** Reads on, where no row is left. False: a part is missing. When there is no next row then, it was the last. */
  more(): Promise<boolean>;
}

/**
 * The rows of some runs merged in the order of their keys, in chunks. The first part of each run, or the one that may
 * hold the place to go on behind, is read at the beginning, 16 runs at a time. Further parts are read when the rows
 * before them are used up: 1, 2, 4, 8 at a time and run, and from the second time on while the rows before them are
 * merged. So a page of a few rows costs one read of one part a lane, some 1 MB in all (`partBytesOf`), and a whole
 * window never holds more than 16 parts a lane, some 16 MB of items.
 * @param after rows at or before this key are left out
 * @returns chunks of rows; at last `missing` when a part is not there
 */
export async function* mergedRows(
  windows: Table,
  query: Query,
  runs: readonly NamedRun[],
  after?: Row['key'],
): AsyncGenerator<readonly Row[] | 'missing'> {
  const limit = pLimit(lanesAtATime);
  const readers = runs.filter(({ parts }) => parts > 0).map((run) => runReader(windows, query, run, after));
  const begun = await Promise.all(readers.map((reader) => limit(reader.more)));
  if (begun.includes(false)) {
    yield 'missing';
    return;
  }
  const heap = readers.filter(({ next }) => next !== undefined);
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(query, heap, i);
  let merged: Row[] = [];
  for (let top = heap[0]; top?.next !== undefined; top = heap[0]) {
    merged.push(top.next);
    top.step();
    if (top.next === undefined) {
      yield merged;
      merged = [];
      if (!(await top.more())) {
        yield 'missing';
        return;
      }
    }
    if (top.next === undefined) {
      const last = heap.pop();
      if (last !== undefined && last !== top) heap[0] = last;
    }
    sink(query, heap, 0);
  }
}

/** Moves the reader at a place of the heap down to where it belongs: the one whose row comes first is at the top. */
function sink({ groupBy }: Query, heap: RunReader[], from: number): void {
  const isBefore = ({ next: left }: RunReader, { next: right }: RunReader) =>
    left !== undefined && right !== undefined && compareRows(groupBy, left, right) < 0;
  for (let at = from; ; ) {
    const own = heap[at];
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
    if (own === undefined || left === undefined) return;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, own)) return;
    const place = 2 * at + (isRight ? 2 : 1);
    heap[at] = child;
    heap[place] = own;
    at = place;
  }
}

function runReader(windows: Table, query: Query, run: NamedRun, after: Row['key'] | undefined): RunReader {
  const { pk, prefix, parts } = run;
  let rows: readonly Row[] = [];
  let at = 0;
  let last: Item | undefined;
  let together = 1;
  let ahead: Promise<readonly Item[]> | undefined;

  const read = () => {
    const from = last === undefined ? prefix : `${last.sk}\u0000`;
    return windows.query(pk, { from, to: behind(prefix), limit: together, only });
  };
  const first = async () => {
    if (after === undefined) return read();
    const item = await readPartOf(windows, query, run, after, { only });
    return item === undefined ? [] : [item];
  };
  const isBehind = (row: Row) => after === undefined || compareRows(query.groupBy, row, { key: after }) > 0;

  const reader: RunReader = {
    next: undefined,
    step() {
      reader.next = rows[++at];
    },
    async more() {
      for (at = 0; reader.next === undefined; reader.next = rows[0]) {
        const before = last === undefined ? undefined : partNumber(last);
        if (before === parts - 1) return true;
        const items = await (ahead ?? (before === undefined ? first() : read()));
        ahead = undefined;
        const [begin] = items;
        if (begin === undefined) return false;
        let expected = before === undefined ? (after === undefined ? 0 : partNumber(begin)) : before + 1;
        for (const item of items) if (partNumber(item) !== expected++) return false;
        last = items.at(-1);
        rows = items.flatMap((item) => rowsOf(query, item));
        if (before === undefined) {
          rows = rows.filter(isBehind);
          continue;
        }
        together = Math.min(mostTogether, 2 * together);
        if (expected < parts) {
          ahead = read();
          // Whoever waits for it gets the error; a merge that ends before does not.
          ahead.catch(() => undefined);
        }
      }
      return true;
    },
  };
  return reader;
}
