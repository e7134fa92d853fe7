/** The aggregates, each in a file of its own, and the parts that they share. */
export {
  type Aggregate,
  type AggregateInput,
  type AggregateOf,
  type AnyAggregate,
  type Json,
  smallStateBytes,
} from './aggregate.ts';
export { type ApproxOptions, approxCountDistinct } from './approx-count-distinct.ts';
export { collectSet, type SetResult } from './collect-set.ts';
export { count } from './count.ts';
export { countDistinct, type DistinctOptions, type DistinctResult } from './count-distinct.ts';
export { countIf } from './count-if.ts';
export { type AggregateSpec, defineAggregate } from './define-aggregate.ts';
export { max, min } from './extreme.ts';
export { type HistogramResult, histogram } from './histogram.ts';
export { type AggregateKind, aggregateKinds } from './kinds.ts';
export type { Field, NumberOf } from './number-input.ts';
export { type PercentileOptions, type PercentilesResult, percentiles } from './percentiles.ts';
export type { Scalar, ScalarOf } from './scalar.ts';
export { type Amount, type AmountOf, avg, sum } from './sum.ts';
export { type TopKOptions, type TopKResult, topK } from './top-k.ts';
export { argMax, argMin, first, last } from './value-at.ts';
export { type Spread, stddev, variance } from './variance.ts';
