import type { Query } from '../../core/definition/pipeline.ts';
import { decodeEach, encodePartials } from '../../core/fold/partial.ts';
import type { KeyedPartial } from '../../core/sessions/join.ts';
import { positionText } from '../log/entry.ts';
import { packed, unpacked } from '../table/packed-text.ts';
import { type Item, type Key, numberOf, type Table } from '../table/table.ts';

/**
 * Over how many items the open sessions of a query are spread, by the hash of their key: fixed, for a later run has to
 * find them.
 */
export const sessionPartitions = 8;

/**
 * The open sessions of one partition after an epoch: what it and those before it have gathered and nothing can be
 * emitted of yet. Items are named by the epoch, so what they hold follows from their name, and the one that counts for
 * an epoch is the last at or below it: where nothing changed there is none.
 */
export interface Carried {
  readonly sessions: readonly KeyedPartial[];
  /** The item they were read from. */
  readonly item: CarriedItem | undefined;
  /** Items before that one that nobody has given an expiry: a crash left them, or a run that another has overtaken. */
  readonly left: readonly CarriedItem[];
}

/** Where carried sessions are: an item, and the parts that it names. */
export interface CarriedItem extends Key {
  readonly parts: number;
}

/**
 * Sessions up to this many bytes of text live in the item itself; more go to parts of that size. An item ends at 400
 * KB.
 */
const partBytes = 256 * 1024;

/** Text shorter than this is left as it is: compressed, it would take the one write unit all the same. */
const readableBytes = 900;

const partitionKey = (query: string, partition: number) => `sessions#${query}#${partition}`;
const partKey = ({ pk, sk }: Key, part: number): Key => ({
  pk: `${pk}#parts`,
  sk: `${sk}#${String(part).padStart(6, '0')}`,
});

/**
 * Reads what is open after an epoch: strongly consistent, one read of the newest two.
 * @param through the epoch; 0 is before the first
 */
export async function readCarried(state: Table, query: Query, partition: number, through: number): Promise<Carried> {
  const pk = partitionKey(query.name, partition);
  for (let limit = 2; ; limit *= 2) {
    const items = await state.query(pk, { to: positionText(through), order: 'descending', limit });
    const [newest, ...older] = items;
    if (newest === undefined) return { sessions: [], item: undefined, left: [] };
    const marked = older.findIndex((item) => numberOf(item, 'expiresAt') !== undefined);
    if (marked < 0 && items.length === limit) continue;
    const left = marked < 0 ? older : older.slice(0, marked);
    return { sessions: await sessionsOf(state, query, newest), item: carriedItem(newest), left: left.map(carriedItem) };
  }
}

async function sessionsOf(state: Table, query: Query, item: Item): Promise<readonly KeyedPartial[]> {
  const { parts } = carriedItem(item);
  const held =
    parts === 0
      ? [item]
      : await state.query(partKey(item, 0).pk, { from: partKey(item, 0).sk, to: partKey(item, parts - 1).sk });
  if (parts > 0 && held.length !== parts)
    throw new Error(`open sessions ${item.pk} / ${item.sk}: ${held.length} of ${parts} parts`);
  return held.flatMap((one) => {
    const text = unpacked(one.attributes.data);
    if (text === undefined) throw new Error(`open sessions ${one.pk} / ${one.sk}: unexpected data`);
    return decodeEach(query, text);
  });
}

function carriedItem(item: Item): CarriedItem {
  return { pk: item.pk, sk: item.sk, parts: numberOf(item, 'parts') ?? 0 };
}

/**
 * Writes what is open after an epoch, parts first. Conditional: the first one stays, for every run that emits this epoch
 * finds the same; so one that has an expiry keeps it. Parts are the same bytes whoever writes them.
 */
export async function writeCarried(
  state: Table,
  query: Query,
  partition: number,
  epoch: number,
  sessions: readonly KeyedPartial[],
): Promise<CarriedItem> {
  const key = { pk: partitionKey(query.name, partition), sk: positionText(epoch) };
  const texts = chunked(query, sessions);
  const [only] = texts;
  const isWhole = texts.length === 1 && only !== undefined;
  const data = (text: string) => (text.length < readableBytes ? text : packed(text));
  if (!isWhole)
    await state.putAll(texts.map((text, part) => ({ ...partKey(key, part), attributes: { data: data(text) } })));
  const parts = isWhole ? 0 : texts.length;
  const attributes = { sessions: sessions.length, parts, ...(isWhole ? { data: data(only) } : {}) };
  await state.put({ ...key, attributes }, [{ attribute: 'sessions', is: 'absent' }]);
  return { ...key, parts };
}

function chunked(query: Query, sessions: readonly KeyedPartial[]): readonly string[] {
  const chunks: string[][] = [[]];
  let bytes = 0;
  for (const one of sessions) {
    const row = encodePartials(query, [one]).slice(1, -1);
    const size = Buffer.byteLength(row) + 1;
    if (bytes > 0 && bytes + size > partBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks[chunks.length - 1]?.push(row);
    bytes += size;
  }
  return chunks.map((rows) => `[${rows.join()}]`);
}

/**
 * Sets when an item that a newer one has taken the place of may be forgotten, epoch seconds. Conditional: it brings
 * back nothing that is gone already.
 */
export async function expireCarried(state: Table, item: CarriedItem, expiresAtSeconds: number): Promise<void> {
  const set = { expiresAt: expiresAtSeconds };
  for (let part = 0; part < item.parts; part++)
    await state.update(partKey(item, part), { set }, [{ attribute: 'data', is: 'present' }]);
  await state.update({ pk: item.pk, sk: item.sk }, { set }, [{ attribute: 'sessions', is: 'present' }]);
}

/** Deletes what is carried of a query that is gone. */
export async function deleteCarried(state: Table, query: string): Promise<void> {
  for (let partition = 0; partition < sessionPartitions; partition++)
    for (const pk of [`${partitionKey(query, partition)}#parts`, partitionKey(query, partition)]) {
      const items = await state.query(pk, { only: [] });
      await Promise.all(items.map(({ sk }) => state.delete({ pk, sk })));
    }
}
