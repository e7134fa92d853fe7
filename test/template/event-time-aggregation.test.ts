import { Match } from 'aws-cdk-lib/assertions';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import {
  type FunctionName,
  functions,
  mapping,
  streamRetentionHours,
} from '../../functions/core/deployment/settings.ts';
import { environmentNames, type TableName, type TableShape, tables } from '../../functions/core/deployment/tables.ts';
import type { EventTimeAggregationProps } from '../../infra/event-time-aggregation.ts';
import { newApp, stackIn, synth } from './synth.ts';

const { stack, counts, template } = synth();
const functionNames = Object.keys(functions) as FunctionName[];
const tableNames = Object.keys(tables) as TableName[];

describe('the stream', () => {
  it('is on demand, encrypted, and keeps records as long as the tables assume', () => {
    template.hasResourceProperties('AWS::Kinesis::Stream', {
      StreamModeDetails: { StreamMode: 'ON_DEMAND' },
      StreamEncryption: { EncryptionType: 'KMS', KeyId: 'alias/aws/kinesis' },
      RetentionPeriodHours: streamRetentionHours,
    });
  });

  it('keeps records for a day where it goes with its stack, or as long as is asked for', () => {
    const retentionIn = (changes: Parameters<typeof synth>[0]) =>
      Object.values(synth(changes).template.findResources('AWS::Kinesis::Stream')).map(
        ({ Properties }) => Properties.RetentionPeriodHours,
      );
    expect(retentionIn(() => ({ removalPolicy: RemovalPolicy.DESTROY }))).toEqual([24]);
    expect(retentionIn(() => ({ streamRetention: Duration.days(2) }))).toEqual([48]);
  });

  it.each([
    ['region', 'arn:aws:kinesis:eu-west-1:111111111111:stream/orders', 'eu-west-1'],
    ['account', 'arn:aws:kinesis:us-east-1:222222222222:stream/orders', '222222222222'],
  ])('is refused where it is of another %s than its stack', (what, arn, found) => {
    const app = newApp({ 'aws:cdk:bundling-stacks': [] });
    const elsewhere = new Stack(app, 'Elsewhere', { env: { account: '111111111111', region: 'us-east-1' } });
    expect(() => stackIn(app, () => ({ stream: Stream.fromStreamArn(elsewhere, 'Other', arn) }), elsewhere)).toThrow(
      new RegExp(`^stream: "${found}" is the ${what} of the stream`),
    );
  });

  it('has the shards that are asked for', () => {
    synth(() => ({ shards: 4 })).template.hasResourceProperties('AWS::Kinesis::Stream', {
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
      ShardCount: 4,
    });
  });

  it.each([0, -1, 1.5, Number.NaN, 20_001])('is refused with %d shards', (shards) => {
    expect(() => synth(() => ({ shards }))).toThrow(TidemarkError);
  });

  it('may exist already, and is then read and not created', () => {
    const other = synth((own) => ({ stream: new Stream(own, 'Existing', { streamName: 'existing' }) }));
    other.template.resourceCountIs('AWS::Kinesis::Stream', 1);
    other.template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: other.stack.resolve(other.counts.stream.streamArn),
    });
    expect(other.counts.stream.node.path).toBe('Tidemark/Existing');
  });

  it('is not given a number of shards when it exists already', () => {
    expect(() => synth((own) => ({ stream: new Stream(own, 'Existing'), shards: 2 }))).toThrow(TidemarkError);
  });
});

describe('an existing windows table', () => {
  it('is read and written, and is neither made nor protected nor deleted by the stack', () => {
    const other = synth((own) => ({ windowsTable: Table.fromTableName(own, 'Restored', 'restored') }));
    other.template.resourceCountIs('AWS::DynamoDB::Table', 2);
    other.template.resourcePropertiesCountIs(
      'AWS::Lambda::Function',
      { Environment: { Variables: Match.objectLike({ [environmentNames.windows]: 'restored' }) } },
      3,
    );
    other.template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(['dynamodb:PutItem']),
            Resource: { 'Fn::Join': ['', Match.arrayWith([':table/restored'])] },
          }),
        ]),
      },
    });
  });
});

describe('the event source mapping', () => {
  it('reads every shard from its start, one invocation at a time, in the batches of the settings', () => {
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionName: stack.resolve(counts.functions.aggregate.functionName),
      StartingPosition: 'TRIM_HORIZON',
      ParallelizationFactor: 1,
      BatchSize: mapping.batchSize,
      MaximumBatchingWindowInSeconds: mapping.batchWindowSeconds,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });

  it('takes the batches that are asked for', () => {
    synth(() => ({ batchSize: 500, batchWindow: Duration.seconds(30) })).template.hasResourceProperties(
      'AWS::Lambda::EventSourceMapping',
      { BatchSize: 500, MaximumBatchingWindowInSeconds: 30 },
    );
  });

  it('repeats a failing batch for ever, whole, and sends it nowhere else', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      MaximumRetryAttempts: Match.absent(),
      MaximumRecordAgeInSeconds: Match.absent(),
      BisectBatchOnFunctionError: Match.absent(),
      DestinationConfig: Match.absent(),
    });
  });
});

describe.each(tableNames)('the table %s', (name) => {
  const shape: TableShape = tables[name];
  const table = template.toJSON()['Resources'][idOf(counts.tables[name].tableName)];

  it('has the keys that the functions write, and is on demand', () => {
    expect(table.Properties).toMatchObject({
      KeySchema: [
        { AttributeName: shape.partitionKey, KeyType: 'HASH' },
        { AttributeName: shape.sortKey, KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
    });
    expect(table.Properties.AttributeDefinitions).toEqual(
      [shape.partitionKey, shape.sortKey].map((key) => ({ AttributeName: key, AttributeType: 'S' })),
    );
  });

  it('either forgets expired items or can be restored to a point in time', () => {
    const { TimeToLiveSpecification, PointInTimeRecoverySpecification } = table.Properties;
    if (shape.timeToLive === undefined) {
      expect(TimeToLiveSpecification).toBeUndefined();
      expect(PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
    } else expect(TimeToLiveSpecification).toEqual({ AttributeName: shape.timeToLive, Enabled: true });
  });

  it('outlives its stack, and refuses to be deleted where nothing goes on without it', () => {
    expect(table).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(table.Properties.DeletionProtectionEnabled).toBe(name !== 'rejects');
  });
});

describe.each(functionNames)('the function %s', (name) => {
  const { Properties } = template.toJSON()['Resources'][idOf(counts.functions[name].functionName)];

  it('runs as the settings say, on arm64', () => {
    expect(Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: functions[name].timeoutSeconds,
      MemorySize: functions[name].memoryMb,
    });
  });

  it('writes its log, and Lambda its own lines, as JSON, and is not traced', () => {
    expect(Properties.LoggingConfig).toMatchObject({ LogFormat: 'JSON' });
    expect(Properties.TracingConfig).toBeUndefined();
  });

  it('learns every name of its surroundings, and nothing else, from its environment', () => {
    expect(Properties.Environment.Variables).toEqual({
      [environmentNames.stream]: stack.resolve(counts.stream.streamName),
      [environmentNames.state]: stack.resolve(counts.tables.state.tableName),
      [environmentNames.windows]: stack.resolve(counts.tables.windows.tableName),
      [environmentNames.rejects]: stack.resolve(counts.tables.rejects.tableName),
      [environmentNames.logLevel]: 'INFO',
      [environmentNames.deployment]: expect.stringContaining('Counts'),
      ...(name === 'aggregate'
        ? { [environmentNames.finalize]: stack.resolve(counts.functions.finalize.functionName) }
        : {}),
      ...(name === 'finalize' ? { [environmentNames.tasksAtATime]: '50' } : {}),
      ...(name === 'query' ? { [environmentNames.history]: 'on', [environmentNames.stack]: stack.stackName } : {}),
    });
  });
});

describe('a finalize run that aggregate asks for', () => {
  it('is not repeated, nor kept for longer than until the next scheduled one', () => {
    template.resourceCountIs('AWS::Lambda::EventInvokeConfig', 1);
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: stack.resolve(counts.functions.finalize.functionName),
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  it('has the runs of its tasks and two more reserved, or as many as are asked for, or none', () => {
    const reservedIn = (other: typeof template) =>
      Object.values(other.findResources('AWS::Lambda::Function')).flatMap(
        ({ Properties }) => Properties.ReservedConcurrentExecutions ?? [],
      );
    const tasksIn = (other: typeof template) =>
      Object.values(other.findResources('AWS::Lambda::Function')).flatMap(
        ({ Properties }) => Properties.Environment?.Variables?.TIDEMARK_TASKS_AT_A_TIME ?? [],
      );
    expect(reservedIn(template)).toEqual([52]);
    expect(tasksIn(template)).toEqual(['50']);
    const five = synth(() => ({ finalizeConcurrency: 5 })).template;
    expect(tasksIn(five)).toEqual(['3']);
    expect(reservedIn(five)).toEqual([5]);
    expect(reservedIn(synth(() => ({ finalizeConcurrency: 0 })).template)).toEqual([]);
  });
});

describe('the schedule', () => {
  it('invokes finalize every minute', () => {
    template.resourceCountIs('AWS::Events::Rule', 1);
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Targets: [Match.objectLike({ Arn: stack.resolve(counts.functions.finalize.functionArn) })],
    });
  });
});

describe('a prop out of its bounds', () => {
  it.each<[string, Partial<EventTimeAggregationProps>]>([
    ['batchSize', { batchSize: 10_001 }],
    ['batchSize', { batchSize: 0 }],
    ['batchWindow', { batchWindow: Duration.seconds(301) }],
    ['batchWindow', { batchWindow: Duration.millis(1_500) }],
    ['streamRetention', { streamRetention: Duration.hours(23) }],
    ['streamRetention', { streamRetention: Duration.days(8) }],
    ['schedule', { schedule: Duration.seconds(90) }],
    ['schedule', { schedule: Duration.hours(2) }],
    ['finalizeConcurrency', { finalizeConcurrency: -1 }],
    ['finalizeTasks', { finalizeTasks: 901 }],
    ['finalizeTasks', { finalizeConcurrency: 5, finalizeTasks: 5 }],
    ['functionSettings.query.timeout', { functionSettings: { query: { timeout: Duration.seconds(30) } } }],
    ['functionSettings.aggregate.timeout', { functionSettings: { aggregate: { timeout: Duration.seconds(29) } } }],
    ['functionSettings.finalize.memoryMb', { functionSettings: { finalize: { memoryMb: 64 } } }],
  ])('%s is refused in one line: %o', (field, props) => {
    expect(() => synth(() => props)).toThrow(
      expect.objectContaining({ name: 'TidemarkError', message: expect.stringMatching(new RegExp(`^${field}: `)) }),
    );
  });

  it('and one within them is taken', () => {
    const { template: other } = synth(() => ({
      schedule: Duration.minutes(5),
      architecture: Architecture.X86_64,
      tracing: true,
      functionSettings: { aggregate: { memoryMb: 3008, timeout: Duration.minutes(5) } },
    }));
    other.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)' });
    other.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 3008,
      Timeout: 300,
      Architectures: ['x86_64'],
      TracingConfig: { Mode: 'Active' },
    });
    other.hasResourceProperties('AWS::ApiGateway::Stage', { TracingEnabled: true });
  });
});

describe('the API', () => {
  const methods = Object.values(template.findResources('AWS::ApiGateway::Method'));

  it('asks every caller of every method for a signature', () => {
    expect(methods.map((method) => method['Properties'].AuthorizationType)).toEqual(['AWS_IAM', 'AWS_IAM']);
  });

  it('passes GET of any path to the query function, and nothing else', () => {
    expect(methods.map((method) => method['Properties'].HttpMethod)).toEqual(['GET', 'GET']);
    template.hasResourceProperties('AWS::ApiGateway::Resource', { PathPart: '{proxy+}' });
    const query = idOf(counts.functions.query.functionName);
    for (const method of methods) {
      expect(method['Properties'].Integration.Type).toBe('AWS_PROXY');
      expect(JSON.stringify(method['Properties'].Integration.Uri)).toContain(query);
    }
  });
});

describe('every resource', () => {
  it('has a property, because LocalStack cannot give its first one to a resource later', () => {
    for (const [id, resource] of Object.entries(template.toJSON()['Resources']))
      expect(Object.keys((resource as { Properties?: object }).Properties ?? {}), id).not.toHaveLength(0);
  });
});

/** The logical id in the template of the resource that a token refers to. */
function idOf(token: string): string {
  return stack.resolve(token).Ref;
}
