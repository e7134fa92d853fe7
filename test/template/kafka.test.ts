import { readFileSync } from 'node:fs';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import { addOutputs } from '../../infra/outputs.ts';
import { type KafkaProps, kafka } from '../../infra/sources/kafka-source.ts';
import { type Changes, newApp, type Synthesized, stackIn, synth } from './synth.ts';

const clusterArn = 'arn:aws:kafka:us-east-1:123456789012:cluster/orders/abcd1234-abcd-cafe-abab-9876543210ab-4';
const topic = { topic: 'orders', bootstrapServers: ['b-1.example.com:9098', 'b-2.example.com:9098'] };

// The CDK's own classes do not match its interfaces for a compiler that distinguishes missing from undefined.
const vpcOf = (stack: Stack) => new Vpc(stack, 'Vpc', { natGateways: 1 }) as IVpc;
const secretOf = (stack: Stack, id: string) => new Secret(stack, id) as ISecret;

/** A topic of MSK with IAM, in a VPC, as docs/SOURCES.md shows it. */
const msk: Changes = (stack) => ({ source: kafka({ ...topic, clusterArn, vpc: vpcOf(stack) }) });
/** A topic of a self-managed cluster, with SCRAM and a private authority, in a VPC. */
const selfManaged: Changes = (stack) => {
  const vpc = vpcOf(stack);
  return {
    source: kafka({
      ...topic,
      authentication: 'scram-512',
      secret: secretOf(stack, 'User'),
      rootCertificate: secretOf(stack, 'Authority'),
      vpc,
      securityGroups: [new SecurityGroup(stack, 'Pollers', { vpc })],
      consumerGroupId: 'counts',
    }),
  };
};

/** The permissions of a function, as `action resource`. Resources have their names from this file. */
function allowed({ template }: Synthesized, role: 'Aggregate' | 'Finalize' | 'Query'): readonly string[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) =>
    id.startsWith(`Counts${role}Role`),
  );
  return policies
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
    .flatMap(({ Action, Resource }: { Action: string | string[]; Resource: unknown }) =>
      [Action]
        .flat()
        .flatMap((action) =>
          [Resource]
            .flat()
            .map((resource) => `${action} ${typeof resource === 'string' ? resource : JSON.stringify(resource)}`),
        ),
    )
    .filter((each) => /^(kafka|ec2|secretsmanager|kinesis)/.test(each))
    .sort();
}

const groupArn = (name: string) => clusterArn.replace(':cluster/', ':group/').concat(`/${name}`);
const topicArn = clusterArn.replace(':cluster/', ':topic/').concat('/orders');
const interfaces = [
  'AssignPrivateIpAddresses',
  'CreateNetworkInterface',
  'DeleteNetworkInterface',
  'DescribeNetworkInterfaces',
  'DescribeSubnets',
  'UnassignPrivateIpAddresses',
];

describe('a topic of MSK', () => {
  const made = synth(msk);
  const { template } = made;

  it('makes no stream, and maps the topic to aggregate from its oldest record on', () => {
    template.resourceCountIs('AWS::Kinesis::Stream', 0);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: clusterArn,
      Topics: ['orders'],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 1,
      AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: Match.stringLikeRegexp('^tidemark-') },
      // A mapping from Kafka knows neither of these, and its answers are not read.
      ParallelizationFactor: Match.absent(),
      FunctionResponseTypes: Match.absent(),
      MaximumRetryAttempts: Match.absent(),
      SourceAccessConfigurations: Match.absent(),
    });
  });

  it('tells the functions where the brokers are, and puts those that ask them into the VPC', () => {
    const functions = Object.entries(template.findResources('AWS::Lambda::Function')).filter(([id]) =>
      id.startsWith('Counts'),
    );
    const pipeline = functions.filter(
      ([, { Properties }]) => Properties.Environment?.Variables?.[environmentNames.stream] === 'orders',
    );
    expect(pipeline).toHaveLength(3);
    for (const [id, { Properties }] of pipeline) {
      expect(JSON.parse(Properties.Environment.Variables[environmentNames.kafka])).toEqual({
        bootstrapServers: topic.bootstrapServers,
        authentication: 'iam',
      });
      expect(Properties.VpcConfig === undefined, id).toBe(id.startsWith('CountsQuery'));
    }
  });

  it('lets each function do what it needs in the cluster and no more', () => {
    const mapping = Object.values(template.findResources('AWS::Lambda::EventSourceMapping'))[0];
    const group = mapping?.['Properties'].AmazonManagedKafkaEventSourceConfig.ConsumerGroupId;
    const asPollers = [
      'CreateNetworkInterface',
      'DeleteNetworkInterface',
      'DescribeNetworkInterfaces',
      'DescribeSecurityGroups',
      'DescribeSubnets',
      'DescribeVpcs',
    ];
    expect(allowed(made, 'Aggregate')).toEqual(
      [
        ...[...new Set([...interfaces, ...asPollers])].map((action) => `ec2:${action} *`),
        ...['AlterGroup', 'DescribeGroup'].map((action) => `kafka-cluster:${action} ${groupArn(group)}`),
        ...['Connect', 'DescribeClusterDynamicConfiguration'].map((action) => `kafka-cluster:${action} ${clusterArn}`),
        ...['DescribeTopic', 'ReadData'].map((action) => `kafka-cluster:${action} ${topicArn}`),
        ...['DescribeCluster', 'DescribeClusterV2', 'GetBootstrapBrokers', 'ListScramSecrets'].map(
          (action) => `kafka:${action} ${clusterArn}`,
        ),
      ].sort(),
    );
    expect(allowed(made, 'Finalize')).toEqual(
      [
        ...interfaces.map((action) => `ec2:${action} *`),
        `kafka-cluster:Connect ${clusterArn}`,
        ...['DescribeTopic', 'ReadData'].map((action) => `kafka-cluster:${action} ${topicArn}`),
      ].sort(),
    );
    expect(allowed(made, 'Query')).toEqual([]);
  });

  it('lets a producer in by IAM', () => {
    const { stack, counts } = stackIn(newApp({ 'aws:cdk:bundling-stacks': [] }), msk);
    counts.grantPut(new Role(stack, 'Producer', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Action: ['kafka-cluster:Connect', 'kafka-cluster:WriteDataIdempotently'],
            Resource: clusterArn,
          },
          { Effect: 'Allow', Action: ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'], Resource: topicArn },
        ],
      },
    });
  });

  it('is named in the outputs, and its backlog is watched, with a section of the runbook', () => {
    const { stack, counts } = stackIn(newApp({ 'aws:cdk:bundling-stacks': [] }), msk);
    addOutputs(stack, counts);
    const described = Template.fromStack(stack);
    described.hasOutput('TopicName', { Value: 'orders' });
    described.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'OffsetLag',
      Threshold: 100_000,
      AlarmDescription: Match.stringLikeRegexp('OPERATIONS\\.md#offsetlag$'),
    });
    described.resourcePropertiesCountIs('AWS::CloudWatch::Alarm', { MetricName: 'IteratorAge' }, 0);
    expect(readFileSync('docs/OPERATIONS.md', 'utf8')).toMatch(/^### OffsetLag$/m);
    expect(() => counts.stream).toThrow(TidemarkError);
  });
});

describe('a topic of a cluster that is not of MSK', () => {
  const made = synth(selfManaged);
  const { stack, template } = made;

  it('is mapped by its brokers, with what lets pollers in', () => {
    const [mapping] = Object.values(template.findResources('AWS::Lambda::EventSourceMapping'));
    const { Properties } = mapping ?? { Properties: {} };
    expect(Properties).toMatchObject({
      SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: topic.bootstrapServers } },
      SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'counts' },
      Topics: ['orders'],
      StartingPosition: 'TRIM_HORIZON',
    });
    const subnets = stack.node.findAll().filter((node): node is Vpc => node instanceof Vpc)[0]?.privateSubnets.length;
    expect(Properties.SourceAccessConfigurations.map(({ Type }: { Type: string }) => Type)).toEqual([
      'SASL_SCRAM_512_AUTH',
      'SERVER_ROOT_CA_CERTIFICATE',
      ...Array.from({ length: subnets ?? 0 }, () => 'VPC_SUBNET'),
      'VPC_SECURITY_GROUP',
    ]);
  });

  it('lets aggregate and finalize read the secrets, and query nothing', () => {
    for (const role of ['Aggregate', 'Finalize'] as const) {
      const secrets = allowed(made, role).filter((each) => each.startsWith('secretsmanager:GetSecretValue'));
      expect(secrets).toHaveLength(2);
      expect(allowed(made, role).filter((each) => each.startsWith('kafka'))).toEqual([]);
    }
    expect(allowed(made, 'Query')).toEqual([]);
  });

  it('lets producers in by its own lists only', () => {
    const role = new Role(stack, 'Producer', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    expect(() => made.counts.grantPut(role)).toThrow(TidemarkError);
  });
});

describe('a source that is none', () => {
  const stack = new Stack();
  const vpc = vpcOf(stack);
  const secret = secretOf(stack, 'Secret');
  it.each<[names: string, props: KafkaProps]>([
    ['topic', { ...topic, topic: 'a topic', clusterArn }],
    ['bootstrapServers', { ...topic, bootstrapServers: [], clusterArn }],
    ['authentication', { ...topic, authentication: 'iam', secret }],
    ['authentication', { ...topic, authentication: 'iam' }],
    ['secret', { ...topic, clusterArn, authentication: 'scram-512' }],
    ['secret', { ...topic }],
    ['securityGroups', { ...topic, vpc }],
    ['vpc', { ...topic, clusterArn, vpcSubnets: {} }],
    ['consumerGroupId', { ...topic, clusterArn, consumerGroupId: 'a group' }],
  ])('is refused with the name of the property %s', (name, props) => {
    const expected = name === 'authentication' && props.secret !== undefined ? 'secret' : name;
    expect(() => kafka(props)).toThrow(
      expect.objectContaining({ name: 'TidemarkError', message: expect.stringMatching(new RegExp(`^${expected}: `)) }),
    );
  });

  it.each<[name: string, changes: Changes]>([
    ['shards', () => ({ source: kafka({ ...topic, clusterArn }), shards: 2 })],
    ['stream', (own) => ({ source: kafka({ ...topic, clusterArn }), stream: new Stream(own, 'Existing') })],
  ])('is refused together with %s', (name, changes) => {
    expect(() => synth(changes)).toThrow(
      expect.objectContaining({ name: 'TidemarkError', message: expect.stringMatching(new RegExp(`^${name}: `)) }),
    );
  });
});
