import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { App, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { settingsOf } from './app-settings.ts';
import { EventTimeAggregation } from './event-time-aggregation.ts';
import { addOutputs } from './outputs.ts';

const app = new App();
const { stackName, pipeline, stage, shards, windowsTable, operations, ingest, objects, changesStream } = settingsOf(
  (name) => app.node.tryGetContext(name),
  process.cwd(),
);
const stack = new Stack(app, stackName, { description: `Tidemark: ${stackName}` });
const counts = new EventTimeAggregation(stack, 'Counts', {
  pipeline,
  removalPolicy: stage === 'prod' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  ...(shards === undefined ? {} : { shards }),
  ...(windowsTable === undefined ? {} : { windowsTable: Table.fromTableName(stack, 'WindowsTable', windowsTable) }),
  ingest,
  ...(objects === undefined
    ? {}
    : { objects: { ...objects, bucket: Bucket.fromBucketName(stack, 'Bucket', objects.bucket) } }),
  ...(changesStream === undefined ? {} : { changes: { table: tableOf(changesStream) } }),
  ...(operations ? {} : { alarms: false, accessLogs: false }),
});
addOutputs(stack, counts);

function tableOf(tableStreamArn: string) {
  return Table.fromTableAttributes(stack, 'Changes', {
    tableArn: tableStreamArn.replace(/\/stream\/.*$/, ''),
    tableStreamArn,
  });
}
