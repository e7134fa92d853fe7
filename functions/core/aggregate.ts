import { callable } from './callable.ts';
import { addNumber, addSums, decodeSum, type ExactSum, encodeSum, quotient, toNumber, zero } from './exact-sum.ts';

/** What an aggregate's state is encoded to: anything JSON has, kept short, for it is written with every batch. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What an aggregate takes from one event: a value, nothing (SQL's null), or the reason why the event has to be rejected. */
export type AggregateInput<Input> =
  | { readonly kind: 'value'; readonly value: Input }
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * An aggregate: a commutative, associative merge with an identity, so that shards, batches, retries and buckets can be merged in any
 * order. States are immutable values. `Input` and `State` are its own business; pipelines hold it as {@link AnyAggregate}.
 */
export interface Aggregate<Event, Input, State, Result extends Json> {
  /** Its name in messages and definitions: `sum`. */
  readonly kind: string;
  /** The field it takes, where that was given by its name. */
  readonly field?: string;
  /** Pure; runs once for every event before anything of the event is applied. @param time the event's time, epoch ms */
  readonly input: (event: Event, time: number) => AggregateInput<Input>;
  readonly identity: State;
  add(state: State, value: Input): State;
  merge(left: State, right: State): State;
  encode(state: State): Json;
  /** Reads what `encode` gave. @throws when it did not come from `encode`: the page is corrupt. */
  decode(json: Json): State;
  result(state: State): Result;
  /**
   * The state behind a result, where a result loses nothing: totals over windows are then merged from the rows that people read. Windows
   * keep the states of other aggregates beside their rows.
   */
  readonly stateOf?: (result: Result) => State;
}

/** An aggregate whose inputs and states only it can tell apart. */
export type AnyAggregate<Event> = Aggregate<Event, unknown, unknown, Json>;

/** Hides an aggregate's own types. Sound, as only its own functions ever see its inputs and states. */
function opaque<Event, Input, State, Result extends Json>(aggregate: Aggregate<Event, Input, State, Result>): AnyAggregate<Event> {
  return aggregate as unknown as AnyAggregate<Event>;
}

const none = { kind: 'none' } as const;
const counted = { kind: 'value', value: 1 } as const;

/** How many records there are. */
export function count(): AnyAggregate<unknown> {
  return opaque<unknown, 1, number, number>({
    kind: 'count',
    input: () => counted,
    identity: 0,
    add: (state) => state + 1,
    merge: (left, right) => left + right,
    encode: (state) => state,
    decode: number,
    result: (state) => state,
    stateOf: (result) => result,
  });
}

/**
 * Where an aggregate of numbers finds its number: the name of a field of the event, or a function of the event, which has to say its type.
 * Null and undefined are left out, as in SQL; NaN, infinities and other types reject the event.
 */
export type NumberOf<Event> = (event: Event) => number | null | undefined;

/** An event that may have a number under a name. */
type NumberField<Name extends string> = { readonly [Key in Name]?: number | null | undefined };

/** An aggregate of numbers, as {@link sum} and its like are called. */
interface NumberAggregate {
  <const Name extends string>(field: Name): AnyAggregate<NumberField<Name>>;
  <Event>(select: NumberOf<Event>): AnyAggregate<Event>;
}

type NumberStates<State, Result extends Json> = Omit<Aggregate<unknown, number, State, Result>, 'input'>;

function numberAggregate<State, Result extends Json>(states: NumberStates<State, Result>): NumberAggregate {
  return <Event>(of: string | NumberOf<Event>) => {
    const select = typeof of === 'string' ? (event: Event) => (event as Readonly<Record<string, unknown>>)[of] : callable(states.kind, of);
    const field = typeof of === 'string' ? { field: of } : {};
    return opaque<Event, number, State, Result>({ ...states, ...field, input: (event) => numberInput(states.kind, select(event)) });
  };
}

function numberInput(kind: string, value: unknown): AggregateInput<number> {
  if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'value', value };
  if (value === null || value === undefined) return none;
  return { kind: 'refused', reason: `${kind} of ${typeof value === 'number' ? value : typeof value}` };
}

interface Mean {
  readonly sum: ExactSum;
  readonly count: number;
}

const mean = {
  identity: { sum: zero, count: 0 },
  add: (state: Mean, value: number): Mean => ({ sum: addNumber(state.sum, value), count: state.count + 1 }),
  merge: (left: Mean, right: Mean): Mean => ({ sum: addSums(left.sum, right.sum), count: left.count + right.count }),
  encode: (state: Mean): Json => [encodeSum(state.sum), state.count],
  decode: (json: Json): Mean => {
    if (!Array.isArray(json)) throw new Error(`not the state of a sum: ${JSON.stringify(json)}`);
    return { sum: decodeSum(json[0]), count: number(json[1]) };
  },
};

/** A sum of doubles can be too great for a double. JSON would make null of that, as if there was nothing to add: it is text instead. */
function shownNumber(value: number): number | 'Infinity' | '-Infinity' {
  if (Number.isFinite(value)) return value;
  return value > 0 ? 'Infinity' : '-Infinity';
}

/** The sum, exact whatever the order, rounded once at the end. Null when no record had a number. */
export const sum: NumberAggregate = numberAggregate({
  ...mean,
  kind: 'sum',
  result: (state) => (state.count === 0 ? null : shownNumber(toNumber(state.sum))),
});

/** The arithmetic mean: the exact sum divided by the count, rounded once. Null when no record had a number. */
export const avg: NumberAggregate = numberAggregate({
  ...mean,
  kind: 'avg',
  result: (state) => (state.count === 0 ? null : quotient(state.sum, state.count)),
});

/** The smallest number. Null when no record had one. */
export const min: NumberAggregate = extreme('min', (left, right) => (right < left ? right : left));

/** The greatest number. Null when no record had one. */
export const max: NumberAggregate = extreme('max', (left, right) => (right > left ? right : left));

function extreme(kind: string, pick: (left: number, right: number) => number): NumberAggregate {
  const merge = (left: number | null, right: number | null) => (left === null ? right : right === null ? left : pick(left, right));
  return numberAggregate<number | null, number | null>({
    kind,
    identity: null,
    // Zero has one sign here, or the result would depend on which of 0 and -0 came first.
    add: (state, value) => merge(state, value === 0 ? 0 : value),
    merge,
    encode: (state) => state,
    decode: (json) => (json === null ? null : number(json)),
    result: (state) => state,
    stateOf: (result) => result,
  });
}

function number(json: unknown): number {
  if (typeof json !== 'number') throw new Error(`not the state of an aggregate: ${JSON.stringify(json)}`);
  return json;
}
