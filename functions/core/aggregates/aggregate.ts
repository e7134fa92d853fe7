/** Anything JSON has. States of aggregates are kept short, for they are written with every batch. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * The answer of an aggregate to one event: a value, nothing (SQL's null), or the reason why the event has to be
 * rejected.
 */
export type AggregateInput<Input> =
  | { readonly kind: 'value'; readonly value: Input }
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * What an aggregate is to Tidemark: a commutative, associative merge with an identity, so that shards, batches, epochs and slices can be
 * merged in any order (`topK` alone keeps that only within its error bound: docs/AGGREGATES.md). `Input` and `State`
 * are its own business; pipelines hold it as {@link AnyAggregate}.
 */
export interface Aggregate<Event, Input, State, Result extends Json> {
  /** Its name in messages and definitions: `sum`. */
  readonly kind: string;
  /** The field it takes, where that was given by its name. */
  readonly field?: string;
  /** The rest of its definition that its states and results depend on, for the lock: `k 10, capacity 100`. */
  readonly parameters?: string;
  /** Most bytes of an encoded state. @default {@link smallStateBytes} */
  readonly mostBytes?: number;
  /**
   * The value of one event. Pure. Runs once for each event that is read, before anything of the event is applied.
   * @param time the event's, epoch ms
   */
  readonly input: (event: Event, time: number) => AggregateInput<Input>;
  readonly identity: State;
  /**
   * The state with a value more. It may change the given state in place, because nobody else holds that state during a
   * fold. It never changes the identity.
   */
  add(state: State, value: Input): State;
  /** Leaves both states as they are. */
  merge(left: State, right: State): State;
  encode(state: State): Json;
  /** Reads what `encode` gave. @throws when it did not come from `encode`: the item is corrupt. */
  decode(json: Json): State;
  result(state: State): Result;
  /**
   * The state behind a result, for aggregates whose results lose nothing. Totals over windows are then merged from the
   * rows that people read. Windows keep the states of other aggregates beside their rows.
   */
  readonly stateOf?: (result: Result) => State;
}

/** The names of an event's fields, of all its forms where it has several. */
export type FieldNames<Event> = Event extends unknown ? keyof Event : never;

/** An aggregate with the names of the fields that it takes. It is not accepted for an event that lacks one of them. */
export interface NamedAggregate<Names extends PropertyKey, Event, Result extends Json = Json>
  extends Aggregate<Event, unknown, unknown, Json> {
  /** For the types only: without it, a field that may be absent would fit any event. */
  readonly names?: Names | undefined;
  /** For the types only: of its results. */
  readonly results?: Result;
}

/** An aggregate, as {@link count} and its like give it, for events that have the fields that it takes. */
export type AnyAggregate<Event, Result extends Json = Json> = NamedAggregate<FieldNames<Event>, Event, Result>;

/**
 * An aggregate made by a function of the event whose type need not be written: `avg((event) => event.amount)`.
 *
 * TypeScript puts off a call that may return a function until it knows the types of the objects around it. By then it
 * knows the event of the schema.
 */
export interface AggregateOf<Event, Result extends Json = Json> extends AnyAggregate<Event, Result> {
  /** For the types only: nothing calls an aggregate, and nothing can. */
  (never: never): never;
}

/** Most bytes of the state of an aggregate that holds a number or two: an exact sum and its count. */
export const smallStateBytes = 1600;

/**
 * Hides an aggregate's own types. This is sound, because only the aggregate's own functions see its inputs and states.
 */
export function opaque<Event, Input, State, Result extends Json>(
  aggregate: Aggregate<Event, Input, State, Result>,
): AggregateOf<Event, Result> {
  return aggregate as unknown as AggregateOf<Event, Result>;
}

/** The input of an event without a value. */
export const none = { kind: 'none' } as const;

/** The error for a state that `encode` never gave: the item that holds it is corrupt. */
export function corrupt(json: unknown): Error {
  return new Error(`not the state of an aggregate: ${(JSON.stringify(json) ?? typeof json).slice(0, 80)}`);
}

/** The number that a state is. @throws when it is not a number */
export function numberIn(json: unknown): number {
  if (typeof json !== 'number') throw corrupt(json);
  return json;
}

/** The count that a state is: a whole number that is not negative. @throws when it is not a count */
export function countIn(json: unknown): number {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) throw corrupt(json);
  return json;
}

/** The list that a state is. @throws when it is not a list */
export function listIn(json: unknown): readonly Json[] {
  if (!Array.isArray(json)) throw corrupt(json);
  return json;
}
