/** Randomness from one seed, the source of all choices of a simulation. */
export interface Random {
  /** In [0, 1). */
  unit(): number;
  /** A whole number from `least` to `most`, both inclusive. */
  int(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(of: readonly [T, ...T[]]): T;
  /** Another generator, whose draws do not move this one. */
  fork(): Random;
}

/** Mulberry32, which has 32 bits of state, is good enough for choices, and is fast. */
export function seededRandom(seed: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bf03635) >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (least: number, most: number) => least + Math.floor(unit() * (most - least + 1));
  return {
    unit,
    int,
    chance: (probability) => probability > 0 && unit() < probability,
    pick: (of) => of[int(0, of.length - 1)] ?? of[0],
    fork: () => seededRandom(int(0, 2 ** 31)),
  };
}
