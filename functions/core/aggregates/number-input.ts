import { checkedFunction } from '../arguments/checked-function.ts';
import { valueText } from '../arguments/error.ts';
import { fieldGivenBy, reading } from '../arguments/field-given-by.ts';
import { isLongNumber } from '../events/exact-number.ts';
import {
  type Aggregate,
  type AggregateInput,
  type AggregateOf,
  type AnyAggregate,
  type Json,
  none,
  opaque,
} from './aggregate.ts';

/**
 * A function of the event that gives the number for an aggregate of numbers, where no field holds it. Must be pure.
 * Null and undefined are left out, as in SQL. NaN, infinities and other types reject the event.
 */
export type NumberOf<Event> = (event: Event) => number | null | undefined;

/**
 * An event that may have a value of a type under a name. (`& object`: {@link NamedAggregate} checks the name, in one of
 * the event's forms.)
 */
export type Field<Name extends string, Value> = { readonly [Key in Name]?: Value | null | undefined } & object;

/** An aggregate of numbers, as {@link min} and its like are called. */
export interface NumberAggregate<Result extends Json> {
  <const Name extends string>(field: Name): AnyAggregate<Field<Name, number>, Result>;
  <Event>(select: NumberOf<Event>): AggregateOf<Event, Result>;
}

/**
 * The function that finds a value, from the name of a field or a function of the event; with the name, for the lock,
 * and with the one field that it reads, where that is known.
 * @throws TidemarkError when it is neither
 */
export function selector<Value>(
  kind: string,
  of: string | ((event: never) => Value),
): {
  readonly select: (event: unknown) => unknown;
  readonly named: { readonly field?: string };
  readonly reads: string | undefined;
} {
  if (typeof of === 'string')
    return { select: (event) => (event as Readonly<Record<string, unknown>>)[of], named: { field: of }, reads: of };
  return { select: checkedFunction(kind, of), named: {}, reads: fieldGivenBy(of) };
}

/** All parts of an aggregate but the source of its value. */
export type States<Input, State, Result extends Json> = Omit<
  Aggregate<unknown, Input, State, Result>,
  'input' | 'field'
>;

/** An aggregate of the numbers that a selector finds. */
export function ofNumbers<Event, State, Result extends Json>(
  of: string | ((event: never) => unknown),
  states: States<number, State, Result>,
): AggregateOf<Event, Result> {
  const { select, named, reads } = selector(states.kind, of);
  return opaque<Event, number, State, Result>({
    ...states,
    ...named,
    input: reading((event: Event) => numberInput(states.kind, select(event)), [reads]),
  });
}

/** An aggregate of numbers without parameters. */
export function numberAggregate<State, Result extends Json>(
  states: States<number, State, Result>,
): NumberAggregate<Result> {
  return <Event>(of: string | NumberOf<Event>) => ofNumbers<Event, State, Result>(of, states);
}

/** A number, nothing, or the reason why the event is refused. */
export function numberInput(kind: string, value: unknown): AggregateInput<number> {
  if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'value', value };
  if (value === null || value === undefined) return none;
  if (isLongNumber(value))
    return {
      kind: 'refused',
      reason: `${kind} of ${valueText(value)}, which has more digits than a double keeps: let the schema convert it`,
    };
  return refusal(kind, value);
}

/** Refuses an event because of the value that an aggregate found in it. */
export function refusal(kind: string, value: unknown): AggregateInput<never> {
  return { kind: 'refused', reason: `${kind} of ${typeof value === 'number' ? value : typeof value}` };
}
