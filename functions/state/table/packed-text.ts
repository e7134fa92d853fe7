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
