import type { Query } from '../../core/definition/pipeline.ts';
import type { Window } from '../../core/windows/window.ts';
import type { Table } from '../table/table.ts';
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
