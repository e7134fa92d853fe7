import { CfnOutput, type Stack } from 'aws-cdk-lib/core';
import type { EventTimeAggregation } from './event-time-aggregation.ts';

/**
 * Adds the names that scripts and the command line need as outputs of the stack (`cdk deploy --outputs-file`). They
 * belong to the stack and not to the construct. So their names are plain, and a user's own app can hold several
 * constructs.
 */
export function addOutputs(
  stack: Stack,
  { api, source, tables, functions, sources, sinks, sinkTargets }: EventTimeAggregation,
): void {
  const outputs: Readonly<Record<string, string>> = {
    ApiUrl: api.url,
    ApiId: api.restApiId,
    ApiStage: api.deploymentStage.stageName,
    [source.output.name]: source.output.value,
    StateTable: tables.state.tableName,
    WindowsTable: tables.windows.tableName,
    RejectsTable: tables.rejects.tableName,
    AggregateFunction: functions.aggregate.functionName,
    FinalizeFunction: functions.finalize.functionName,
    QueryFunction: functions.query.functionName,
    ...(sources.functions.ingest === undefined ? {} : { IngestFunction: sources.functions.ingest.functionName }),
    ...(sources.functions.objects === undefined ? {} : { ObjectsFunction: sources.functions.objects.functionName }),
    ...(sources.functions.changes === undefined ? {} : { ChangesFunction: sources.functions.changes.functionName }),
    ...(sources.queues === undefined
      ? {}
      : { ObjectsQueue: sources.queues.objects.queueUrl, ObjectsFailedQueue: sources.queues.failed.queueUrl }),
    ...Object.fromEntries(
      Object.entries(sinks).map(([name, deliver]) => [`Deliver${capitalized(name)}Function`, deliver.functionName]),
    ),
    ...Object.fromEntries(Object.entries(sinkTargets).map(([name, target]) => [`Sink${capitalized(name)}`, target])),
  };
  for (const [name, value] of Object.entries(outputs)) new CfnOutput(stack, name, { value });
}

const capitalized = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
