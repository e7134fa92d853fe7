/** The test kit: `import { testPipeline } from 'tidemark/testing'`. */
export type { Counters, QueryCounters } from '../core/events/counters.ts';
export type { RejectReason } from '../core/fold/read-event.ts';
export type { PaneStatus } from '../state/windows/pane.ts';
export type { Moment } from './moment.ts';
export type {
  Conservation,
  PaneRow,
  PipelineRun,
  PutOptions,
  ResultPane,
  ResultRow,
  ResultWindow,
} from './pipeline-run.ts';
export type { Deliveries, RunOptions } from './run-options.ts';
export type { LateEvent, RejectedEvent } from './side-events.ts';
export { type FiniteOptions, runPipeline, testPipeline } from './test-pipeline.ts';
