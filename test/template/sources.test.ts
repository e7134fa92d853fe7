import { Match, Template } from 'aws-cdk-lib/assertions';
import { AttributeType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Stack } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { type SourceName, sourceFunctions } from '../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import { synth } from './synth.ts';

const table = (stack: Stack) =>
  new Table(stack, 'Orders', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    stream: StreamViewType.NEW_IMAGE,
  });
const all = (stack: Stack) => ({
  ingest: true,
  objects: { bucket: new Bucket(stack, 'Bucket', { versioned: true }), prefix: 'in/', suffix: '.json.gz' },
  changes: { table: table(stack) },
});

const plain = synth();
const every = synth(all);
const { stack, counts, template } = every;
const names = Object.keys(sourceFunctions) as SourceName[];

type Permission = readonly [actions: readonly string[], resource: unknown, partitions?: unknown];

/** Allowed actions of a source's function by resource, with the resource as it is in the template. */
function permissionsOf(of: typeof every, name: SourceName): readonly Permission[] {
  const role = of.stack.resolve(of.counts.sources.functions[name]?.role?.roleName).Ref;
  return Object.values(of.template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => Properties.Roles.some((ref: { Ref: string }) => ref.Ref === role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .map(({ Action, Resource, Condition }): Permission => {
      const actions = [Action].flat().filter((action) => !action.startsWith('logs:'));
      const keys = Condition?.['ForAllValues:StringEquals'] ?? Condition?.['ForAllValues:StringLike'];
      const partitions = keys?.['dynamodb:LeadingKeys'];
      return partitions === undefined ? [actions.sort(), Resource] : [actions.sort(), Resource, partitions];
    })
    .filter(([actions]) => actions.length > 0);
}

describe('a pipeline without sources', () => {
  it('has nothing of them: no function, no queue, no method, no variable', () => {
    for (const type of ['AWS::SQS::Queue', 'AWS::S3::Bucket']) plain.template.resourceCountIs(type, 0);
    plain.template.resourceCountIs('AWS::Lambda::Function', 3);
    plain.template.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
    expect(JSON.stringify(plain.template.toJSON())).not.toContain(environmentNames.ingest);
  });
});

describe('the functions of sources', () => {
  it.each(names)('%s runs as the settings say', (name) => {
    const { Ref } = stack.resolve(counts.sources.functions[name]?.functionName);
    const { timeoutSeconds, memoryMb } = sourceFunctions[name];
    expect(template.toJSON()['Resources'][Ref].Properties).toMatchObject({
      Timeout: timeoutSeconds,
      MemorySize: memoryMb,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
    });
  });

  it('may do what they do, and no more', () => {
    const [stream, state] = [stack.resolve(counts.stream.streamArn), stack.resolve(counts.tables.state.tableArn)];
    const bucket = { 'Fn::GetAtt': [expect.stringMatching(/^Bucket/), 'Arn'] };
    expect(permissionsOf(every, 'ingest')).toEqual([[['kinesis:PutRecords'], stream]]);
    expect(permissionsOf(every, 'objects')).toEqual([
      [['kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards', 'kinesis:PutRecords'], stream],
      [['s3:GetObject', 's3:GetObjectVersion'], { 'Fn::Join': ['', [bucket, '/in/*']] }],
      [['s3:ListBucket'], bucket],
      [
        ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sqs:SendMessage'],
        stack.resolve(counts.sources.queues?.objects.queueArn),
      ],
      [['dynamodb:GetItem', 'dynamodb:UpdateItem'], state, ['object#0', 'object#1', 'object#2', 'object#3']],
      [['dynamodb:Query'], state, ['registrations', 'log#*']],
    ]);
    const changes = { 'Fn::GetAtt': [expect.stringMatching(/^Orders/), 'StreamArn'] };
    expect(permissionsOf(every, 'changes')).toEqual([
      [['kinesis:ListShards', 'kinesis:PutRecords'], stream],
      [['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], changes],
      [['dynamodb:ListStreams'], '*'],
    ]);
  });

  it("use the user's key where the stream has one, and decrypt only where they read it", () => {
    const keyed = synth((own) => ({
      ...all(own),
      stream: new Stream(own, 'Own', { encryptionKey: new Key(own, 'Key') }),
    }));
    const kms = (name: SourceName) =>
      permissionsOf(keyed, name).flatMap(([actions]) => actions.filter((action) => action.startsWith('kms:')));
    expect(kms('ingest')).toEqual(['kms:GenerateDataKey']);
    expect(kms('changes')).toEqual(['kms:GenerateDataKey']);
    expect(kms('objects')).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
  });
});

describe('HTTP', () => {
  it('is a signed POST of any path to the ingest function, which the description tells of', () => {
    const methods = Object.values(template.findResources('AWS::ApiGateway::Method')).map(
      ({ Properties }) => Properties,
    );
    expect(methods.map(({ HttpMethod, AuthorizationType }) => [HttpMethod, AuthorizationType])).toEqual([
      ['GET', 'AWS_IAM'],
      ['GET', 'AWS_IAM'],
      ['POST', 'AWS_IAM'],
      ['POST', 'AWS_IAM'],
    ]);
    for (const { Integration } of methods.slice(2))
      expect(JSON.stringify(Integration.Uri)).toContain(
        stack.resolve(counts.sources.functions.ingest?.functionName).Ref,
      );
    const query = template.toJSON()['Resources'][stack.resolve(counts.functions.query.functionName).Ref];
    expect(query.Properties.Environment.Variables[environmentNames.ingest]).toBe('on');
  });
});

describe('objects', () => {
  it('come through an encrypted queue, one at a time and invocation, and after five failures wait for a person', () => {
    const queues = template.findResources('AWS::SQS::Queue');
    expect(Object.values(queues)).toHaveLength(2);
    for (const { Properties } of Object.values(queues))
      expect(Properties).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 14 * 86_400 });
    template.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: { maxReceiveCount: 5 },
      VisibilityTimeout: 960,
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      EventSourceArn: stack.resolve(counts.sources.queues?.objects.queueArn),
      ScalingConfig: { MaximumConcurrency: 5 },
    });
    // A large object continues by messages of its own, which Lambda would take for a loop.
    template.hasResourceProperties('AWS::Lambda::Function', { RecursiveLoop: 'Allow', Timeout: 900 });
  });

  it('are notified by the bucket, with the filter, or by the app', () => {
    template.hasResourceProperties('Custom::S3BucketNotifications', {
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            Events: ['s3:ObjectCreated:*'],
            Filter: {
              Key: {
                FilterRules: Match.arrayWith([
                  { Name: 'suffix', Value: '.json.gz' },
                  { Name: 'prefix', Value: 'in/' },
                ]),
              },
            },
          },
        ],
      },
    });
    const own = synth((other) => ({
      objects: { bucket: Bucket.fromBucketName(other, 'Bucket', 'theirs'), notifiedBy: 'app' },
    }));
    own.template.resourceCountIs('Custom::S3BucketNotifications', 0);
  });

  it.each([0, 1, 1001, 2.5])('are not fed %d at a time', (maxConcurrency) => {
    expect(() => synth((own) => ({ objects: { bucket: new Bucket(own, 'Bucket'), maxConcurrency } }))).toThrow(
      TidemarkError,
    );
  });
});

describe('changes', () => {
  it('are read from the beginning of the stream, and repeated until they are in', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Orders'), 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
      MaximumRetryAttempts: Match.absent(),
      MaximumRecordAgeInSeconds: Match.absent(),
    });
  });

  it('are not to be had of a table without a stream', () => {
    expect(() =>
      synth((own) => ({
        changes: { table: new Table(own, 'T', { partitionKey: { name: 'id', type: AttributeType.STRING } }) },
      })),
    ).toThrow(TidemarkError);
  });
});

it('every resource has a property, because LocalStack cannot give its first one to a resource later', () => {
  for (const [id, resource] of Object.entries(Template.fromStack(stack).toJSON()['Resources']))
    expect(Object.keys((resource as { Properties?: object }).Properties ?? {}), id).not.toHaveLength(0);
});
