import { type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import { type CfnFunction, EventSourceMapping, RecursiveLoop, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { type Bucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { argumentError } from '../../functions/core/arguments/error.ts';
import { type SourceName, sourceFunctions } from '../../functions/core/deployment/settings.ts';
import { environmentNames, objectPartitions } from '../../functions/core/deployment/tables.ts';
import { functionModule } from '../bundle/function-modules.ts';
import { findPackageRoot } from '../bundle/package-root.ts';
import { sourceStreamPermissions } from '../functions/permissions.ts';
import { type CommonFunctionProps, PipelineFunction } from '../functions/pipeline-function.ts';
import type { AlarmSpec } from '../monitoring/alarms.ts';
import { acknowledge, type Finding } from '../monitoring/findings.ts';

/** Objects of a bucket, each of JSON lines, plain or packed with gzip or zstd (docs/SOURCES.md). */
export interface ObjectsSource {
  /**
   * The bucket whose new objects are fed. With versions, both contents of an object that is replaced at once are fed.
   */
  readonly bucket: IBucket | Bucket;
  /** Only objects whose key begins so. @default all */
  readonly prefix?: string;
  /** Only objects whose key ends so. @default all */
  readonly suffix?: string;
  /**
   * The notifier of the queue about new objects: the bucket, or the app itself, for example by a rule of EventBridge.
   * @default bucket
   */
  readonly notifiedBy?: 'bucket' | 'app';
  /** Objects that are fed at a time, 2 to 1,000. @default 5 */
  readonly maxConcurrency?: number;
}

/** Changes of a DynamoDB table, each an event (docs/SOURCES.md). */
export interface ChangesSource {
  /** A table with a stream. The stream's view type determines what an event holds of an item. */
  readonly table: ITable | Table;
}

/** The sources of events besides the producers that put records into the stream themselves. */
export interface SourceProps {
  /** Takes events over HTTP: `POST /v1/events` of the API. @default false */
  readonly ingest?: boolean;
  /** Feeds the objects of a bucket. @default none */
  readonly objects?: ObjectsSource;
  /** Feeds the changes of a table. @default none */
  readonly changes?: ChangesSource;
}

/** The settings of the functions of sources. */
export interface PipelineSourcesProps extends SourceProps {
  /**
   * The stream that the functions put events into; undefined: the pipeline reads something else, and has no such
   * functions.
   */
  readonly stream: IStream | undefined;
  readonly state: ITable | Table;
  readonly common: CommonFunctionProps;
  /** Level of the logs and the name of the deployment. */
  readonly environment: Readonly<Record<string, string>>;
}

const packageFolder = findPackageRoot();
const fewestAtATime = 2;
const mostAtATime = 1000;
/** The number of failures after which a message about an object waits for a person. */
const mostReceives = 5;
const queueDays = 14;
/** The lag at which the alarm goes off. A DynamoDB stream forgets after a day. */
const changesLag = Duration.hours(1);
const period = Duration.minutes(5);

/**
 * The functions of the sources that a stack asks for, each with a role of its own. A stack that asks for none has none
 * of this.
 */
export class PipelineSources extends Construct {
  readonly functions: Readonly<Partial<Record<SourceName, PipelineFunction>>>;
  /** The queues of the messages about new objects, and of those that failed again and again. */
  readonly queues: { readonly objects: Queue; readonly failed: Queue } | undefined;
  readonly alarms: readonly AlarmSpec[];
  private readonly props: PipelineSourcesProps;

  /** @throws TidemarkError when a bucket's settings are not valid, or the table has no stream. */
  constructor(scope: Construct, id: string, props: PipelineSourcesProps) {
    super(scope, id);
    this.props = props;
    const functions: Partial<Record<SourceName, PipelineFunction>> = {};
    const alarms: AlarmSpec[] = [];
    if (props.objects !== undefined) {
      this.queues = this.newQueues();
      functions.objects = this.feedObjects(props.objects, this.queues);
      const waiting = this.queues.failed.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM });
      alarms.push(['ObjectsFailed', 'Objects could not be fed', waiting, { threshold: 1 }]);
    }
    if (props.changes !== undefined) {
      functions.changes = this.feedChanges(props.changes);
      const age: IMetric = functions.changes.metric('IteratorAge', { statistic: Stats.MAXIMUM, period });
      alarms.push([
        'ChangesBehind',
        'Changes of the table wait for an hour, and are lost after a day',
        age,
        { threshold: changesLag.toMilliseconds() },
      ]);
    }
    if (props.ingest === true) {
      functions.ingest = this.newFunction('Ingest', 'ingest', {});
      alarms.push([
        'IngestErrors',
        'Requests that post events fail',
        functions.ingest.metricErrors({ period }),
        { threshold: 1, evaluationPeriods: 3 },
      ]);
    }
    this.functions = functions;
    this.alarms = alarms;
  }

  private newFunction(id: string, name: SourceName, environment: Readonly<Record<string, string>>): PipelineFunction {
    const { common, stream } = this.props;
    if (stream === undefined)
      throw argumentError(name, true, 'has no stream to put events into: leave it out, or the source of the pipeline');
    const made = new PipelineFunction(this, id, {
      ...common,
      name,
      source: 'kinesis',
      network: undefined,
      entry: functionModule(packageFolder, name),
      environment: { [environmentNames.stream]: stream.streamName, ...this.props.environment, ...environment },
    });
    stream.grant(made, ...sourceStreamPermissions[name]);
    stream.encryptionKey?.grant(
      made,
      ...(name === 'objects' ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:GenerateDataKey']),
    );
    const stars =
      'X-Ray knows no resources, nor does dynamodb:ListStreams, which Lambda asks for before it reads a stream';
    if (made.role !== undefined && (common.tracing || name === 'changes'))
      acknowledge([{ on: made.role, id: 'AwsSolutions-IAM5[Resource::*]', reason: stars }]);
    return made;
  }

  private newQueues() {
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(queueDays),
    };
    const failed = new Queue(this, 'ObjectsFailed', common);
    const objects = new Queue(this, 'ObjectsQueue', {
      ...common,
      // Longer than an invocation can live, so a message that comes again shows that the attempt before it is dead.
      visibilityTimeout: Duration.seconds(sourceFunctions.objects.timeoutSeconds + 60),
      deadLetterQueue: { queue: failed, maxReceiveCount: mostReceives },
    });
    return { objects, failed };
  }

  private feedObjects(source: ObjectsSource, { objects: queue }: { readonly objects: Queue }): PipelineFunction {
    const { bucket, prefix = '', suffix, notifiedBy = 'bucket', maxConcurrency = 5 } = source;
    if (!Number.isInteger(maxConcurrency) || maxConcurrency < fewestAtATime || maxConcurrency > mostAtATime)
      throw argumentError(
        'objects.maxConcurrency',
        maxConcurrency,
        `is not a number of invocations: give a whole number from ${fewestAtATime} to ${mostAtATime}`,
      );
    const { state } = this.props;
    const made = this.newFunction('Objects', 'objects', {
      [environmentNames.state]: state.tableName,
      [environmentNames.objectsQueue]: queue.queueUrl,
    });
    // A large object is continued by a message that the function sends to itself, as long as it makes progress. Lambda
    // does not have to stop this loop.
    (made.node.defaultChild as CfnFunction).recursiveLoop = RecursiveLoop.ALLOW;
    made.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [bucket.arnForObjects(`${prefix}*`)],
      }),
    );
    // Without it, S3 answers that access is denied when an object is gone.
    made.addToRolePolicy(new PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }));
    bucket.encryptionKey?.grantDecrypt(made);
    queue.grant(made, 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sqs:SendMessage');
    const only = (...partitions: readonly string[]) => ({
      'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': partitions },
    });
    const own = { actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], conditions: only(...objectPartitions) };
    made.addToRolePolicy(new PolicyStatement({ ...own, resources: [state.tableArn] }));
    const progress = {
      actions: ['dynamodb:Query'],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': progressPartitions } },
    };
    made.addToRolePolicy(new PolicyStatement({ ...progress, resources: [state.tableArn] }));
    new EventSourceMapping(this, 'ObjectsMapping', {
      target: made,
      eventSourceArn: queue.queueArn,
      batchSize: 1,
      maxConcurrency,
    });
    const filter = { ...(prefix === '' ? {} : { prefix }), ...(suffix === undefined ? {} : { suffix }) };
    if (notifiedBy === 'bucket')
      bucket.addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(queue), filter);
    this.acknowledgeObjects(made, source);
    return made;
  }

  private acknowledgeObjects(made: PipelineFunction, { bucket, prefix = '' }: ObjectsSource): void {
    if (made.role === undefined) return;
    const findings: Finding[] = [bucket.arnForObjects(`${prefix}*`)].map((arn) => ({
      on: made.role ?? made,
      id: `AwsSolutions-IAM5[Resource::${findingText(this, arn)}]`,
      reason: 'The objects that are to be read, which nobody knows before they are there',
    }));
    acknowledge(findings);
  }

  private feedChanges({ table }: ChangesSource): PipelineFunction {
    const { tableStreamArn } = table;
    if (tableStreamArn === undefined)
      throw argumentError(
        'changes.table',
        table.node.path,
        'has no stream: give it one (stream: StreamViewType.NEW_AND_OLD_IMAGES)',
      );
    const made = this.newFunction('Changes', 'changes', {});
    const actions = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'];
    Grant.addToPrincipal({ grantee: made, actions, resourceArns: [tableStreamArn] });
    Grant.addToPrincipal({ grantee: made, actions: ['dynamodb:ListStreams'], resourceArns: ['*'] });
    table.encryptionKey?.grantDecrypt(made);
    // Without a number of attempts or an age, a batch that fails is repeated until DynamoDB has forgotten it.
    new EventSourceMapping(this, 'ChangesMapping', {
      target: made,
      eventSourceArn: tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 1000,
      maxBatchingWindow: Duration.seconds(1),
    });
    return made;
  }
}

/**
 * The partitions with the progress of shards: their registrations, and their logs (functions/state/log/entry.ts). The
 * objects' function reads them before it begins with an object.
 */
const progressPartitions = ['registrations', 'log#*'];

/** A resource as cdk-nag writes it: names in the template are in angle brackets. */
function findingText(scope: Construct, arn: string): string {
  const resolved: unknown = Stack.of(scope).resolve(arn);
  if (typeof resolved === 'string') return resolved;
  const join = (resolved as { readonly 'Fn::Join'?: readonly [string, readonly unknown[]] })['Fn::Join'];
  return (join?.[1] ?? []).map((part) => (typeof part === 'string' ? part : bracketed(part))).join('');
}

function bracketed(part: unknown): string {
  const { Ref, 'Fn::GetAtt': attribute } = part as { readonly Ref?: string; readonly 'Fn::GetAtt'?: readonly string[] };
  return `<${Ref ?? attribute?.join('.')}>`;
}
