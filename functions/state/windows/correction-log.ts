import type { Query } from '../../core/definition/pipeline.ts';
import type { Window } from '../../core/windows/window.ts';
import { numberOf, type Table } from '../table/table.ts';
import { windowText } from './pane-keys.ts';

/** One correction of a window, for the audit. */
export interface LoggedCorrection {
  /** The pane that it made, if it won. The manifest names the attempts that won. */
  readonly attempt: string;
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
 * Writes the records that a correction is about to put into a window. Done before the pane that names the correction.
 */
export async function logCorrection(
  windows: Table,
  query: Query,
  window: Window,
  { attempt, at, by, records }: LoggedCorrection,
): Promise<void> {
  const items = [];
  for (let from = 0; from < records.length; from += namesAnItem)
    items.push({
      pk: partition(query, window),
      sk: `${attempt}#${String(from / namesAnItem).padStart(6, '0')}`,
      attributes: { at, by, records: records.slice(from, from + namesAnItem) },
    });
  await windows.putAll(items);
}

/** The records that corrections have put into a window. Only the corrections that its manifest names count. */
export async function correctedRecords(
  windows: Table,
  query: Query,
  window: Window,
  attempts: readonly string[],
): Promise<ReadonlySet<string>> {
  if (attempts.length === 0) return new Set();
  const named = new Set(attempts);
  const items = await windows.query(partition(query, window));
  return new Set(
    items
      .filter(({ sk }) => named.has(sk.slice(0, sk.indexOf('#'))))
      .flatMap(({ attributes }) => (Array.isArray(attributes.records) ? attributes.records.map(String) : [])),
  );
}

/** A window whose final pane a correction has changed. */
export interface CorrectedPane extends Window {
  /** Counts the corrections of a query, from 1. */
  readonly number: number;
}

const correctedPartition = (query: Query) => `${query.name}#corrected`;
const numbered = (number: number) => String(number).padStart(12, '0');

/**
 * Notes that a correction's pane is visible, for readers of the changes since they last looked. Done **after** the pane
 * is written: a reader of the notes finds the panes of all of them. A correction that dies in between is repeated by
 * its caller and noted then. So a note may come twice.
 */
export async function noteCorrected(windows: Table, query: Query, { start, end }: Window): Promise<void> {
  const pk = correctedPartition(query);
  for (;;) {
    const [last] = await windows.query(pk, { order: 'descending', limit: 1 });
    const item = { pk, sk: numbered(Number(last?.sk ?? 0) + 1), attributes: { start, end } };
    if ((await windows.put(item, [{ attribute: 'start', is: 'absent' }])) === 'applied') return;
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
