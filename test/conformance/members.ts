import type { Aggregate, AnyAggregate, Json } from '../../functions/core/aggregates/index.ts';

/** A record of a window, as its place among all events of the vector and the event time or value that stands for it. */
export type Member = readonly [place: number, element: Json];

/**
 * The records of a window in the order of their arrival, as Beam's `values` and Kafka's `concat` show them. The
 * aggregate lives here because its state grows with the records. It goes through entries, segments and merging like
 * every other aggregate.
 */
export function members(select: (event: unknown) => Member): AnyAggregate<unknown> {
  const sorted = (list: readonly Member[]) => [...list].sort(([left], [right]) => left - right);
  const aggregate: Aggregate<unknown, Member, readonly Member[], Json> = {
    kind: 'members',
    input: (event) => ({ kind: 'value', value: select(event) }),
    identity: [],
    add: (state, member) => sorted([...state, member]),
    merge: (left, right) => sorted([...left, ...right]),
    encode: (state) => state,
    decode: membersOf,
    result: (state) => state,
  };
  return aggregate as unknown as AnyAggregate<unknown>;
}

/** Reads the result of {@link members} back. @throws for any other value */
export function membersOf(json: Json | undefined): readonly Member[] {
  if (!Array.isArray(json)) throw new Error(`not a list of members: ${JSON.stringify(json)}`);
  return json.map((member: Json) => {
    if (!Array.isArray(member) || typeof member[0] !== 'number')
      throw new Error(`not a member: ${JSON.stringify(member)}`);
    return [member[0], member[1] ?? null];
  });
}
