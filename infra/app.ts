import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { App, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { EventTimeAggregation } from './event-time-aggregation.ts';
import { addOutputs } from './outputs.ts';
import { settingsOf } from './settings.ts';

const app = new App();
const { stackName, pipeline, stage, shards, windowsTable, operations } = settingsOf((name) => app.node.tryGetContext(name), process.cwd());
const stack = new Stack(app, stackName, { description: `Tidemark: ${stackName}` });
const counts = new EventTimeAggregation(stack, 'Counts', {
  pipeline,
  removalPolicy: stage === 'prod' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  ...(shards === undefined ? {} : { shards }),
  ...(windowsTable === undefined ? {} : { windowsTable: Table.fromTableName(stack, 'WindowsTable', windowsTable) }),
  ...(operations ? {} : { alarms: false, accessLogs: false }),
});
addOutputs(stack, counts);
