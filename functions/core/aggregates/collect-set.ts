import { reading } from '../arguments/field-given-by.ts';
import { compareKeys } from '../events/group-key.ts';
import { wholeNumber } from '../numbers/whole-number.ts';
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
import { byText, distinctInput, isScalar, type Scalar, type ScalarOf, shownText, utf8Bytes } from './scalar.ts';

/** Most bytes of a set's values. Short text fits by the thousand, long text by the dozen. */
const setBytes = 16 * 1024;

/** The shortest values that came, as JSON text, and whether others were left out. */
interface Collected {
  readonly texts: ReadonlySet<string>;
  readonly overflow: boolean;
}

/** The result of {@link collectSet}: the values in order, and whether others were left out. */
export type SetResult = {
  /** Whether values were left out. */
  readonly overflow: boolean;
  /** Booleans, then numbers by value, then text by code unit. */
  readonly values: readonly Scalar[];
};

/**
 * The different values, sorted: at most `limit` of them, and at most 16 KB. When there are more, the shortest are kept,
 * and of equally short ones those that come first. The order of events and of merging does not matter. The result is
 * `{"overflow":false,"values":[...]}`. Text of more than 200 characters is shortened.
 * @example
 * collectSet('country', 20); // {"overflow":false,"values":["DE","FR"]}
 * @param limit from 1 to 1,000
 */
export function collectSet<const Name extends string>(
  field: Name,
  limit: number,
): AnyAggregate<Field<Name, Scalar>, SetResult>;
export function collectSet<Event>(select: ScalarOf<Event>, limit: number): AggregateOf<Event, SetResult>;
export function collectSet<Event>(of: string | ScalarOf<Event>, limit: number): AggregateOf<Event, SetResult> {
  const kind = 'collectSet';
  const most = wholeNumber(`${kind}.limit`, limit, 1, 1000);
  const { select, named, reads } = selector(kind, of);
  const identity: Collected = { texts: new Set(), overflow: false };
  const encode = (state: Collected): Json => {
    const { texts, overflow } = longestBeginning(state, most);
    const values = [...texts].sort(byText).map((text) => JSON.parse(text) as Json);
    return overflow ? [values, 1] : [values];
  };
  return opaque<Event, string, Collected, SetResult>({
    ...named,
    kind,
    parameters: `limit ${most}`,
    mostBytes: setBytes + most + 16,
    input: reading(
      (event: Event): AggregateInput<string> => {
        const found = distinctInput(kind, select(event));
        return found.kind === 'value' ? { kind: 'value', value: shownText(found.value) } : found;
      },
      [reads],
    ),
    identity,
    add(state, text) {
      if (state.texts.has(text)) return state;
      const own = state === identity ? { texts: new Set<string>(), overflow: false } : state;
      (own.texts as Set<string>).add(text);
      // Cut only now and then: a sort each time would cost more than all the rest.
      return own.texts.size > 2 * most + 16 ? longestBeginning(own, most) : own;
    },
    merge: (left, right) =>
      longestBeginning(
        { texts: new Set([...left.texts, ...right.texts]), overflow: left.overflow || right.overflow },
        most,
      ),
    encode,
    decode: (json) => {
      const [values, flag = 0, ...more] = listIn(json);
      const texts = listIn(values).map((value) => {
        if (!isScalar(value)) throw corrupt(json);
        return JSON.stringify(value);
      });
      const state = { texts: new Set(texts), overflow: flag === 1 };
      if ((flag !== 0 && flag !== 1) || more.length > 0 || state.texts.size !== texts.length || state.texts.size > most)
        throw corrupt(json);
      return state;
    },
    result: (state) => {
      const { texts, overflow } = longestBeginning(state, most);
      const values = [...texts].map((text) => JSON.parse(text) as Scalar);
      return { overflow, values: values.sort((left, right) => compareKeys([left], [right])) };
    },
  });
}

/**
 * The values that fit, taken in the order of length and then of text. A value that does not fit in a part does not fit
 * in the whole either, because no value behind it is shorter. So the same values are left, in whatever parts and order
 * they come.
 */
function longestBeginning(state: Collected, most: number): Collected {
  const { texts, overflow } = state;
  let bytes = 0;
  if (texts.size <= most) {
    for (const text of texts) bytes += utf8Bytes(text);
    if (bytes <= setBytes) return state;
  }
  const sized = [...texts]
    .map((text) => ({ text, size: utf8Bytes(text) }))
    .sort((left, right) => left.size - right.size || byText(left.text, right.text));
  const kept = new Set<string>();
  bytes = 0;
  for (const { text, size } of sized) {
    bytes += size;
    if (kept.size === most || bytes > setBytes) break;
    kept.add(text);
  }
  return { texts: kept, overflow: overflow || kept.size < texts.size };
}
