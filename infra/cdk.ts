/** The exports for a user's own app: `import { EventTimeAggregation } from 'tidemark/cdk'`. */

export type { KafkaAuthentication } from '../functions/core/definition/kafka-source.ts';
export type { FunctionName } from '../functions/core/deployment/settings.ts';
export type { TableName } from '../functions/core/deployment/tables.ts';
export {
  type EntryFiles,
  EventTimeAggregation,
  type EventTimeAggregationProps,
  type FunctionSettings,
} from './event-time-aggregation.ts';
export type { FunctionNetwork } from './functions/function-network.ts';
export type { PipelineFunction } from './functions/pipeline-function.ts';
export type { AlarmSettings, PipelineAlarms } from './monitoring/alarms.ts';
export type { Backlog } from './monitoring/backlog.ts';
export type { PipelineMetrics } from './monitoring/metrics.ts';
export { addOutputs } from './outputs.ts';
export type { PipelineApi } from './pipeline-api.ts';
export type { FunctionBinding, SinkBinding, WebhookBinding } from './sinks/sink-target.ts';
export { type KafkaProps, kafka, type SourceDefinition } from './sources/kafka-source.ts';
export type { PipelineSource, SourceMapping } from './sources/pipeline-source.ts';
export type { ChangesSource, ObjectsSource, PipelineSources, SourceProps } from './sources/sources.ts';
