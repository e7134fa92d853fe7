import type { EventId } from '../events/event-id.ts';

/** The first occurrence of an id: its hash, and the shard's arrival clock at it, whole epoch ms, not negative. */
export interface FirstOccurrence {
  readonly id: EventId;
  readonly atMs: number;
}

/** First occurrences in the order of their log, as bytes. Part of the stored format. */
export interface PackedFirsts {
  readonly data: Uint8Array;
  /** How many they are. */
  readonly count: number;
  /** The clock at the last one. */
  readonly clockMs: number;
}

/** The first byte: the form of the bytes behind it. A number is used once. */
const form = 1;

const hashBytes = 8;

/** Most bytes of a number below 2^53, at 7 bits a byte. */
const mostNumberBytes = 8;

/** Most bytes of the form and the first clock. */
const headBytes = 1 + mostNumberBytes;

/**
 * Packs first occurrences: a hash is 8 bytes, and the clock's step since the one before it one byte within 127 ms. A
 * hash does not compress.
 * @param mostBytes of one piece, at least a head and one occurrence. @default no bound
 * @returns as many pieces as it takes; none of nothing
 * @throws when the clock goes back: it is the greatest arrival so far
 */
export function packFirsts(
  firsts: readonly FirstOccurrence[],
  mostBytes = Number.POSITIVE_INFINITY,
): readonly PackedFirsts[] {
  const pieces: PackedFirsts[] = [];
  for (let from = 0; from < firsts.length; ) {
    const piece = packPiece(firsts, from, mostBytes);
    pieces.push(piece);
    from += piece.count;
  }
  return pieces;
}

function packPiece(firsts: readonly FirstOccurrence[], from: number, mostBytes: number): PackedFirsts {
  const data = new Uint8Array(Math.min(mostBytes, headBytes + (firsts.length - from) * (hashBytes + mostNumberBytes)));
  const view = new DataView(data.buffer);
  let clockMs = firsts[from]?.atMs ?? 0;
  data[0] = form;
  let bytes = putNumber(data, 1, clockMs);
  let at = from;
  for (; at < firsts.length && (at === from || bytes + hashBytes + mostNumberBytes <= data.length); at++) {
    const first = firsts[at];
    if (first === undefined) break;
    if (!(first.atMs >= clockMs))
      throw new Error(`first occurrences: the clock goes back, ${clockMs} to ${first.atMs}`);
    view.setUint32(bytes, first.id.high);
    view.setUint32(bytes + 4, first.id.low);
    bytes = putNumber(data, bytes + hashBytes, first.atMs - clockMs);
    clockMs = first.atMs;
  }
  return { data: data.subarray(0, bytes), count: at - from, clockMs };
}

/** Puts a whole number, the low 7 bits first. @returns the place behind it */
function putNumber(data: Uint8Array, at: number, number: number): number {
  let left = number;
  let to = at;
  for (; left > 127; left = Math.floor(left / 128)) data[to++] = (left % 128) + 128;
  data[to++] = left;
  return to;
}

/** Visits packed first occurrences in their order. @throws for bytes of an unknown form, or that end too soon */
export function eachFirst(data: Uint8Array, visit: (first: FirstOccurrence) => void): void {
  if (data[0] !== form) throw new Error(`first occurrences of an unknown form: ${data[0] ?? 'no bytes'}`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 1;
  const number = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = view.getUint8(at++);
      value += (byte % 128) * unit;
      if (byte < 128) return value;
    }
  };
  let atMs = number();
  while (at < data.length) {
    const id = { high: view.getUint32(at), low: view.getUint32(at + 4) };
    at += hashBytes;
    atMs += number();
    visit({ id, atMs });
  }
}
