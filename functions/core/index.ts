/** What a pipeline is written with: `import { count, definePipeline, tumbling } from 'tidemark'`. */
export {
  type Aggregate,
  type AggregateInput,
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
  defineAggregate,
  first,
  type HistogramResult,
  histogram,
  type Json,
  last,
  max,
  min,
  type NumberOf,
  type PercentileOptions,
  percentiles,
  type Scalar,
  type ScalarOf,
  type Spread,
  stddev,
  sum,
  type TopKOptions,
  topK,
  variance,
} from './aggregate.ts';
export { type CalendarOptions, type CalendarUnit, calendar, type Weekday } from './calendar.ts';
export { cumulate } from './cumulate.ts';
export type { Duration } from './duration.ts';
export { TidemarkError } from './error.ts';
export type { EventIdValue } from './event-id.ts';
export type { EventTimeUnit, EventTimeValue } from './event-time.ts';
export { global } from './global.ts';
export type { GroupSelector, GroupValue } from './group-key.ts';
export { cube, type Grouping, rollup } from './grouping.ts';
export {
  type KeyOf,
  type Lookup,
  type LookupKey,
  type LookupOptions,
  lookup,
  type TableLookupOptions,
  type UnknownKey,
} from './lookup.ts';
export { type LookupTable, type TableLookup, table } from './lookup-table.ts';
export type { OutputMode } from './output-mode.ts';
export { type DedupSpec, definePipeline, type Pipeline, type PipelineSpec, type QuerySpec } from './pipeline.ts';
export { type SessionOptions, session } from './session.ts';
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
} from './sink.ts';
export { sliding } from './sliding.ts';
export { tumbling } from './tumbling.ts';
export type { SessionRule, Window, WindowKind } from './window.ts';
export type { WindowOptions } from './window-edges.ts';
