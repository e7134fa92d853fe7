import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import { decodePartials, encodePartials, type PartialAggregate } from '../../core/fold/partial.ts';
import { packed, unpacked } from '../table/packed-text.ts';
import {
  type Attributes,
  type Clause,
  type Item,
  type Key,
  numberOf,
  type Table,
  textOf,
  type WriteOutcome,
} from '../table/table.ts';
import type { Bucket } from './registry.ts';

/**
 * One page of a bucket: the partial aggregates of the keys whose hash mod the bucket's count is `page` (DESIGN section
 * 3).
 */
export interface Page {
  /** The last record of the last chunk that was applied to it; undefined when it was never written. */
  readonly sequenceNumber: SequenceNumber | undefined;
  /** A closed page takes nothing more, whoever tries. */
  readonly closed: boolean;
  readonly partials: ReadonlyMap<KeyText, PartialAggregate>;
  /** How many records are in it. */
  readonly records: number;
  /** Bytes of its content as it is stored: what its share is measured by. */
  readonly contentBytes: number;
}

/** Where a page is. */
export interface PageName {
  readonly shardId: string;
  readonly query: Query;
  readonly bucket: Bucket;
  readonly page: number;
}

/** A page nobody has written. */
export const neverWritten: Page = {
  sequenceNumber: undefined,
  closed: false,
  partials: new Map(),
  records: 0,
  contentBytes: 0,
};

/** DynamoDB's write unit, in bytes. */
const writeUnitBytes = 1024;

function slicePartition(shardId: string, query: string, slice: number): string {
  return `page#${shardId}#${query}#${slice}`;
}

/** Deletes all pages of a slice of a query that is gone. */
export async function deletePagesOf(state: Table, shardId: string, query: string, slice: number): Promise<void> {
  const items = await state.query(slicePartition(shardId, query, slice));
  await Promise.all(items.map(({ pk, sk }) => state.delete({ pk, sk })));
}

function pageKey({ shardId, query, bucket, page }: PageName): Key {
  return { pk: slicePartition(shardId, query.name, bucket.slice), sk: `${bucket.closesAt}#${bucket.count}#${page}` };
}

/** Reads a page, strongly consistent. */
export async function readPage(state: Table, name: PageName): Promise<Page> {
  const item = await state.get(pageKey(name));
  return item === undefined ? neverWritten : pageOfItem(name.query, item);
}

/** A page found by its slice. */
export interface FoundPage {
  readonly shardId: string;
  readonly closesAt: number;
  readonly count: number;
  readonly index: number;
  readonly page: Page;
}

/** All stored pages of one slice of one shard, of every bucket, registered or not. */
export async function readSlicePages(
  state: Table,
  shardId: string,
  query: Query,
  slice: number,
): Promise<readonly FoundPage[]> {
  const items = await state.query(slicePartition(shardId, query.name, slice));
  return items.map((item) => {
    const [closesAt, count, index] = item.sk.split('#').map(Number);
    if (closesAt === undefined || count === undefined || index === undefined)
      throw new Error(`page ${item.pk} / ${item.sk}: unexpected key`);
    return { shardId, closesAt, count, index, page: pageOfItem(query, item) };
  });
}

/** A page as it would be after a write. */
export interface NextPage extends Page {
  readonly sequenceNumber: SequenceNumber;
  readonly content: Attributes;
  /** Bytes of the whole item, as DynamoDB counts them. */
  readonly itemBytes: number;
}

/** Encodes a page's content: JSON text, or compressed where that saves a write unit. */
export function nextPage(
  name: PageName,
  partials: ReadonlyMap<KeyText, PartialAggregate>,
  records: number,
  sequenceNumber: SequenceNumber,
): NextPage {
  const text = encodePartials(name.query, partials);
  const key = pageKey(name);
  // Keys and names are ASCII; the number of records takes at most 12 bytes (DynamoDB developer guide, "item sizes and
  // formats").
  const overhead = 'pksksequenceNumberrecordsdata'.length + key.pk.length + key.sk.length + sequenceNumber.length + 12;
  let data: string | Uint8Array = text;
  let contentBytes = Buffer.byteLength(text);
  if (overhead + contentBytes > writeUnitBytes) {
    const compressed = packed(text);
    if (units(overhead + compressed.length) < units(overhead + contentBytes)) {
      data = compressed;
      contentBytes = compressed.length;
    }
  }
  const content = { sequenceNumber, records, data };
  return {
    sequenceNumber,
    closed: false,
    partials,
    records,
    contentBytes,
    content,
    itemBytes: overhead + contentBytes,
  };
}

/** Whether a page takes more than the one write unit it should. */
export function hasOutgrown(page: NextPage): boolean {
  return page.itemBytes > writeUnitBytes;
}

function units(bytes: number): number {
  return Math.ceil(bytes / writeUnitBytes);
}

/** Writes a page on the condition that it is as it was when `previous` was read, and not closed. */
export function writePage(state: Table, name: PageName, previous: Page, next: NextPage): Promise<WriteOutcome> {
  const unchanged: Clause =
    previous.sequenceNumber === undefined
      ? { attribute: 'sequenceNumber', is: 'absent' }
      : { attribute: 'sequenceNumber', is: 'equal', to: previous.sequenceNumber };
  const open: Clause = { attribute: 'closed', is: 'absent' };
  return state.put({ ...pageKey(name), attributes: next.content }, [unchanged, open]);
}

/**
 * Closes a page, one that was never written too, and returns it as it is from now on. Idempotent: nothing reopens a
 * page.
 */
export async function closePage(state: Table, name: PageName): Promise<Page> {
  const answer = await state.update(pageKey(name), { set: { closed: true } });
  if (answer.outcome === 'refused') throw new Error('an unconditional update was refused');
  return pageOfItem(name.query, answer.item);
}

/**
 * Sets when a page may be forgotten, epoch seconds. Conditional: it brings back no page that is gone already.
 * Idempotent enough: a later run only sets it later.
 */
export async function expirePage(state: Table, name: PageName, expiresAtSeconds: number): Promise<void> {
  await state.update(pageKey(name), { set: { expiresAt: expiresAtSeconds } }, [{ attribute: 'closed', is: 'present' }]);
}

function pageOfItem(query: Query, item: Item): Page {
  const data = item.attributes.data;
  const sequenceNumber = textOf(item, 'sequenceNumber');
  const closed = item.attributes.closed === true;
  if (data === undefined) return { ...neverWritten, sequenceNumber, closed };
  const text = unpacked(data);
  if (text === undefined) throw new Error(`page ${item.pk} / ${item.sk}: unexpected data`);
  const contentBytes = data instanceof Uint8Array ? data.length : Buffer.byteLength(text);
  return {
    sequenceNumber,
    closed,
    partials: decodePartials(query, text),
    records: numberOf(item, 'records') ?? 0,
    contentBytes,
  };
}
