import type { DeliveredWindow } from '../core/definition/sink.ts';
import { tables } from '../core/deployment/tables.ts';
import { flatRow } from '../core/fold/window-result.ts';
import type { Attribute, Attributes, Item, Table } from '../state/table/table.ts';
import { openForeignTable } from '../state/table/tables.ts';
import { windowText } from '../state/windows/pane-keys.ts';
import { storedFields } from '../state/windows/pane-rows.ts';
import { type OpenTarget, required, sinkClientConfig } from './setup.ts';

/**
 * What rows of a window an item holds, in bytes of their JSON, which is longer than DynamoDB's form; more are in items
 * of their own. An item ends at 400 KB.
 */
const mostBytes = 300 * 1024;

/** Whose key the target has: the same as the windows table's. */
const shape = { ...tables.windows };

/**
 * An item a window, its key `query` and `window` (`START/END` in ISO 8601), replaced by greater revisions and by
 * nothing else: exactly once, whatever is delivered twice or late. Rows beyond what an item holds are in items
 * `QUERY#WINDOW#parts`, which are there before the window's item names their number.
 */
export const openTarget: OpenTarget = (setup) => {
  const table = openForeignTable(required(setup), shape, sinkClientConfig);
  return {
    order: 'unordered',
    process: 'safe',
    update: 'windows',
    async deliver({ pipeline, table: windows, id: _id, mode: _mode, ...window }) {
      for (const one of windows ?? [window]) await putWindow(table, pipeline, one);
    },
  };
};

async function putWindow(table: Table, pipeline: string, { query, rows, ...head }: DeliveredWindow): Promise<void> {
  const sk = windowText(head);
  const chunks = chunked(rows.map((row) => storedFields(flatRow(row))));
  const partition = `${query}#${sk}#parts`;
  const [only = [], ...others] = chunks;
  const parts: readonly Item[] =
    others.length === 0
      ? []
      : chunks.map((chunk, i) => ({
          pk: partition,
          sk: `${partName(head.revision)}${String(i).padStart(6, '0')}`,
          attributes: { rows: chunk },
        }));
  if (parts.length > 0) await table.putAll(parts);
  const held: Attributes = parts.length === 0 ? { rows: only } : { parts: parts.length };
  const put = await table.put({ pk: query, sk, attributes: { pipeline, ...head, ...held } }, [
    { attribute: 'revision', is: 'absentOrBelow', bound: head.revision },
  ]);
  // The parts of earlier revisions are named by nothing any more; those of this one are not another's, for a revision
  // has one content.
  if (put === 'applied' && head.revision > 0)
    for (const item of await table.query(partition, {
      to: partName(head.revision),
      only: [shape.partitionKey, shape.sortKey],
    }))
      await table.delete(item);
}

const partName = (revision: number) => `r${String(revision).padStart(6, '0')}#`;

function chunked(
  rows: readonly Readonly<Record<string, Attribute>>[],
): readonly (readonly Readonly<Record<string, Attribute>>[])[] {
  const chunks: Readonly<Record<string, Attribute>>[][] = [[]];
  let bytes = 0;
  for (const row of rows) {
    const size = Buffer.byteLength(JSON.stringify(row));
    if (bytes > 0 && bytes + size > mostBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks[chunks.length - 1]?.push(row);
    bytes += size;
  }
  return chunks;
}
