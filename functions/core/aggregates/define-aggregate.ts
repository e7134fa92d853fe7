import { argumentError } from '../arguments/error.ts';
import { optionsOf, wholeNumber } from '../numbers/whole-number.ts';
import { type AggregateOf, corrupt, type Json, listIn, opaque } from './aggregate.ts';
import { canonicalJson } from './canonical-json.ts';
import { utf8Bytes } from './scalar.ts';

/** An aggregate of your own, as it is written. All of its functions must be pure: retries run them again. */
export interface AggregateSpec<Event, State, Result extends Json> {
  /**
   * Its name in the lock and in the API. Its functions cannot be compared, so give it another name when its states
   * change.
   * @default 'custom'
   */
  readonly name?: string;
  /** The state of no event. */
  readonly identity: State;
  /**
   * The state with an event more. May change the given state. When it throws for a new state, the event is rejected.
   * @param time of the event, epoch ms
   */
  add(state: State, event: Event, time: number): State;
  /** The merge of both states. Commutative and associative; `identity` changes nothing. May change the left state. */
  merge(left: State, right: State): State;
  /** The state as JSON. Keep it short: it is written with every batch. Equal states should give equal JSON. */
  encode(state: State): Json;
  /** The reverse of `encode`. */
  decode(json: Json): State;
  /** The value that rows show. */
  result(state: State): Result;
  /**
   * Most bytes of an encoded state, from 16 to 65,536. A state that outgrows this is overflowed for good.
   * @default 4,096
   */
  readonly mostBytes?: number;
}

/** Why a state is lost: it outgrew its bound, or `add` or `merge` threw although `add` did not for the event alone. */
type Overflow = { readonly overflow: 'size' | 'threw' };

/**
 * Undefined before the first event, then the user's state, or the reason why it is lost for good. The user's state is
 * wrapped, so that it is told apart from the others whatever it is.
 */
type Own<State> = undefined | { readonly state: State } | Overflow;

const functionNames = ['add', 'merge', 'encode', 'decode', 'result'] as const;
const largestBytes = 65_536;

/**
 * Makes an aggregate of your own. Its identity, its encoding and its result are checked when it is defined. Its laws
 * are yours to keep: test/property/aggregate-laws.property.test.ts shows how to check them. A state that outgrows
 * `mostBytes` is `{"overflow":"size"}` from then on, whatever is merged with it. A state on which a function throws is
 * `{"overflow":"threw"}` in the same way. So a shard is never blocked.
 * @example
 * defineAggregate({
 *   name: 'longestWord',
 *   identity: '',
 *   add: (state, { word }: { word: string }) => longer(state, word),
 *   merge: (left, right) => longer(left, right),
 *   encode: (state) => state,
 *   decode: (json) => String(json),
 *   result: (state) => state,
 * });
 * // Of two words of one length the first in order: the merge has to be commutative.
 * function longer(left: string, right: string): string {
 *   if (left.length === right.length) return left < right ? left : right;
 *   return left.length > right.length ? left : right;
 * }
 * @throws TidemarkError that names the member, what came and the remedy
 */
export function defineAggregate<Event, State, Result extends Json>(
  spec: AggregateSpec<Event, State, Result>,
): AggregateOf<Event, Result | Overflow> {
  const { name = 'custom', mostBytes = 4096 } = checkedSpec(spec);
  /** A copy of a state that nobody else holds, whatever the user's functions do to it. */
  const fresh = (state: State): State => spec.decode(plainJson(spec.encode(state)));
  const guarded = (make: () => State): Own<State> => {
    try {
      return { state: make() };
    } catch {
      return { overflow: 'threw' };
    }
  };
  const encodeOwn = (own: Own<State>): Json => {
    if (own === undefined) return null;
    if ('overflow' in own) return own;
    try {
      const json = plainJson(spec.encode(own.state));
      return utf8Bytes(JSON.stringify(json)) > mostBytes ? { overflow: 'size' } : [json];
    } catch {
      return { overflow: 'threw' };
    }
  };
  const aggregate = opaque<Event, { readonly event: Event; readonly time: number }, Own<State>, Json>({
    kind: name,
    parameters: `at most ${mostBytes} bytes`,
    mostBytes: mostBytes + 2,
    input(event, time) {
      // Tried on a fresh state: an event for which it throws is rejected, before anything of the event is applied.
      spec.add(fresh(spec.identity), event, time);
      return { kind: 'value', value: { event, time } };
    },
    identity: undefined,
    add: (own, { event, time }) =>
      own !== undefined && 'overflow' in own
        ? own
        : guarded(() => spec.add(own === undefined ? fresh(spec.identity) : own.state, event, time)),
    merge(left, right) {
      if (left === undefined || right === undefined) return left ?? right;
      if ('overflow' in left || 'overflow' in right) return lost(left, right);
      return guarded(() => spec.merge(fresh(left.state), fresh(right.state)));
    },
    encode: encodeOwn,
    decode(json) {
      if (json === null) return undefined;
      if (typeof json === 'object' && 'overflow' in json && (json.overflow === 'size' || json.overflow === 'threw'))
        return { overflow: json.overflow };
      const [encoded, ...more] = listIn(json);
      if (encoded === undefined || more.length > 0) throw corrupt(json);
      return { state: spec.decode(encoded) };
    },
    result(own) {
      // As it would come back from an entry: it may have become too large for one.
      const stored = encodeOwn(own);
      if (own !== undefined && !Array.isArray(stored)) return stored;
      try {
        return canonicalJson(
          plainJson(spec.result(fresh(own === undefined || 'overflow' in own ? spec.identity : own.state))),
        );
      } catch {
        return { overflow: 'threw' };
      }
    },
  });
  // What `result` gives is of the user's type, or an overflow.
  return aggregate as AggregateOf<Event, Result | Overflow>;
}

/** One of two reasons, the same one in whichever order they come. */
function lost<State>(left: Own<State>, right: Own<State>): Overflow {
  const reasons = [left, right].flatMap((own) => (own !== undefined && 'overflow' in own ? [own.overflow] : []));
  return { overflow: reasons.includes('size') ? 'size' : 'threw' };
}

/** A value as JSON gives it back. @throws when JSON makes nothing of it */
function plainJson(value: unknown): Json {
  const text = JSON.stringify(value);
  if (text === undefined) throw new Error('no JSON');
  return JSON.parse(text) as Json;
}

function checkedSpec<Event, State, Result extends Json>(
  spec: AggregateSpec<Event, State, Result>,
): AggregateSpec<Event, State, Result> {
  const field = 'defineAggregate';
  optionsOf(field, spec, ['name', 'identity', 'mostBytes', ...functionNames]);
  if (spec === undefined)
    throw argumentError(field, spec, `is missing: give { identity, ${functionNames.join(', ')} }`);
  for (const name of functionNames) {
    const given: unknown = spec[name];
    if (typeof given !== 'function' || /Async|Generator/.test(Object.prototype.toString.call(given)))
      throw argumentError(
        `${field}.${name}`,
        given,
        'is not a function that returns its value: give one that is neither async nor a generator',
      );
  }
  if (spec.name !== undefined && (typeof spec.name !== 'string' || !/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(spec.name)))
    throw argumentError(
      `${field}.name`,
      spec.name,
      'is not a name: use letters, digits and _, a letter first, at most 64',
    );
  if (spec.mostBytes !== undefined) wholeNumber(`${field}.mostBytes`, spec.mostBytes, 16, largestBytes);
  checkIdentity(field, spec);
  return spec;
}

/** Checks the laws that the identity alone can break. */
function checkIdentity<Event, State, Result extends Json>(
  field: string,
  spec: AggregateSpec<Event, State, Result>,
): void {
  const tried = <T>(name: string, make: () => T, remedy: string): T => {
    try {
      return make();
    } catch (error) {
      throw argumentError(
        `${field}.${name}`,
        spec.identity,
        `of the identity throws ${String(error).slice(0, 60)}: ${remedy}`,
      );
    }
  };
  const encode = (state: State) =>
    tried('encode', () => JSON.stringify(plainJson(spec.encode(state))), 'give a function to JSON');
  const text = encode(spec.identity);
  const decoded = () => tried('decode', () => spec.decode(JSON.parse(text) as Json), 'give the reverse of encode');
  if (encode(decoded()) !== text)
    throw argumentError(
      `${field}.decode`,
      text,
      'is not what comes back through decode and encode: give the reverse of encode',
    );
  const merged = tried('merge', () => spec.merge(decoded(), decoded()), 'give a function of two states');
  if (encode(merged) !== text)
    throw argumentError(
      `${field}.merge`,
      encode(merged),
      `is what two identities, ${text.slice(0, 40)}, merge to: give an identity that changes nothing`,
    );
  tried('result', () => plainJson(spec.result(decoded())), 'give a function to JSON, null where there is none');
}
