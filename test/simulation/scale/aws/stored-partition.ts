import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Block, slicesOf } from '../../../../functions/core/log/block.ts';
import { sectionsOf } from '../../../../functions/core/log/section.ts';
import { unpack } from '../../../../functions/state/table/packed-text.ts';
import { compareUtf8 } from '../../../../functions/testing/utf8-order.ts';
import type { StoredItem } from './expressions.ts';

/** An item of a table, with what is reckoned of it. */
export interface Stored {
  readonly item: StoredItem;
  readonly bytes: number;
  /** Rows of blocks that it holds, and rows of windows: what it costs CPU to write and to read. */
  readonly blockRows: number;
  readonly windowRows: number;
}

/** The items of a partition key, in the order of their sort keys. */
export class StoredPartition {
  readonly items = new Map<string, Stored>();
  readonly keys: string[] = [];

  put(sk: string, stored: Stored): void {
    if (!this.items.has(sk)) this.keys.splice(this.firstFrom(sk), 0, sk);
    this.items.set(sk, stored);
  }

  delete(sk: string): void {
    if (this.items.delete(sk)) this.keys.splice(this.firstFrom(sk), 1);
  }

  /** The place of the first key that is not before another one. */
  firstFrom(sk: string): number {
    const { keys } = this;
    let [low, high] = [0, keys.length];
    const last = keys[high - 1];
    if (last === undefined || compareUtf8(last, sk) < 0) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareUtf8(keys[middle] ?? '', sk) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  copy(): StoredPartition {
    const copy = new StoredPartition();
    for (const key of this.keys) copy.keys.push(key);
    for (const [sk, stored] of this.items) copy.items.set(sk, stored);
    return copy;
  }
}

/** What was reckoned of items: a request is looked at when it is sent and when it takes effect. */
const reckoned = new WeakMap<StoredItem, Stored>();

export function storedOf(item: StoredItem): Stored {
  const known = reckoned.get(item);
  if (known !== undefined) return known;
  const { blocks, sections, rows } = item;
  const stored = {
    item,
    bytes: bytesOf(item),
    blockRows:
      blocks === undefined
        ? sections === undefined
          ? 0
          : rowsOfText(sections, 'sections')
        : rowsOfText(blocks, 'blocks'),
    windowRows: rows?.L?.length ?? 0,
  };
  reckoned.set(item, stored);
  return stored;
}

/** Rows by the bytes that hold them: logs of shards that are copies of others share theirs. */
const counted = new WeakMap<Uint8Array, number>();

function rowsOfText({ B: bytes, S: plain }: AttributeValue, kind: 'blocks' | 'sections'): number {
  const known = bytes === undefined ? undefined : counted.get(bytes);
  if (known !== undefined) return known;
  const text = unpack(bytes ?? plain ?? '[]');
  const blocks =
    kind === 'blocks' ? (JSON.parse(text) as readonly Block[]) : sectionsOf(text).map(({ block }) => block);
  let total = 0;
  for (const block of blocks) for (const { rows } of slicesOf(block)) total += rows;
  if (bytes !== undefined) counted.set(bytes, total);
  return total;
}

/** The size of an item as DynamoDB reckons it (functions/state/table/item-bytes.ts), in its own form. */
export function bytesOf(item: StoredItem): number {
  let bytes = 0;
  for (const name in item) bytes += name.length + valueBytes(item[name]);
  return bytes;
}

function valueBytes(value: AttributeValue | undefined): number {
  if (value === undefined) return 0;
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return 1 + Math.ceil(value.N.replace(/[-.]/g, '').length / 2);
  if (value.B !== undefined) return value.B.length;
  if (value.L !== undefined) return value.L.reduce((total, each) => total + 1 + valueBytes(each), 3);
  if (value.M === undefined) return 1;
  let bytes = 3;
  for (const name in value.M) bytes += name.length + 1 + valueBytes(value.M[name]);
  return bytes;
}
