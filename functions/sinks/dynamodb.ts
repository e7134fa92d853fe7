import { canonicalJson } from '../core/aggregates/canonical-json.ts';
import type { Json } from '../core/aggregates/index.ts';
import type { DeliveredWindow } from '../core/definition/sink.ts';
import { tables } from '../core/deployment/tables.ts';
import { flatRow } from '../core/fold/window-result.ts';
import { DeliveryRefused } from '../state/sinks/delivery.ts';
import { noPatience } from '../state/table/patience.ts';
import { type Attribute, type Attributes, type Clause, type Item, numberOf, type Table } from '../state/table/table.ts';
import { openForeignTable } from '../state/table/tables.ts';
import { windowText } from '../state/windows/pane-keys.ts';
import { storedFields } from '../state/windows/pane-rows.ts';
import { type OpenTarget, required, sinkClientConfig } from './setup.ts';

/**
 * Most bytes of a window's rows in one item, measured as JSON, which is longer than DynamoDB's form. Further rows are
 * in items of their own. An item ends at 400 KB.
 */
const mostBytes = 300 * 1024;

/** The key of the target table, which is the same as the windows table's. */
const shape = { ...tables.windows };

/** How often another attempt may put its items in the place first, before this one is left to the next run. */
const mostRaces = 5;

/**
 * An item a window, with the key `query` and `window` (`START/END` in ISO 8601). Only greater revisions of the same
 * pipeline replace it. So delivery is exactly once, even when something is delivered twice or late. Rows beyond the
 * first item are in items `QUERY#WINDOW#parts`, which are there before the window's item names their number. Items of
 * another run are left as they are.
 */
export const openTarget: OpenTarget = (setup) => {
  const name = required(setup);
  const table = openForeignTable(name, shape, noPatience, sinkClientConfig);
  return {
    order: 'unordered',
    process: 'safe',
    update: 'windows',
    async deliver({ pipeline, table: windows, id: _id, mode: _mode, ...window }) {
      for (const one of windows ?? [window]) await putWindow({ name, table }, pipeline, one);
    },
  };
};

interface Target {
  readonly name: string;
  readonly table: Table;
}

/** A window as items: the one of its name, and further ones for rows that it has no room for. */
interface WindowItems {
  readonly head: Item;
  readonly parts: readonly Item[];
}

function itemsOf(pipeline: string, { query, rows, ...head }: DeliveredWindow): WindowItems {
  const sk = windowText(head);
  const chunks = chunked(rows.map((row) => storedFields(flatRow(row))));
  const [only = [], ...others] = chunks;
  const held: Attributes = others.length === 0 ? { rows: only } : { parts: chunks.length };
  const partition = `${query}#${sk}#parts`;
  return {
    head: { pk: query, sk, attributes: { pipeline, ...head, ...held } },
    parts: (others.length === 0 ? [] : chunks).map((chunk, i) => ({
      pk: partition,
      sk: `${partName(head.revision)}${String(i).padStart(6, '0')}`,
      attributes: { rows: chunk },
    })),
  };
}

/**
 * Puts a window in the place of an earlier revision. The standing item is read first and is a condition of the write.
 * So nothing of another run is replaced, parts included.
 * @throws DeliveryRefused when another run's result stands there
 */
async function putWindow({ name, table }: Target, pipeline: string, window: DeliveredWindow): Promise<void> {
  const { head, parts } = itemsOf(pipeline, window);
  const place = `table ${name}, item ${head.pk} / ${head.sk}`;
  for (let race = 0; race < mostRaces; race++) {
    const standing = await table.get(head);
    const revision = standing === undefined ? undefined : numberOf(standing, 'revision');
    if (revision !== undefined && revision >= window.revision) {
      if (revision > window.revision) return;
      if (!isSame(standing, head)) throw otherContent(place);
      return checkParts(table, place, parts);
    }
    if (standing !== undefined && (revision === undefined || standing.attributes.pipeline !== pipeline))
      throw otherContent(place);
    for (const part of parts)
      if ((await table.put(part, [{ attribute: 'rows', is: 'absent' }])) === 'refused')
        await checkParts(table, place, [part]);
    const asRead: Clause =
      revision === undefined
        ? { attribute: 'revision', is: 'absent' }
        : { attribute: 'revision', is: 'equal', to: revision };
    if ((await table.put(head, [asRead])) === 'refused') continue;
    // Nothing names the parts of earlier revisions any more.
    if (revision !== undefined)
      for (const item of await table.query(`${head.pk}#${head.sk}#parts`, {
        to: partName(window.revision),
        only: [], // and the key
      }))
        await table.delete(item);
    return;
  }
  throw new Error(`${place}: others write it again and again`);
}

async function checkParts(table: Table, place: string, parts: readonly Item[]): Promise<void> {
  for (const part of parts) if (!isSame(await table.get(part), part)) throw otherContent(place);
}

/**
 * Whether an item holds the same result. The time when it was made does not count: the same events give the same result
 * another time.
 */
function isSame(standing: Item | undefined, { attributes }: Item): boolean {
  const content = ({ emittedAt: _emittedAt, pipeline: _pipeline, ...result }: Attributes) =>
    JSON.stringify(canonicalJson(result as Json));
  return standing !== undefined && content(standing.attributes) === content(attributes);
}

function otherContent(place: string): DeliveryRefused {
  return new DeliveryRefused(
    `${place} holds another result, of another run or pipeline: delete it or deliver elsewhere, then redrive`,
  );
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
