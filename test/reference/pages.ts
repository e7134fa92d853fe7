import type { ApiPage } from './api-page.ts';

/** The pages of the reference that are made of doc comments, in the order of the index. */
export const apiPages: readonly ApiPage[] = [
  {
    file: 'reference/dsl.md',
    title: 'The DSL',
    module: 'tidemark',
    entry: 'functions/core/index.ts',
    intro:
      "What a pipeline is written with: `import { count, definePipeline, tumbling } from 'tidemark'`. All of it runs when the " +
      'pipeline is loaded. A mistake throws a {@link TidemarkError}, one line that names the field, the value and the remedy. ' +
      'Times are epoch milliseconds wherever nothing else is said.',
    unnamed: [
      'Added',
      'EnrichedEvent',
      'Field',
      'FieldNames',
      'Kept',
      'NamedAggregate',
      'OnlySettings',
      'Overflow',
      'ResultOf',
      'Unit',
    ],
    opaque: [
      'Pipeline',
      'WindowKind',
      'SessionRule',
      'Aggregate',
      'AggregateInput',
      'AggregateOf',
      'AnyAggregate',
      'Lookup',
      'TableLookup',
      'LookupTable',
      'Grouping',
      'SinkSpec',
    ],
    sections: [
      {
        title: 'Pipelines',
        intro: 'A pipeline is the default export of a file. Its queries share one stream and one watermark.',
        files: [
          'functions/core/definition/define-pipeline',
          'functions/core/definition/pipeline',
          'functions/core/definition/results',
          'functions/core/events/event-',
        ],
        first: ['definePipeline', 'PipelineSpec', 'QuerySpec', 'DedupSpec'],
      },
      {
        title: 'Windows',
        intro: 'A window is `[start, end)`: its end is exclusive. A query has one kind of windows.',
        files: ['functions/core/windows/'],
        first: ['tumbling', 'sliding', 'cumulate', 'session', 'calendar', 'global'],
      },
      {
        title: 'Aggregates',
        intro:
          'Each takes the name of a field, or a pure function of the event. Null and undefined are left out, as in SQL. A value that an ' +
          'aggregate cannot take rejects the event. In signatures `Event` is the output of the schema, and `Name` the name of one of ' +
          'its fields; type parameters are left out. Results, sizes and errors of all of them: [AGGREGATES.md](../AGGREGATES.md).',
        files: ['functions/core/aggregates/'],
      },
      {
        title: 'Group by',
        intro: 'The values by which a query groups, and totals over some of them.',
        files: ['functions/core/definition/group', 'functions/core/events/group-key'],
      },
      {
        title: 'Lookups',
        intro:
          'More fields for events, from rows that go with the pipeline, or from a table that changes while it runs.',
        files: ['functions/core/definition/lookup', 'functions/core/definition/enriched'],
      },
      {
        title: 'Sinks',
        intro:
          'Where results go besides the windows table. Guarantees, formats and permissions: [SINKS.md](../SINKS.md).',
        files: ['functions/core/definition/sink', 'functions/core/results/'],
      },
      {
        title: 'Durations and errors',
        intro: 'Lengths of time are written with their unit.',
        files: ['functions/core/arguments/'],
      },
    ],
  },
  {
    file: 'reference/testing.md',
    title: 'The test kit',
    module: 'tidemark/testing',
    entry: 'functions/testing/index.ts',
    intro:
      "A pipeline in memory, for tests: `import { runPipeline, testPipeline } from 'tidemark/testing'`. It is the production " +
      'code over a table in memory, without the AWS SDK and without a network.',
    unnamed: [],
    opaque: [],
    sections: [
      {
        title: 'Running a pipeline',
        intro: 'One call for events that are all there, and one for tests in which time passes.',
        files: ['functions/testing/test-pipeline', 'functions/testing/run-options', 'functions/testing/moment'],
        first: ['runPipeline', 'testPipeline'],
      },
      {
        title: 'A run',
        intro: 'What a test does with it, and what it reads of it.',
        files: ['functions/testing/', 'functions/core/', 'functions/state/'],
        first: ['PipelineRun', 'PutOptions'],
      },
    ],
  },
  {
    file: 'reference/cdk.md',
    title: 'The CDK construct',
    module: 'tidemark/cdk',
    entry: 'infra/cdk.ts',
    intro: "A pipeline in an app of yours: `import { EventTimeAggregation } from 'tidemark/cdk'`.",
    unnamed: [],
    opaque: [
      'PipelineAlarms',
      'PipelineApi',
      'PipelineSources',
      'PipelineSource',
      'SourceMapping',
      'Backlog',
      'PipelineFunction',
    ],
    sections: [
      {
        title: 'The construct',
        intro: 'One construct deploys one pipeline.',
        files: [
          'infra/event-time-aggregation',
          'infra/outputs',
          'infra/pipeline-api',
          'infra/functions/',
          'functions/core/deployment/',
        ],
        first: ['EventTimeAggregation', 'EventTimeAggregationProps'],
      },
      {
        title: 'Sources',
        intro: 'Where events come from: [SOURCES.md](../SOURCES.md).',
        files: ['infra/sources/', 'functions/core/definition/kafka-source'],
      },
      {
        title: 'Sinks',
        intro: 'What the sinks of the pipeline are bound to: [SINKS.md](../SINKS.md).',
        files: ['infra/sinks/'],
      },
      {
        title: 'Monitoring',
        intro: 'Metrics and alarms, and what to do when one rings: [OPERATIONS.md](../OPERATIONS.md).',
        files: ['infra/monitoring/'],
      },
    ],
  },
];
