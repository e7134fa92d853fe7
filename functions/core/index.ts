/**
 * The functions and types with which a pipeline is written: `import { count, definePipeline, tumbling } from
 * 'tidemark'`.
 */
export {
  type Aggregate,
  type AggregateInput,
  type AggregateOf,
  type AggregateSpec,
  type Amount,
  type AmountOf,
  type AnyAggregate,
  type ApproxOptions,
  approxCountDistinct,
  argMax,
  argMin,
  avg,
  collectSet,
  count,
  countDistinct,
  countIf,
  type DistinctOptions,
  type DistinctResult,
  defineAggregate,
  type Field,
  first,
  type HistogramResult,
  histogram,
  type Json,
  last,
  max,
  min,
  type NumberOf,
  type PercentileOptions,
  type PercentilesResult,
  percentiles,
  type Scalar,
  type ScalarOf,
  type SetResult,
  type Spread,
  stddev,
  sum,
  type TopKOptions,
  type TopKResult,
  topK,
  variance,
} from './aggregates/index.ts';
export { type Duration, type DurationInMs, type DurationText, duration } from './arguments/duration.ts';
export { TidemarkError } from './arguments/error.ts';
export { definePipeline } from './definition/define-pipeline.ts';
export type { LookupKey } from './definition/enriched.ts';
export { cube, type Grouping, rollup } from './definition/grouping.ts';
export {
  type KeyOf,
  type Lookup,
  type LookupOptions,
  lookup,
  type TableLookupOptions,
  type UnknownKey,
} from './definition/lookup.ts';
export { type LookupTable, type TableLookup, table } from './definition/lookup-table.ts';
export type {
  DedupSpec,
  EventOf,
  GroupFields,
  GroupSelectors,
  Pipeline,
  PipelineResults,
  PipelineSpec,
  QueryResult,
  QuerySpec,
} from './definition/pipeline.ts';
export type { ResultsOf } from './definition/results.ts';
export {
  type DeliveredWindow,
  type Delivery,
  dynamodb,
  eventBridge,
  file,
  forEachWindow,
  kinesis,
  type SinkKind,
  type SinkOptions,
  type SinkSpec,
  s3,
  sns,
  sqs,
  type WindowFileFormat,
  type WindowFunction,
  webhook,
} from './definition/sink.ts';
export type { EventIdValue } from './events/event-id.ts';
export type { EventTimeUnit, EventTimeValue } from './events/event-time.ts';
export type { GroupSelector, GroupValue } from './events/group-key.ts';
export type { OutputMode } from './results/output-mode.ts';
export type { Row } from './results/row.ts';
export { type CalendarOptions, type CalendarUnit, calendar, type Weekday } from './windows/calendar.ts';
export { cumulate } from './windows/cumulate.ts';
export { global } from './windows/global.ts';
export { type SessionOptions, session } from './windows/session.ts';
export { sliding } from './windows/sliding.ts';
export { type TumblingOptions, tumbling } from './windows/tumbling.ts';
export type { SessionRule, Window, WindowKind } from './windows/window.ts';
export type { WindowOptions } from './windows/window-edges.ts';
