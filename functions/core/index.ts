/** What a pipeline is written with: `import { count, definePipeline, tumbling } from 'tidemark'`. */
export { type Aggregate, type AggregateInput, type AnyAggregate, avg, count, type Json, max, min, type NumberOf, sum } from './aggregate.ts';
export type { Duration } from './duration.ts';
export { TidemarkError } from './error.ts';
export type { EventIdValue } from './event-id.ts';
export type { EventTimeUnit, EventTimeValue } from './event-time.ts';
export type { GroupSelector, GroupValue } from './group-key.ts';
export { type DedupSpec, definePipeline, type Pipeline, type PipelineSpec, type QuerySpec } from './pipeline.ts';
export { type TumblingOptions, tumbling, type Window, type WindowKind } from './window.ts';
