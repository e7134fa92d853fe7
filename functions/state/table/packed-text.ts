import { brotliCompressSync, brotliDecompressSync, constants, deflateRawSync, inflateRawSync } from 'node:zlib';
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

/** Write units of an item of so many bytes (DynamoDB developer guide, "read and write operations"). */
export function writeUnitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / writeUnitBytes));
}

/** The first byte of packed text: the form of the bytes behind it. Part of the stored format; a number is used once. */
const forms = { brotli: 1 } as const;

/**
 * Of the ways that every supported Node can read, brotli of this quality costs the fewest write units for its time
 * (`npm run bench -- codec`). For names it is as small and as fast as deflate's usual level, within 2 % and 20
 * microseconds. For UUIDs it is 4 % smaller and takes two thirds of the time. A preset dictionary for deflate saves 20
 * bytes, and would be a part of the format that nobody could ever change.
 */
const quality = 4;

/**
 * The form of a text that costs fewer write units of 1 KB: the text itself, which the console shows, or compressed
 * bytes behind one byte that names their form. At equal cost it is the text.
 * @param overheadBytes what the item holds besides, at least 0: keys, names and other attributes
 */
export function pack(text: string, overheadBytes: number): string | Uint8Array {
  const bytes = Buffer.byteLength(text);
  const units = writeUnitsOf(overheadBytes + bytes);
  if (units === writeUnitsOf(overheadBytes)) return text;
  const compressed = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes },
  });
  if (writeUnitsOf(overheadBytes + 1 + compressed.length) >= units) return text;
  return Buffer.concat([Buffer.of(forms.brotli), compressed]);
}

/**
 * The reverse of {@link pack}.
 * @throws Error for bytes of an unknown form, which a later version of the code wrote, and for bytes that are corrupt
 */
export function unpack(data: string | Uint8Array): string {
  if (typeof data === 'string') return data;
  if (data[0] !== forms.brotli) throw new Error(`packed text of an unknown form: ${data[0] ?? 'no bytes'}`);
  return brotliDecompressSync(data.subarray(1)).toString();
}
