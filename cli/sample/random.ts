/** A stream of pseudo-random numbers, each in [0, 1) with 32 bits. */
export type Random = () => number;

/**
 * mulberry32 (Tommy Ettinger, public domain): 32-bit integer arithmetic only, so that the same seed gives the same
 * numbers on every Node and every machine. Good enough to make up events, not for secrets.
 * @param seed an integer; its low 32 bits count
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A whole number in [least, most], both inclusive. */
export function pick(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
