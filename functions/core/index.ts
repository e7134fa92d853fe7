/** What a pipeline is written with: `import { count, definePipeline, tumbling } from 'tidemark'`. */
export { type Aggregate, type AggregateInput, type AnyAggregate, avg, count, type Json, max, min, type NumberOf, sum } from './aggregate.ts';
export { type CalendarOptions, type CalendarUnit, calendar, type Weekday } from './calendar.ts';
export { cumulate } from './cumulate.ts';
export type { Duration } from './duration.ts';
export { TidemarkError } from './error.ts';
export type { EventIdValue } from './event-id.ts';
export type { EventTimeUnit, EventTimeValue } from './event-time.ts';
export { global } from './global.ts';
export type { GroupSelector, GroupValue } from './group-key.ts';
export { cube, type Grouping, rollup } from './grouping.ts';
export type { OutputMode } from './output-mode.ts';
export { type DedupSpec, definePipeline, type Pipeline, type PipelineSpec, type QuerySpec } from './pipeline.ts';
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
export type { Window, WindowKind } from './window.ts';
export type { WindowOptions } from './window-edges.ts';
