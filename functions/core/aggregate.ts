/** The aggregates, each in a file of its own, and what they have in common. */
export {
  type Aggregate,
  type AggregateInput,
  type AnyAggregate,
  type Json,
  smallStateBytes,
} from './aggregates/aggregate.ts';
export { type ApproxOptions, approxCountDistinct } from './aggregates/approx-count-distinct.ts';
export { collectSet } from './aggregates/collect-set.ts';
export { count } from './aggregates/count.ts';
export { countDistinct, type DistinctOptions } from './aggregates/count-distinct.ts';
export { countIf } from './aggregates/count-if.ts';
export { type AggregateSpec, defineAggregate } from './aggregates/define-aggregate.ts';
export { max, min } from './aggregates/extreme.ts';
export { type HistogramResult, histogram } from './aggregates/histogram.ts';
export { type AggregateKind, aggregateKinds } from './aggregates/kinds.ts';
export type { NumberOf } from './aggregates/number-input.ts';
export { type PercentileOptions, percentiles } from './aggregates/percentiles.ts';
export type { Scalar, ScalarOf } from './aggregates/scalar.ts';
export { type Amount, type AmountOf, avg, sum } from './aggregates/sum.ts';
export { type TopKOptions, topK } from './aggregates/top-k.ts';
export { argMax, argMin, first, last } from './aggregates/value-at.ts';
export { type Spread, stddev, variance } from './aggregates/variance.ts';
