import type { CostQuestion } from './question.ts';

/**
 * The sizes of items. They were fitted to what the production code writes (test/unit/cost-units.test.ts holds the model
 * against it), for names like `user-012345`, UUIDs, and aggregates of amounts with two decimals.
 */

/** Names, totals and counters of an entry, and of each query in it, in bytes. */
const entryBytes = 250;
const entryQueryBytes = 17;

/** The key of a segment and its attributes, in bytes. */
const segmentKeyBytes = 100;

/** What a block of partial aggregates takes beside its keys, compressed, in bytes, and what a further column does. */
const blockBytes = 60;
const columnBytes = 40;

/** Bytes of an id: a hash of 8 bytes, and when it came. */
export const idBytes = 9.3;

/** Bytes of an entry's barrier, of an epoch, its plan and mark, and of each shard in the plan. */
export const barrierBytes = 330;
export const epochBytes = 700;
export const planShardBytes = 40;

const unitBytes = 1024;

/** Write units of an item. */
export function unitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / unitBytes));
}

/** How many of the keys some events have, where each has one at random. */
export function keysIn(keys: number, events: number): number {
  return keys * (1 - (1 - 1 / keys) ** events);
}

type Partials = Pick<CostQuestion, 'keys' | 'keyNames' | 'aggregates'>;

/**
 * The bytes of the partial aggregates of some events, in columns, sorted by key and compressed. For each key: what tells
 * it from the key before it (the fewer of all keys there are, the more), and its values (with every doubling of the
 * events of a key they grow by half a byte).
 */
export function partialBytes({ keys, keyNames, aggregates }: Partials, events: number): number {
  const held = keysIn(keys, events);
  if (held === 0) return 0;
  const name =
    keyNames === 'random'
      ? 18.9
      : 1.2 + (1.05 * Math.log2(keys / held)) / 8 - 0.2 * Math.max(0, Math.log10(held / 1000));
  const value = Math.min(2.9, 1.7 + 0.5 * Math.log2(Math.max(1, events / held)));
  return blockBytes + columnBytes * (aggregates - 1) + held * (name + value * (aggregates - 1));
}

/** Bytes of partial aggregates as text: a name and a count, and what each further aggregate adds. */
function plainBytes({ keys, keyNames, aggregates }: Partials, events: number): number {
  return blockBytes + keysIn(keys, events) * ((keyNames === 'random' ? 40 : 7) + 14 * (aggregates - 1));
}

/** What is written of compressed bytes: as text, where that does not take a write unit more. */
function storedBytes(besideBytes: number, packedBytes: number, plainBytes: number): number {
  if (besideBytes + packedBytes >= unitBytes) return besideBytes + packedBytes;
  return Math.min(besideBytes + plainBytes, unitBytes);
}

/** Bytes of a batch's entry: totals, the partial aggregates of each query, and the ids that came first. */
export function entryBytesOf(question: CostQuestion, events: number): number {
  const { queries, dedup } = question;
  const ids = dedup === 'none' ? 0 : idBytes * events;
  const beside = entryBytes + queries * entryQueryBytes + ids;
  return storedBytes(beside, queries * partialBytes(question, events), queries * plainBytes(question, events));
}

/** Bytes of a segment of one query: the partial aggregates of one slice. */
export function segmentBytesOf(question: CostQuestion, events: number): number {
  return storedBytes(segmentKeyBytes, partialBytes(question, events), plainBytes(question, events));
}

/** Most bytes of text in an item of a segment; more goes to parts, which its head names. */
const mostSegmentText = 300 * 1024;

/** Bytes of the item that stands for a segment: whoever asks which slices there are reads no parts. */
export function segmentHeadBytes(question: CostQuestion, events: number): number {
  return plainBytes(question, events) > mostSegmentText ? segmentKeyBytes : segmentBytesOf(question, events);
}

/** Most bytes of rows in a manifest; more go to parts. */
const manifestBytes = 32 * 1024;

/** Bytes of a row in a manifest: the names and values of its key and its aggregates. */
function rowBytes({ keyNames, aggregates }: CostQuestion): number {
  return (keyNames === 'random' ? 50 : 25) + (aggregates - 1) * 29;
}

/** Bytes of a window's manifest with its rows, and its write units. */
export function windowBytesOf(
  question: CostQuestion,
  rows: number,
): { readonly bytes: number; readonly units: number } {
  const bytes = 250 + rows * rowBytes(question);
  return { bytes, units: unitsOf(bytes) + (bytes > manifestBytes ? 1 : 0) };
}
