import { aggregateSteps } from './aggregate-steps.ts';
import { finalizeSteps } from './finalize-steps.ts';
import { violation } from './invariants.ts';
import { expirySteps, readerSteps } from './other-steps.ts';
import { beginning, type ModelOptions, type Step, shardsOf, type World } from './world.ts';

/** The findings of an exploration. */
export interface Exploration {
  /** The violation, and the steps that lead to it; undefined when nothing was found. */
  readonly violation: { readonly what: string; readonly trace: readonly string[] } | undefined;
  /** The number of different worlds that were seen; for walks, the number of steps. */
  readonly visited: number;
  /** Whether every world within the bounds was seen. */
  readonly isExhaustive: boolean;
  /** The number of ends in which a window is final. An exploration without such an end shows nothing. */
  readonly endsWithFinals: number;
}

function* steps(options: ModelOptions, world: World): Iterable<Step> {
  yield* readerSteps(options, world);
  yield* expirySteps(options, world);
  yield* aggregateSteps(options, world);
  yield* finalizeSteps(options, world);
}

/**
 * Explores every world that can come about, breadth first, up to a bound. The trace of a violation is therefore a
 * shortest one.
 */
export function explore(options: ModelOptions, mostWorlds: number): Exploration {
  const begun = beginning(options);
  const cameFrom = new Map<string, readonly [label: string, before: string] | undefined>([
    [JSON.stringify(begun), undefined],
  ]);
  let endsWithFinals = 0;
  for (let level: readonly World[] = [begun]; level.length > 0; ) {
    const next: World[] = [];
    for (const world of level) {
      const before = JSON.stringify(world);
      let isEnd = true;
      for (const [label, after] of steps(options, world)) {
        isEnd = false;
        const what = violation(options, after);
        if (what !== undefined) {
          const trace = [...traceTo(cameFrom, before), label];
          return { violation: { what, trace }, visited: cameFrom.size, isExhaustive: false, endsWithFinals };
        }
        const key = JSON.stringify(after);
        if (cameFrom.has(key)) continue;
        cameFrom.set(key, [label, before]);
        next.push(after);
      }
      if (isEnd && Object.keys(world.finals).length > 0) endsWithFinals++;
      if (cameFrom.size > mostWorlds)
        return { violation: undefined, visited: cameFrom.size, isExhaustive: false, endsWithFinals };
    }
    level = next;
  }
  return { violation: undefined, visited: cameFrom.size, isExhaustive: true, endsWithFinals };
}

function traceTo(
  cameFrom: ReadonlyMap<string, readonly [label: string, before: string] | undefined>,
  key: string,
): string[] {
  const trace: string[] = [];
  for (let at = cameFrom.get(key); at !== undefined; at = cameFrom.get(at[1])) trace.unshift(at[0]);
  return trace;
}

/**
 * The probability that a step may be a death, because few actors die; the most steps until one actor stands still; and
 * the most steps for which it does, like a zombie that wakes up late.
 */
const dyingShare = 0.08;
const mostUntilFrozen = 25;
const mostFrozen = 70;

/**
 * Takes random walks from a seed, each to an end.
 * @param seed a whole number other than 0
 */
export function walk(options: ModelOptions, walks: number, seed: number): Exploration {
  const unit = random(seed);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(unit() * items.length)];
  let visited = 0;
  let endsWithFinals = 0;
  for (let i = 0; i < walks; i++) {
    let world = beginning(options);
    const trace: string[] = [];
    const frozen = unit() < 0.5 ? `F${Math.floor(unit() * options.finalizers)}:` : `${pick(shardsOf(options)) ?? ''}0:`;
    const from = Math.floor(unit() * mostUntilFrozen);
    const until = from + Math.floor(unit() * mostFrozen);
    for (;;) {
      const all = [...steps(options, world)];
      const awake = trace.length >= from && trace.length < until ? all.filter(([to]) => !to.startsWith(frozen)) : all;
      const living = unit() < dyingShare ? awake : awake.filter(([to]) => !to.endsWith('dies'));
      const taken = pick(living.length > 0 ? living : awake.length > 0 ? awake : all);
      if (taken === undefined) break;
      trace.push(taken[0]);
      world = taken[1];
      visited++;
      const what = violation(options, world);
      if (what !== undefined) return { violation: { what, trace }, visited, isExhaustive: false, endsWithFinals };
    }
    if (Object.keys(world.finals).length > 0) endsWithFinals++;
  }
  return { violation: undefined, visited, isExhaustive: false, endsWithFinals };
}

/** Marsaglia's xorshift with 32 bits, as numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
