import { reading } from '../arguments/field-given-by.ts';
import { optionsOf, wholeNumber } from '../numbers/whole-number.ts';
import {
  type AggregateInput,
  type AggregateOf,
  type AnyAggregate,
  corrupt,
  type Json,
  listIn,
  opaque,
} from './aggregate.ts';
import { type Field, selector } from './number-input.ts';
import { byText, digest, distinctInput, isScalar, type Scalar, type ScalarOf, utf8Bytes } from './scalar.ts';

/** Options of {@link countDistinct}. */
export interface DistinctOptions {
  /** Most values that are counted, from 1 to 4,000. A key's state has up to 27 bytes for each. @default 1,000 */
  readonly upTo?: number;
}

/** The values that came, by name; `overflow` for good once there were more than the bound. */
type Distinct = ReadonlySet<string> | 'overflow';

/** Longest JSON text, in bytes, that is held as it is. Longer text is held by 128 bits of its SHA-256. */
const longestHeldBytes = 24;

/** Most bytes of a held value: `["` 22 characters `"]` and a comma. */
const bytesOfOne = 27;

function nameOf(value: Scalar): string {
  const text = JSON.stringify(value);
  // JSON text begins with no `#`.
  return utf8Bytes(text) <= longestHeldBytes ? text : `#${digest(text)}`;
}

/** The result of {@link countDistinct}: the number, or that there are at least so many. */
export type DistinctResult = number | { readonly atLeast: number; readonly overflow: true };

/**
 * The exact number of different values, up to a bound. Beyond the bound the result is
 * `{"atLeast":1001,"overflow":true}`, whatever is merged with it; `approxCountDistinct` has no bound. Text and numbers
 * are different values: `"1"` is not 1.
 * @example
 * countDistinct('user'); // 42, or {"atLeast":1001,"overflow":true}
 */
export function countDistinct<const Name extends string>(
  field: Name,
  options?: DistinctOptions,
): AnyAggregate<Field<Name, Scalar>, DistinctResult>;
export function countDistinct<Event>(
  select: ScalarOf<Event>,
  options?: DistinctOptions,
): AggregateOf<Event, DistinctResult>;
export function countDistinct<Event>(
  of: string | ScalarOf<Event>,
  options?: DistinctOptions,
): AggregateOf<Event, DistinctResult> {
  const kind = 'countDistinct';
  const upTo = wholeNumber(`${kind}.upTo`, optionsOf(kind, options, ['upTo']).upTo ?? 1000, 1, 4000);
  const { select, named, reads } = selector(kind, of);
  const identity: Distinct = new Set();
  const bounded = (names: ReadonlySet<string>): Distinct => (names.size > upTo ? 'overflow' : names);
  return opaque<Event, string, Distinct, DistinctResult>({
    ...named,
    kind,
    parameters: `up to ${upTo}`,
    mostBytes: bytesOfOne * upTo + 1,
    input: reading(
      (event: Event): AggregateInput<string> => {
        const found = distinctInput(kind, select(event));
        return found.kind === 'value' ? { kind: 'value', value: nameOf(found.value) } : found;
      },
      [reads],
    ),
    identity,
    add(state, name) {
      if (state === 'overflow' || state.has(name)) return state;
      const own = state === identity ? new Set<string>() : (state as Set<string>);
      return bounded(own.add(name));
    },
    merge(left, right) {
      if (left === 'overflow' || right === 'overflow') return 'overflow';
      if (left.size === 0 || right.size === 0) return left.size === 0 ? right : left;
      return bounded(new Set([...left, ...right]));
    },
    encode: (state) => (state === 'overflow' ? -1 : [...state].sort(byText).map(heldJson)),
    decode: (json) => (json === -1 ? 'overflow' : distinctIn(json, upTo)),
    result: (state) => (state === 'overflow' ? { atLeast: upTo + 1, overflow: true } : state.size),
  });
}

function heldJson(name: string): Json {
  return name.startsWith('#') ? [name.slice(1)] : (JSON.parse(name) as Json);
}

function distinctIn(json: Json, upTo: number): ReadonlySet<string> {
  const held = listIn(json);
  const names = new Set(
    held.map((one) => {
      if (isScalar(one)) return JSON.stringify(one);
      const [hash] = listIn(one);
      if (typeof hash !== 'string') throw corrupt(json);
      return `#${hash}`;
    }),
  );
  if (names.size !== held.length || names.size > upTo) throw corrupt(json);
  return names;
}
