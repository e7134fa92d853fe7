import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { type App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { settingsOf } from './app-settings.ts';
import { defined } from './defined.ts';
import { EventTimeAggregation } from './event-time-aggregation.ts';
import { addOutputs } from './outputs.ts';

/**
 * Adds the stack that an app's context asks for.
 * @param root the folder that holds `pipelines/`; a relative path starts there
 * @throws TidemarkError naming the setting that cannot be used
 */
export function addDeployment(app: App, root: string): EventTimeAggregation {
  const settings = settingsOf(app.node.getAllContext(), root);
  const { stackName, pipeline, stage, operations, alarmTopic } = settings;
  const stack = new Stack(app, stackName, { description: `Tidemark: ${stackName}` });
  const isKept = (settings.removalPolicy ?? (stage === 'prod' ? 'retain' : 'destroy')) === 'retain';
  const counts = new EventTimeAggregation(
    stack,
    'Counts',
    defined({
      pipeline,
      removalPolicy: isKept ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      shards: settings.shards,
      streamRetention: span(settings.streamRetentionMs),
      batchSize: settings.batchSize,
      batchWindow: span(settings.batchWindowMs),
      schedule: span(settings.scheduleMs),
      finalizeConcurrency: settings.finalizeConcurrency,
      finalizeTasks: settings.finalizeTasks,
      functionSettings: Object.fromEntries(
        Object.entries(settings.functionSettings).map(([name, { memoryMb, timeoutMs }]) => [
          name,
          defined({ memoryMb, timeout: span(timeoutMs) }),
        ]),
      ),
      architecture:
        settings.architecture && { arm64: Architecture.ARM_64, x86_64: Architecture.X86_64 }[settings.architecture],
      tracing: settings.tracing,
      windowsTable:
        settings.windowsTable === undefined
          ? undefined
          : Table.fromTableName(stack, 'ExistingWindows', settings.windowsTable),
      ingest: settings.ingest,
      objects: settings.objects && {
        ...settings.objects,
        bucket: Bucket.fromBucketName(stack, 'Bucket', settings.objects.bucket),
      },
      changes: settings.changesStream === undefined ? undefined : { table: tableOf(stack, settings.changesStream) },
      accessLogs: operations,
      alarms: operations && {
        actions: alarmTopic === undefined ? [] : [new SnsAction(Topic.fromTopicArn(stack, 'AlarmTopic', alarmTopic))],
      },
    }),
  );
  addOutputs(stack, counts);
  return counts;
}

function span(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : Duration.millis(ms);
}

function tableOf(stack: Stack, tableStreamArn: string) {
  return Table.fromTableAttributes(stack, 'Changes', {
    tableArn: tableStreamArn.replace(/\/stream\/.*$/, ''),
    tableStreamArn,
  });
}
