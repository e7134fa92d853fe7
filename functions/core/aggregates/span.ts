import type { Json } from './aggregate.ts';

/**
 * The span of a session's records: from when to when they are, epoch ms, and how many. A partial aggregate of a session
 * query holds it beside the states of its aggregates.
 */
export interface Span {
  readonly least: number;
  readonly greatest: number;
  readonly records: number;
}

const none: Span = { least: Number.POSITIVE_INFINITY, greatest: Number.NEGATIVE_INFINITY, records: 0 };

/**
 * The span of the records, an aggregate without a name for session queries. Its state stands behind those of the other
 * aggregates. It goes through folds, entries, segments and merges as they do, and is not in any result. A window that
 * is read back from its rows alone has no span, and needs none.
 */
export const span = {
  identity: none,
  /** @param time of the record, epoch ms */
  add: ({ least, greatest, records }: Span, time: number): Span => ({
    least: Math.min(least, time),
    greatest: Math.max(greatest, time),
    records: records + 1,
  }),
  merge: (left: Span, right: Span): Span => ({
    least: Math.min(left.least, right.least),
    greatest: Math.max(left.greatest, right.greatest),
    records: left.records + right.records,
  }),
  encode: ({ least, greatest, records }: Span): Json => (records === 0 ? null : [least, greatest - least, records]),
  decode: decoded,
} as const;

/** The type of {@link span}. */
export type SpanAggregate = typeof span;

function decoded(json: Json): Span {
  if (json === null) return none;
  const [least, length, records] = Array.isArray(json) ? (json as readonly Json[]) : [];
  if (typeof least !== 'number' || typeof length !== 'number' || typeof records !== 'number')
    throw new Error(`not the span of a session: ${JSON.stringify(json)}`);
  return { least, greatest: least + length, records };
}
