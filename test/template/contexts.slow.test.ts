import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { contextNames } from '../../infra/app-settings.ts';
import { addDeployment } from '../../infra/deployment.ts';
import { newApp } from './synth.ts';

/** Each context as a command line gives it, and a resource that shows it in the template. */
const cases: readonly (readonly [context: Readonly<Record<string, string>>, type: string, properties: object])[] = [
  [{ pipeline: 'clicks-by-session' }, 'AWS::ApiGateway::RestApi', {}],
  [{ stage: 'prod' }, 'AWS::DynamoDB::Table', { DeletionProtectionEnabled: true }],
  [{ removalPolicy: 'retain' }, 'AWS::DynamoDB::Table', { DeletionProtectionEnabled: true }],
  [{ shards: '4' }, 'AWS::Kinesis::Stream', { ShardCount: 4 }],
  [{ streamRetention: '3 days' }, 'AWS::Kinesis::Stream', { RetentionPeriodHours: 72 }],
  [{ batchSize: '500' }, 'AWS::Lambda::EventSourceMapping', { BatchSize: 500 }],
  [{ batchWindow: '30 seconds' }, 'AWS::Lambda::EventSourceMapping', { MaximumBatchingWindowInSeconds: 30 }],
  [{ schedule: '5 minutes' }, 'AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)' }],
  [{ finalizeConcurrency: '7' }, 'AWS::Lambda::Function', { ReservedConcurrentExecutions: 7 }],
  [{ finalizeTasks: '20' }, 'AWS::Lambda::Function', { ReservedConcurrentExecutions: 22 }],
  [{ aggregateMemory: '3008' }, 'AWS::Lambda::Function', { MemorySize: 3008 }],
  [{ aggregateTimeout: '2 minutes' }, 'AWS::Lambda::Function', { Timeout: 120 }],
  [{ finalizeMemory: '3008' }, 'AWS::Lambda::Function', { MemorySize: 3008 }],
  [{ finalizeTimeout: '5 minutes' }, 'AWS::Lambda::Function', { Timeout: 300 }],
  [{ queryMemory: '512' }, 'AWS::Lambda::Function', { MemorySize: 512 }],
  [{ queryTimeout: '10 s' }, 'AWS::Lambda::Function', { Timeout: 10 }],
  [{ architecture: 'x86_64' }, 'AWS::Lambda::Function', { Architectures: ['x86_64'] }],
  [{ tracing: 'true' }, 'AWS::Lambda::Function', { TracingConfig: { Mode: 'Active' } }],
  [{ windowsTable: 'restored' }, 'AWS::ApiGateway::RestApi', {}],
  [{ operations: 'false' }, 'AWS::ApiGateway::RestApi', {}],
  [
    { alarmTopic: 'arn:aws:sns:us-east-1:111111111111:alarms' },
    'AWS::CloudWatch::Alarm',
    { AlarmActions: ['arn:aws:sns:us-east-1:111111111111:alarms'] },
  ],
  [{ ingest: 'true' }, 'AWS::ApiGateway::Method', { HttpMethod: 'POST' }],
  [{ objectsBucket: 'incoming', objectsNotifiedBy: 'app' }, 'AWS::SQS::Queue', {}],
  [{ objectsBucket: 'incoming', objectsPrefix: 'a/', objectsSuffix: '.gz' }, 'Custom::S3BucketNotifications', {}],
  [
    { changesStream: 'arn:aws:dynamodb:us-east-1:111111111111:table/orders/stream/2026' },
    'AWS::Lambda::EventSourceMapping',
    { EventSourceArn: 'arn:aws:dynamodb:us-east-1:111111111111:table/orders/stream/2026' },
  ],
];

function synthesized(context: Readonly<Record<string, unknown>>): Template {
  const app = newApp({ 'aws:cdk:bundling-stacks': [], ...context });
  return Template.fromStack(addDeployment(app, process.cwd()).node.scope as never);
}

describe('cdk synth with a context', () => {
  it.each(cases)('%o shows in the template', (context, type, properties) => {
    synthesized(context).hasResourceProperties(type, properties);
  });

  it('is tried for every context, and each is documented', () => {
    expect([...new Set(cases.flatMap(([context]) => Object.keys(context)))].sort()).toEqual([...contextNames].sort());
    const [, settings = ''] =
      /## Settings of a deployment\n([\s\S]*?)\n## /.exec(readFileSync('docs/OPERATIONS.md', 'utf8')) ?? [];
    for (const name of contextNames) expect(settings, name).toContain(`\`${name}\``);
  });

  it('of another table reads that one, and the outputs name it', () => {
    const template = synthesized({ windowsTable: 'restored' });
    template.resourceCountIs('AWS::DynamoDB::Table', 2);
    template.hasOutput('WindowsTable', { Value: 'restored' });
  });

  it.each([
    [{ stagee: 'prod' }, '-c stagee: is not a setting of the app: did you mean stage?'],
    [{ tracing: 'yes' }, 'tracing: "yes" is neither true nor false'],
    [{ batchWindow: '30' }, 'batchWindow: "30" is not a duration'],
    [{ batchWindow: '10 minutes' }, 'batchWindow: "10 minutes" is out of bounds: give 0 to 300 whole seconds'],
    [{ architecture: 'arm' }, 'architecture: "arm" is none of arm64, x86_64'],
    [{ alarmTopic: 'alarms' }, 'alarmTopic: "alarms" is not a topic'],
    [{ shards: 'two' }, 'shards: "two" is not a number'],
  ])('%o is refused in one line', (context, line) => {
    expect(() => synthesized(context)).toThrow(
      expect.objectContaining({ name: 'TidemarkError', message: expect.stringContaining(line) }),
    );
  });
});
