import type { Json } from '../aggregates/index.ts';
import type { GroupValue } from '../events/group-key.ts';
import type { Grouping } from './grouping.ts';
import type { QueryResult, QuerySpec } from './pipeline.ts';

/** The value of a group-by field as a key holds it: null where the event has none. */
type KeyValue<Value> = undefined extends Value ? Exclude<Value, undefined> | null : Value;

/** The type of an event's field, in each of the forms that have it; null in the others. */
type FieldOf<Event, Name> = Event extends unknown ? (Name extends keyof Event ? KeyValue<Event[Name]> : null) : never;

/** The key of a group-by: of names, of names with totals, where a total lacks fields, or of functions by name. */
type KeyOf<Event, GroupBy> = GroupBy extends readonly (infer Name extends string)[]
  ? { readonly [Field in Name]: FieldOf<Event, Field> & GroupValue }
  : GroupBy extends Grouping<infer Name>
    ? { readonly [Field in Name]?: FieldOf<Event, Field> & GroupValue }
    : {
        readonly [Field in keyof GroupBy]: GroupBy[Field] extends (...given: never) => infer Value
          ? KeyValue<Value> & GroupValue
          : GroupValue;
      };

type ResultOf<One> = One extends { readonly results?: infer Result } ? (Result extends Json ? Result : Json) : Json;

/** The types of the rows of queries as they are written. */
export type ResultsOf<Event, Queries> = {
  readonly [Name in keyof Queries & string]: {
    readonly key: Queries[Name] extends { readonly groupBy: infer GroupBy }
      ? KeyOf<Event, GroupBy>
      : Readonly<Record<never, never>>;
    readonly values: Queries[Name] extends { readonly aggregates: infer Aggregates }
      ? { readonly [One in keyof Aggregates & string]: ResultOf<Aggregates[One]> }
      : QueryResult['values'];
  };
};

/** Refuses members of a query that are not settings; a type parameter alone takes any. */
export type OnlySettings<Queries> = {
  readonly [Name in keyof Queries]: {
    readonly [Other in Exclude<keyof Queries[Name], keyof QuerySpec<never>>]: { readonly isNotASetting: never };
  };
};
