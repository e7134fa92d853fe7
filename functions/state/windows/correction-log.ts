import type { Query } from '../../core/definition/pipeline.ts';
import type { Window } from '../../core/windows/window.ts';
import { numberOf, type Table } from '../table/table.ts';
import { windowText } from './pane-keys.ts';

/** One correction of a window, for the audit. */
export interface LoggedCorrection {
  /** The id of the command that made it. */
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  /** The person who asked for it, as given in the request. */
  readonly by: string;
  /** The late records that it put into the window. */
  readonly records: readonly string[];
}

/** The name of a record of the stream: its shard, its sequence number, and its place in it. */
export function recordName({
  shardId,
  sequenceNumber,
  subRecord,
}: {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly subRecord: number;
}): string {
  return `${shardId}/${sequenceNumber}/${subRecord}`;
}

/** Record names in an item. 400 KB hold some 5,000 names of at most 80 bytes. */
const namesAnItem = 4000;

const partition = (query: Query, window: Window) => `${query.name}#${windowText(window)}#corrections`;

/**
 * Writes the records that a command has put into a window, after the pane. Unconditional: the content follows from the
 * command.
 */
export async function logCorrection(
  windows: Table,
  query: Query,
  window: Window,
  { id, at, by, records }: LoggedCorrection,
): Promise<void> {
  const items = [];
  for (let from = 0; from < records.length; from += namesAnItem)
    items.push({
      pk: partition(query, window),
      sk: `${id}#${String(from / namesAnItem).padStart(6, '0')}`,
      attributes: { at, by, records: records.slice(from, from + namesAnItem) },
    });
  await windows.putAll(items);
}

/** A window whose final pane a correction has changed. */
export interface CorrectedPane extends Window {
  /** Counts the corrections of a query, from 1. */
  readonly number: number;
}

const correctedPartition = (query: Query) => `${query.name}#corrected`;
const numbered = (number: number) => String(number).padStart(12, '0');

/**
 * Notes that panes of commands are visible, for readers of the changes since they last looked. Done **after** the panes
 * are written: a reader of the notes finds the panes of all of them. An emission that dies in between is repeated, and
 * notes them then. So a note may come twice.
 */
export async function noteCorrected(windows: Table, query: Query, corrected: readonly Window[]): Promise<void> {
  const pk = correctedPartition(query);
  let last: number | undefined;
  for (const { start, end } of corrected)
    for (;;) {
      last ??= Number((await windows.query(pk, { order: 'descending', limit: 1 }))[0]?.sk ?? 0);
      const item = { pk, sk: numbered(last + 1), attributes: { start, end } };
      if ((await windows.put(item, [{ attribute: 'start', is: 'absent' }])) === 'applied') {
        last++;
        break;
      }
      last = undefined;
    }
}

/** The corrections of a query after one of them, in their order. */
export async function readCorrected(
  windows: Table,
  query: Query,
  after: number,
  limit: number,
): Promise<readonly CorrectedPane[]> {
  const items = await windows.query(correctedPartition(query), { from: numbered(after + 1), limit });
  return items.map((item) => ({
    number: Number(item.sk),
    start: numberOf(item, 'start') ?? 0,
    end: numberOf(item, 'end') ?? 0,
  }));
}
