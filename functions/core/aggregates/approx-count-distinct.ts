import { reading } from '../arguments/field-given-by.ts';
import { numberBetween, optionsOf } from '../numbers/whole-number.ts';
import { type AggregateOf, type AnyAggregate, opaque } from './aggregate.ts';
import { hash64 } from './hash64.ts';
import {
  addHash,
  decodeSketch,
  emptySketch,
  encodeSketch,
  estimate,
  type HyperLogLog,
  mergeSketches,
} from './hyper-log-log.ts';
import { type Field, selector } from './number-input.ts';
import { distinctInput, type Scalar, type ScalarOf } from './scalar.ts';

/** Options of {@link approxCountDistinct}. */
export interface ApproxOptions {
  /**
   * Relative standard error, from 0.01 to 0.2; the state has 1.08 / error^2 bytes, rounded up to a power of two.
   * @default 0.02, which 4 KB keep at 0.0163
   */
  readonly relativeError?: number;
}

/** Text, numbers and booleans that look alike are different values. */
const seeds = { string: 0, number: 1, boolean: 2 } as const;
const scratch = new Uint32Array(2);

/**
 * The number of different values, about, by a HyperLogLog sketch. It has no upper bound. Two thirds of the answers are
 * within the relative standard error, 95 % within twice as much. The count is all but exact while the sketch is sparse,
 * up to a sixth of its registers: 682 values by default. The result is a whole number.
 * @example
 * approxCountDistinct('user');
 * approxCountDistinct('user', { relativeError: 0.01 });
 */
export function approxCountDistinct<const Name extends string>(
  field: Name,
  options?: ApproxOptions,
): AnyAggregate<Field<Name, Scalar>, number>;
export function approxCountDistinct<Event>(
  select: ScalarOf<Event>,
  options?: ApproxOptions,
): AggregateOf<Event, number>;
export function approxCountDistinct<Event>(
  of: string | ScalarOf<Event>,
  options?: ApproxOptions,
): AggregateOf<Event, number> {
  const kind = 'approxCountDistinct';
  const given = optionsOf(kind, options, ['relativeError']).relativeError ?? 0.02;
  const error = numberBetween(`${kind}.relativeError`, given, 0.01, 0.2);
  const precision = Math.ceil(2 * Math.log2(1.04 / error));
  const { select, named, reads } = selector(kind, of);
  return opaque<Event, Scalar, HyperLogLog, number>({
    ...named,
    kind,
    parameters: `${2 ** precision} registers`,
    mostBytes: 2 ** precision + 2,
    input: reading((event: Event) => distinctInput(kind, select(event)), [reads]),
    identity: emptySketch,
    add(state, value) {
      hash64(String(value), seeds[typeof value as keyof typeof seeds], scratch);
      return addHash(state, precision, scratch[0] ?? 0, scratch[1] ?? 0);
    },
    merge: (left, right) => mergeSketches(left, right, precision),
    encode: encodeSketch,
    decode: (json) => decodeSketch(json, precision),
    result: (state) => Math.round(estimate(state, precision)),
  });
}
