/** The shape of an aggregate's result. It decides how the result is described, ranked and typed. */
export type ResultShape =
  | 'count' // a whole number
  | 'number' // a double, or null
  | 'exact number' // a number, the text of one that no double holds, or null
  | 'value' // text, a number, a boolean, null, or the length of a value that was too long
  | 'bounded count' // a whole number, or { atLeast, overflow }
  | 'set'
  | 'percentiles'
  | 'items'
  | 'histogram';

/**
 * The aggregates by name, each with the shape of its result and how it is called. Messages, the API's description, the
 * tests and docs/AGGREGATES.md all follow this one list.
 */
export const aggregateKinds = {
  count: { call: 'count()', result: 'count' },
  countIf: { call: 'countIf(where)', result: 'count' },
  sum: { call: "sum('field')", result: 'exact number' },
  avg: { call: "avg('field')", result: 'number' },
  min: { call: "min('field')", result: 'number' },
  max: { call: "max('field')", result: 'number' },
  variance: { call: "variance('field')", result: 'number' },
  stddev: { call: "stddev('field')", result: 'number' },
  first: { call: "first('field')", result: 'value' },
  last: { call: "last('field')", result: 'value' },
  argMin: { call: "argMin('field', 'by')", result: 'value' },
  argMax: { call: "argMax('field', 'by')", result: 'value' },
  countDistinct: { call: "countDistinct('field')", result: 'bounded count' },
  approxCountDistinct: { call: "approxCountDistinct('field')", result: 'count' },
  collectSet: { call: "collectSet('field', limit)", result: 'set' },
  percentiles: { call: "percentiles('field', [0.5, 0.99])", result: 'percentiles' },
  topK: { call: "topK('field', k)", result: 'items' },
  histogram: { call: "histogram('field', edges)", result: 'histogram' },
} as const satisfies Readonly<Record<string, { readonly call: string; readonly result: ResultShape }>>;

/** The name of one of the aggregates. */
export type AggregateKind = keyof typeof aggregateKinds;
