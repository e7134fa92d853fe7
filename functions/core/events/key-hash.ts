import type { KeyText } from './group-key.ts';

/**
 * A key's hash, 32 bits unsigned: FNV-1a over its UTF-16 units, mixed by MurmurHash3's finalizer. Through the mixing
 * every bit depends on all of the key. Part of the stored format: it must never change.
 */
export function hashKey(key: KeyText): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
