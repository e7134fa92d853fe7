/** What an app of one's own imports: `import { EventTimeAggregation } from 'tidemark/cdk'`. */
export type { AlarmSettings, PipelineAlarms } from './alarms.ts';
export { type EntryFiles, EventTimeAggregation, type EventTimeAggregationProps } from './event-time-aggregation.ts';
export { type KafkaProps, kafka, type SourceDefinition } from './kafka-source.ts';
export type { PipelineMetrics } from './metrics.ts';
export { addOutputs } from './outputs.ts';
export type { FunctionBinding, SinkBinding, WebhookBinding } from './sink-target.ts';
export type { Backlog, FunctionNetwork, PipelineSource, SourceMapping } from './source.ts';
export type { ChangesSource, ObjectsSource, PipelineSources, SourceProps } from './sources.ts';
