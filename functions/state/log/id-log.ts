import type { EventId } from '../../core/events/event-id.ts';
import { isAfter, type SequenceNumber } from '../../core/events/sequence-number.ts';
import { type Item, numberOf, type Table } from '../table/table.ts';

/** The first occurrence of an id: its hash, and the shard's arrival clock at it, epoch ms. */
export interface FirstOccurrence {
  readonly id: EventId;
  readonly atMs: number;
}

/** The first occurrences among the records of one chunk, in their order. */
export interface LogEntry {
  /** The last record that was committed before the chunk; undefined: the chunk is the shard's first. */
  readonly after: SequenceNumber | undefined;
  /** The chunk's last record. */
  readonly last: SequenceNumber;
  /** The shard's arrival clock after the chunk, epoch ms: the greatest arrival so far. */
  readonly clockMs: number;
  readonly firsts: readonly FirstOccurrence[];
}

/**
 * A hash, and the clock's step since the entry before: one byte within 127 ms, so that a thousand ids take nine write
 * units.
 */
const hashBytes = 8;
const mostStepBytes = 8;

/** Largest data of an item, in bytes: with its key it stays below DynamoDB's 400 KB. */
const mostDataBytes = 256 * 1024;

/** Items of a log in memory at a time. */
const itemsAtATime = 100;

function partition(shardId: string): string {
  return `ids#${shardId}`;
}

/** Digits of the greatest arrival that is believed (kinesis/event.ts): items are in the order of their clocks. */
const clockDigits = 15;

function clockText(clockMs: number): string {
  return String(Math.max(0, Math.floor(clockMs))).padStart(clockDigits, '0');
}

/**
 * Appends an entry to a shard's log: one item, several when the chunk is very large. Unconditional: what is in an item
 * follows from its key, for whether an event is the first of its id follows from the shard's records, so that retries,
 * in whatever boundaries, write nothing that is not so.
 */
export async function appendIds(state: Table, shardId: string, entry: LogEntry, keptMs: number): Promise<void> {
  const { after = '', last, clockMs, firsts } = entry;
  const expiresAt = Math.ceil((clockMs + keptMs) / 1000);
  const items = packed(firsts).map((part, i): Item => {
    return {
      pk: partition(shardId),
      sk: `${clockText(clockMs)}#${after}#${last}#${i}`,
      attributes: { ...part, expiresAt },
    };
  });
  await Promise.all(items.map((item) => state.put(item)));
}

/**
 * Reads the first occurrences that a shard's log has from a clock on, and none of a later record than `through`: what
 * is beyond it was appended by an attempt that was not committed, and its events are yet to be judged. Strongly
 * consistent.
 * @param through the last committed record; 'whole': a shard that is read through, as the parents of one that is being
 * read are
 */
export async function readIds(
  state: Table,
  shardId: string,
  fromMs: number,
  through: SequenceNumber | 'whole',
  visit: (first: FirstOccurrence) => void,
): Promise<void> {
  let from = clockText(fromMs);
  for (;;) {
    const items = await state.query(partition(shardId), { from, limit: itemsAtATime });
    for (const item of items) {
      const last = item.sk.split('#')[2];
      if (last === undefined) throw new Error(`log of ids ${item.pk} / ${item.sk}: unexpected key`);
      if (through === 'whole' || !isAfter(last, through)) unpack(item, visit);
    }
    const next = items[items.length - 1]?.sk;
    if (next === undefined || items.length < itemsAtATime) return;
    // Inclusive: the item that the next call begins with is taken twice, which is as good as once.
    from = next;
  }
}

function packed(firsts: readonly FirstOccurrence[]): { readonly startMs: number; readonly data: Uint8Array }[] {
  const parts: { startMs: number; data: Uint8Array }[] = [];
  for (let from = 0; from < firsts.length; ) {
    const startMs = firsts[from]?.atMs ?? 0;
    const data = Buffer.alloc(Math.min(mostDataBytes, (firsts.length - from) * (hashBytes + mostStepBytes)));
    let bytes = 0;
    let clockMs = startMs;
    for (; bytes + hashBytes + mostStepBytes <= data.length; from++) {
      const first = firsts[from];
      if (first === undefined) break;
      bytes = data.writeUInt32BE(first.id.high, bytes);
      bytes = data.writeUInt32BE(first.id.low, bytes);
      let step = first.atMs - clockMs;
      clockMs = first.atMs;
      for (; step > 127; step = Math.floor(step / 128)) bytes = data.writeUInt8((step % 128) + 128, bytes);
      bytes = data.writeUInt8(step, bytes);
    }
    parts.push({ startMs, data: data.subarray(0, bytes) });
  }
  return parts;
}

function unpack(item: Item, visit: (first: FirstOccurrence) => void): void {
  const { data } = item.attributes;
  const startMs = numberOf(item, 'startMs');
  if (!(data instanceof Uint8Array) || startMs === undefined)
    throw new Error(`log of ids ${item.pk} / ${item.sk}: unexpected content`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let clockMs = startMs;
  for (let at = 0; at < data.length; ) {
    const id = { high: view.getUint32(at), low: view.getUint32(at + 4) };
    at += hashBytes;
    let byte: number;
    let unit = 1;
    do {
      byte = view.getUint8(at++);
      clockMs += (byte % 128) * unit;
      unit *= 128;
    } while (byte > 127);
    visit({ id, atMs: clockMs });
  }
}
