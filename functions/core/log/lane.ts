import type { KeyText } from '../events/group-key.ts';
import { hashKey } from '../events/key-hash.ts';

/** Most lanes of a query: with a million keys, some 15 keys a lane. */
export const mostLanes = 65_536;

/**
 * Checks a number of lanes: a power of two, from 1 to {@link mostLanes}.
 * @returns the number
 * @throws Error for any other value: a plan or a segment that says so is corrupt
 */
export function checkLanes(lanes: number): number {
  if (!Number.isSafeInteger(lanes) || lanes < 1 || lanes > mostLanes || (lanes & (lanes - 1)) !== 0)
    throw new Error(`${lanes} lanes: not a power of two from 1 to ${mostLanes}`);
  return lanes;
}

/**
 * The lane of a key (DESIGN section 1): the top log2(lanes) bits of its hash. Lane i of n holds exactly the keys of the
 * lanes 2i and 2i + 1 of 2n.
 * @param lanes as {@link checkLanes} takes it
 * @returns from 0 to `lanes` - 1
 */
export function laneOf(key: KeyText, lanes: number): number {
  // A shift by 32 bits would be one by none.
  return checkLanes(lanes) === 1 ? 0 : hashKey(key) >>> (Math.clz32(lanes) + 1);
}
