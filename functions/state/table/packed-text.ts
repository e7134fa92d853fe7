import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Attribute } from './table.ts';

/** Compressed text. */
export function packed(text: string): Uint8Array {
  return deflateRawSync(text, { level: constants.Z_BEST_SPEED });
}

/** The text of an attribute, plain or {@link packed}; undefined when the attribute is neither. */
export function unpacked(data: Attribute | undefined): string | undefined {
  const text = data instanceof Uint8Array ? inflateRawSync(data).toString() : data;
  return typeof text === 'string' ? text : undefined;
}

/** DynamoDB's write unit, in bytes. */
export const writeUnitBytes = 1024;

/** The first byte of packed text: the form of the bytes behind it. Part of the stored format. */
const forms = { deflate: 1 } as const;

/**
 * The form of a text that costs fewer write units of 1 KB: the text itself, which the console shows, or compressed
 * bytes behind one byte that names their form. At equal cost it is the text.
 * @param overheadBytes what the item holds besides: keys, names and other attributes
 */
export function pack(text: string, overheadBytes: number): string | Uint8Array {
  const plainUnits = Math.ceil((overheadBytes + Buffer.byteLength(text)) / writeUnitBytes);
  if (plainUnits <= Math.max(1, Math.ceil(overheadBytes / writeUnitBytes))) return text;
  const bytes = Buffer.concat([Buffer.of(forms.deflate), deflateRawSync(text)]);
  return Math.ceil((overheadBytes + bytes.length) / writeUnitBytes) < plainUnits ? bytes : text;
}

/**
 * The reverse of {@link pack}.
 * @throws Error for bytes of an unknown form: a later version of the code wrote them, or they are corrupt
 */
export function unpack(data: string | Uint8Array): string {
  if (typeof data === 'string') return data;
  if (data[0] !== forms.deflate) throw new Error(`packed text of an unknown form: ${data[0] ?? 'no bytes'}`);
  return inflateRawSync(data.subarray(1)).toString();
}
