import type { Aggregate, AnyAggregate, Json } from './index.ts';

/**
 * What a partial aggregate of a session query holds beside the states of its aggregates: from when to when its records
 * are, epoch ms, and how many.
 */
export interface Span {
  readonly least: number;
  readonly greatest: number;
  readonly records: number;
}

const none: Span = { least: Number.POSITIVE_INFINITY, greatest: Number.NEGATIVE_INFINITY, records: 0 };

/**
 * The span of the records as an aggregate without a name, the last one of a session query: it goes through folds,
 * pages, shards and merges as every other does, and is in no result. A window that is read back from its rows alone has
 * none, and needs none.
 */
export function span(): AnyAggregate<unknown> {
  const aggregate: Aggregate<unknown, number, Span, null> = {
    kind: 'span',
    input: (_event, time) => ({ kind: 'value', value: time }),
    identity: none,
    add: ({ least, greatest, records }, time) => ({
      least: Math.min(least, time),
      greatest: Math.max(greatest, time),
      records: records + 1,
    }),
    merge: (left, right) => ({
      least: Math.min(left.least, right.least),
      greatest: Math.max(left.greatest, right.greatest),
      records: left.records + right.records,
    }),
    encode: ({ least, greatest, records }) => (records === 0 ? null : [least, greatest - least, records]),
    decode: decoded,
    result: () => null,
    stateOf: () => none,
  };
  return aggregate as unknown as AnyAggregate<unknown>;
}

function decoded(json: Json): Span {
  if (json === null) return none;
  const [least, length, records] = Array.isArray(json) ? (json as readonly Json[]) : [];
  if (typeof least !== 'number' || typeof length !== 'number' || typeof records !== 'number')
    throw new Error(`not the span of a session: ${JSON.stringify(json)}`);
  return { least, greatest: least + length, records };
}
