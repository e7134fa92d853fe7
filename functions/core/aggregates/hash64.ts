/**
 * A hash of 64 bits of a text: MurmurHash3 (Appleby, 2011, x86 32-bit variant, with its finalizer), run twice with
 * different seeds over UTF-16 units, two at a time. It is fast, and even enough for a sketch. It is not safe from
 * somebody who looks for collisions. Part of the stored format: it must never change.
 * @param out takes the high and the low 32 bits
 */
export function hash64(text: string, seed: number, out: Uint32Array): void {
  let high = seed ^ 0x9747b28c;
  let low = seed ^ 0x3c6ef372;
  const { length } = text;
  for (let i = 0; i < length; i += 2) {
    const block = text.charCodeAt(i) | (i + 1 < length ? text.charCodeAt(i + 1) << 16 : 0);
    let mixed = Math.imul(block, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    high ^= mixed;
    high = (Math.imul((high << 13) | (high >>> 19), 5) + 0xe6546b64) | 0;
    mixed = Math.imul(block, 0x239b961b);
    mixed = Math.imul((mixed << 16) | (mixed >>> 16), 0xab0e9789);
    low ^= mixed;
    low = (Math.imul((low << 13) | (low >>> 19), 5) + 0x561ccd1b) | 0;
  }
  out[0] = finalized(high ^ length);
  out[1] = finalized(low ^ length);
}

function finalized(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
