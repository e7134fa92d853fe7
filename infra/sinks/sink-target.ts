import { AttributeType, BillingMode, type ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IStream, Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { argumentError } from '../../functions/core/arguments/error.ts';
import { checkedUrl, type Sink, type SinkOf } from '../../functions/core/definition/sink.ts';
import { environmentNames, tables } from '../../functions/core/deployment/tables.ts';
import type { FunctionNetwork } from '../functions/function-network.ts';
import { acknowledge } from '../monitoring/findings.ts';

/** The address of a webhook, and the secret that signs its requests. */
export interface WebhookBinding {
  /** The address. @default the pipeline's */
  readonly url?: string;
  /** The secret that signs the requests: 24 bytes or more in Base64. @default a new secret */
  readonly secret?: ISecret;
}

/** The additions to the Lambda of a `forEachWindow`. For grants: `counts.sinks.NAME.grantPrincipal`. */
export interface FunctionBinding {
  /** More variables of its environment. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** The VPC that it runs in. @default no VPC */
  readonly vpc?: IVpc;
  /** The subnets of the VPC. @default the private ones with a way out */
  readonly vpcSubnets?: SubnetSelection;
  /** The security groups of the function. @default one of its own */
  readonly securityGroups?: readonly ISecurityGroup[];
}

/**
 * The target of a sink of the pipeline, by its kind: a resource, the address of a webhook, or the additions to a
 * function.
 */
export type SinkBinding = IQueue | ITopic | IEventBus | IStream | IBucket | ITable | WebhookBinding | FunctionBinding;

/** A target, as the function of a sink needs it. */
export interface SinkAccess {
  /**
   * The target's name in its service, for the outputs of the stack; undefined: the target is not a resource of the
   * stack.
   */
  readonly name: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly network: FunctionNetwork | undefined;
  /** Allows exactly the calls that the target's file in functions/sinks makes. */
  readonly grant: (grantee: IGrantable) => void;
  /** cdk-nag's name for the resources of a grant with a wildcard; undefined: no grant has one. */
  readonly wildcard?: string;
}

/**
 * The target of a sink: the one that it is bound to, or a new one.
 * @param removalPolicy that of a new target; a bucket stays in any case, because one that is not empty cannot be
 * deleted with the stack
 * @throws TidemarkError when the binding does not fit the sink's kind
 */
export function sinkTarget(
  scope: Construct,
  sink: Sink,
  binding: SinkBinding | undefined,
  removalPolicy: RemovalPolicy,
): SinkAccess {
  switch (sink.kind) {
    case 'sqs': {
      const queue = bound<IQueue>(sink, binding, 'queueUrl', 'a queue') ?? newQueue(scope, removalPolicy);
      return named(queue.queueUrl, (grantee) => {
        queue.grant(grantee, 'sqs:SendMessage');
        encryptFor(grantee, queue.encryptionMasterKey);
      });
    }
    case 'sns': {
      const topic =
        bound<ITopic>(sink, binding, 'topicArn', 'a topic') ?? new Topic(scope, 'Topic', { enforceSSL: true });
      return named(topic.topicArn, (grantee) => {
        allow(grantee, 'sns:Publish', topic.topicArn);
        encryptFor(grantee, 'masterKey' in topic ? (topic.masterKey as IKey | undefined) : undefined);
      });
    }
    case 'eventBridge': {
      const bus = bound<IEventBus>(sink, binding, 'eventBusArn', 'an event bus') ?? new EventBus(scope, 'Bus');
      return named(bus.eventBusName, (grantee) => allow(grantee, 'events:PutEvents', bus.eventBusArn));
    }
    case 'kinesis': {
      const stream = bound<IStream>(sink, binding, 'streamArn', 'a stream') ?? newStream(scope, removalPolicy);
      return named(stream.streamName, (grantee) => {
        stream.grant(grantee, 'kinesis:PutRecord');
        encryptFor(grantee, stream.encryptionKey);
      });
    }
    case 's3': {
      const bucket = bound<IBucket>(sink, binding, 'bucketArn', 'a bucket') ?? newBucket(scope);
      const target = named(bucket.bucketName, (grantee) => {
        // GetObject, so that a second delivery can compare itself with the object in its place.
        const objects = bucket.arnForObjects(`${sink.prefix}query=*`);
        allow(grantee, ['s3:PutObject', 's3:GetObject'], objects);
        encryptFor(grantee, bucket.encryptionKey);
      });
      const { defaultChild } = bucket.node;
      const arn =
        defaultChild instanceof CfnBucket ? `<${Stack.of(scope).getLogicalId(defaultChild)}.Arn>` : bucket.bucketArn;
      return { ...target, wildcard: `${arn}/${sink.prefix}query=*` };
    }
    case 'dynamodb': {
      const table = bound<ITable>(sink, binding, 'tableArn', 'a table') ?? newTable(scope, removalPolicy);
      return named(table.tableName, (grantee) => {
        table.grant(grantee, 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query');
        encryptFor(grantee, table.encryptionKey);
      });
    }
    case 'webhook':
      return webhookTarget(scope, sink, (binding ?? {}) as WebhookBinding);
    case 'forEachWindow': {
      const { environment = {}, vpc, vpcSubnets, securityGroups } = (binding ?? {}) as FunctionBinding;
      const network =
        vpc === undefined ? undefined : { vpc, vpcSubnets, securityGroups: securityGroups && [...securityGroups] };
      return { name: undefined, environment, network, grant: () => {} };
    }
    case 'file':
      throw argumentError(
        `sinks.${sink.name}`,
        sink.kind,
        'is for this machine: a Lambda has no folder that lasts; use s3()',
      );
  }
}

function named(name: string, grant: SinkAccess['grant']): SinkAccess {
  return { name, environment: { [environmentNames.sinkTarget]: name }, network: undefined, grant };
}

function bound<Resource extends object>(
  sink: Sink,
  binding: SinkBinding | undefined,
  has: keyof Resource & string,
  what: string,
): Resource | undefined {
  if (binding === undefined) return undefined;
  if (has in binding) return binding as unknown as Resource;
  throw argumentError(
    `sinks.${sink.name}`,
    Object.keys(binding).join(', ').slice(0, 60),
    `is not ${what}: sink ${sink.name} is ${sink.kind}()`,
  );
}

function allow(grantee: IGrantable, actions: string | readonly string[], resource: string): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: [actions].flat(), resources: [resource] }),
  );
}

/** Services encrypt with the rights of the writer: the grantee needs those to the key. */
function encryptFor(grantee: IGrantable, key: IKey | undefined): void {
  key?.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
}

function webhookTarget(
  scope: Construct,
  sink: SinkOf<'webhook'>,
  { url = sink.url, secret }: WebhookBinding,
): SinkAccess {
  const address = checkedUrl(`sinks.${sink.name}.url`, url);
  if (address === undefined)
    throw argumentError(
      `sinks.${sink.name}.url`,
      url,
      'is missing: write webhook({ url }), or sinks: { NAME: { url } } here',
    );
  const signedWith = secret ?? newSecret(scope);
  return {
    name: signedWith.secretArn,
    environment: { [environmentNames.sinkTarget]: address, [environmentNames.sinkSecretArn]: signedWith.secretArn },
    network: undefined,
    grant(grantee) {
      // A new secret's ARN is complete. That of a secret found by its name lacks six characters at its end.
      allow(grantee, 'secretsmanager:GetSecretValue', signedWith.secretFullArn ?? `${signedWith.secretArn}-??????`);
      signedWith.encryptionKey?.grantDecrypt(grantee);
    },
  };
}

/** 32 letters and digits are 24 bytes of Base64. */
function newSecret(scope: Construct): Secret {
  const secret = new Secret(scope, 'Secret', {
    description: 'Signs the requests of a webhook',
    generateSecretString: { passwordLength: 32, excludePunctuation: true },
  });
  acknowledge([
    { on: secret, id: 'AwsSolutions-SMG4', reason: 'Whoever receives the webhook has to change it at the same time' },
  ]);
  return secret;
}

function newQueue(scope: Construct, removalPolicy: RemovalPolicy): Queue {
  const queue = new Queue(scope, 'Queue', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    removalPolicy,
  });
  acknowledge([
    {
      on: queue,
      id: 'AwsSolutions-SQS3',
      reason: 'What becomes of a message that its consumer cannot handle is the consumer’s to say',
    },
  ]);
  return queue;
}

function newStream(scope: Construct, removalPolicy: RemovalPolicy): Stream {
  return new Stream(scope, 'Stream', {
    streamMode: StreamMode.PROVISIONED,
    shardCount: 1,
    encryption: StreamEncryption.MANAGED,
    removalPolicy,
  });
}

function newBucket(scope: Construct): Bucket {
  const bucket = new Bucket(scope, 'Bucket', {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  acknowledge([
    { on: bucket, id: 'AwsSolutions-S1', reason: 'Access logs want a bucket of their own: bind one that has them' },
  ]);
  return bucket;
}

function newTable(scope: Construct, removalPolicy: RemovalPolicy): Table {
  const { partitionKey, sortKey } = tables.windows;
  return new Table(scope, 'Table', {
    partitionKey: { name: partitionKey, type: AttributeType.STRING },
    sortKey: { name: sortKey, type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    removalPolicy,
  });
}
