import { type AnyAggregate, numberIn, opaque } from './aggregate.ts';

const counted = { kind: 'value', value: 1 } as const;

/** The states of what counts records. */
export const counting = {
  identity: 0,
  add: (state: number) => state + 1,
  merge: (left: number, right: number) => left + right,
  encode: (state: number) => state,
  decode: numberIn,
  result: (state: number) => state,
  stateOf: (result: number) => result,
} as const;

/** How many records there are. */
export function count(): AnyAggregate<unknown> {
  return opaque<unknown, 1, number, number>({ ...counting, kind: 'count', input: () => counted });
}
