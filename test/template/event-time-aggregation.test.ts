import { Match } from 'aws-cdk-lib/assertions';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import {
  type FunctionName,
  functions,
  mapping,
  streamRetentionHours,
} from '../../functions/core/deployment/settings.ts';
import { environmentNames, type TableName, type TableShape, tables } from '../../functions/core/deployment/tables.ts';
import { synth } from './synth.ts';

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

  it('outlives its stack', () => {
    expect(table).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
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

  it('finds no concurrency reserved, which would keep it from overlapping another run', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function')))
      expect(Properties.ReservedConcurrentExecutions).toBeUndefined();
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
