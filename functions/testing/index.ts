/** The test kit: `import { testPipeline } from 'tidemark/testing'`. */
export type { Moment } from './moment.ts';
export type {
  Conservation,
  PaneRow,
  PipelineRun,
  PutOptions,
  QueryName,
  ResultPane,
  ResultRow,
  ResultWindow,
} from './pipeline-run.ts';
export type { Deliveries, RunOptions } from './run-options.ts';
export type { LateEvent, RejectedEvent } from './side-events.ts';
export { type FiniteOptions, runPipeline, testPipeline } from './test-pipeline.ts';
