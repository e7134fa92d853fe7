import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Attribute } from './table.ts';

/** Text compressed. */
export function packed(text: string): Uint8Array {
  return deflateRawSync(text, { level: constants.Z_BEST_SPEED });
}

/** Text as an item holds it: as it is, or {@link packed}; undefined when it is neither. */
export function unpacked(data: Attribute | undefined): string | undefined {
  const text = data instanceof Uint8Array ? inflateRawSync(data).toString() : data;
  return typeof text === 'string' ? text : undefined;
}
