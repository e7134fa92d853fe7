import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Grant, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type SourceAccessConfiguration, SourceAccessConfigurationType } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Fn, Names } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';
import { argumentError } from '../../functions/core/arguments/error.ts';
import {
  checkKafkaSource,
  type KafkaAuthentication,
  type KafkaSource,
} from '../../functions/core/definition/kafka-source.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import {
  kafkaPermissions,
  mskPollerPermissions,
  networkPermissions,
  pollerNetworkPermissions,
} from '../functions/permissions.ts';
import type { PipelineSource } from './pipeline-source.ts';

/** A Kafka topic as a pipeline's stream. */
export interface KafkaProps {
  /** The name of the topic, which has to exist already. */
  readonly topic: string;
  /**
   * The brokers as `host:port`, with the port that goes with `authentication`. The finalize function asks them which
   * partitions there are, and whether one is idle. For MSK they come from `aws kafka get-bootstrap-brokers`, or from
   * its construct.
   */
  readonly bootstrapServers: readonly string[];
  /** The ARN of an MSK cluster. @default a cluster that you run yourself, or that somebody else runs for you */
  readonly clusterArn?: string;
  /** The way in which the brokers let a client in. @default `iam` with a `clusterArn`, else `tls` */
  readonly authentication?: KafkaAuthentication;
  /**
   * With `scram-512`, `scram-256` and `plain`: a secret with `username` and `password`; with `mtls`: `certificate`,
   * `privateKey` and, where it has one, `privateKeyPassword`. For MSK its name begins with `AmazonMSK_`, and it is
   * associated with the cluster.
   */
  readonly secret?: ISecret;
  /** A secret with the `certificate` of a private authority that signs the brokers'. @default the public authorities */
  readonly rootCertificate?: ISecret;
  /**
   * The VPC from which the brokers can be reached. Aggregate and finalize run in it, so it needs a way to DynamoDB and
   * Lambda (and Secrets Manager, with a secret): endpoints or NAT.
   * @default the brokers are reached over the internet
   */
  readonly vpc?: IVpc;
  /** The subnets of the VPC. @default its private subnets with a way out */
  readonly vpcSubnets?: SubnetSelection;
  /**
   * The security groups of the functions and, except for MSK, of Lambda's pollers.
   * @default one of their own for each function; required with a `vpc` where there is no `clusterArn`
   */
  readonly securityGroups?: readonly ISecurityGroup[];
  /** The consumer group of Lambda's pollers; no one else may use it. @default one named after the deployment */
  readonly consumerGroupId?: string;
}

/** Makes the source for a scope, which is the construct of a pipeline. */
export type SourceDefinition = (scope: IConstruct) => PipelineSource;

const groupPattern = /^[A-Za-z0-9\-/*:_+=.@]{1,200}$/;

/**
 * The topic of an MSK cluster or another Kafka cluster as the source. No stream is made then.
 * @example
 * new EventTimeAggregation(stack, 'Counts', {
 *   pipeline: 'pipeline.ts',
 *   source: kafka({ topic: 'events', bootstrapServers: ['broker-1.example.com:9094'] }),
 * });
 * @throws TidemarkError that names the property
 */
export function kafka(props: KafkaProps): SourceDefinition {
  const source = sourceOf(props);
  checkPlace(props, source.authentication);
  return (scope) =>
    kafkaSource(
      props,
      source,
      props.consumerGroupId ?? `tidemark-${Names.uniqueResourceName(scope, { separator: '-', maxLength: 180 })}`,
    );
}

function sourceOf({
  topic,
  bootstrapServers,
  clusterArn,
  authentication,
  secret,
  rootCertificate,
}: KafkaProps): KafkaSource {
  return checkKafkaSource({
    topic,
    bootstrapServers,
    authentication: authentication ?? (clusterArn === undefined ? 'tls' : 'iam'),
    ...(secret && { secret: secret.secretArn }),
    ...(rootCertificate && { rootCertificate: rootCertificate.secretArn }),
  });
}

function checkPlace(
  { clusterArn, consumerGroupId, secret, vpc, vpcSubnets, securityGroups }: KafkaProps,
  authentication: KafkaAuthentication,
): void {
  if (consumerGroupId !== undefined && !groupPattern.test(consumerGroupId))
    throw argumentError(
      'consumerGroupId',
      consumerGroupId,
      'is not the name of a group: give 1 to 200 letters, digits and -/*:_+=.@',
    );
  if (vpc === undefined && (vpcSubnets !== undefined || (securityGroups ?? []).length > 0))
    throw argumentError('vpc', vpc, 'is missing, and vpcSubnets or securityGroups belong to one: give it too');
  if (clusterArn !== undefined) return;
  if (authentication === 'iam')
    throw argumentError('authentication', authentication, "is MSK's own: give clusterArn, or another one");
  if (vpc === undefined && secret === undefined)
    throw argumentError(
      'secret',
      secret,
      "is missing, and so is a vpc: Lambda's pollers reach brokers with a secret, or within a VPC",
    );
  if (vpc !== undefined && (securityGroups ?? []).length === 0)
    throw argumentError(
      'securityGroups',
      securityGroups,
      "are missing, and there is no cluster to take them from: give those of Lambda's pollers",
    );
}

function kafkaSource(props: KafkaProps, source: KafkaSource, groupId: string): PipelineSource {
  const { clusterArn, secret, rootCertificate, vpc } = props;
  const { topic, bootstrapServers, ...brokers } = source;
  return {
    kind: 'kafka',
    environment: {
      [environmentNames.stream]: topic,
      [environmentNames.kafka]: JSON.stringify({ bootstrapServers, ...brokers }),
    },
    output: { name: 'TopicName', value: topic },
    ...(vpc && {
      network: { vpc, vpcSubnets: props.vpcSubnets, securityGroups: props.securityGroups && [...props.securityGroups] },
    }),
    grant(name, grantee) {
      if (name === 'query') return;
      secret?.grantRead(grantee);
      rootCertificate?.grantRead(grantee);
      const allow = (actions: readonly string[], ...resources: string[]) => {
        if (actions.length > 0) grantee.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources }));
      };
      // Network interfaces have no names before they are made.
      if (vpc !== undefined) allow(networkPermissions, '*');
      if (name === 'aggregate' && (vpc !== undefined || clusterArn !== undefined)) allow(pollerNetworkPermissions, '*');
      if (clusterArn === undefined) return;
      if (name === 'aggregate') allow(mskPollerPermissions, clusterArn);
      if (source.authentication !== 'iam') return;
      const { cluster, topic: onTopic, group } = kafkaPermissions[name];
      allow(cluster, clusterArn);
      allow(onTopic, resourceOf(clusterArn, 'topic', topic));
      allow(group, resourceOf(clusterArn, 'group', groupId));
    },
    grantPut(grantee) {
      if (clusterArn === undefined || source.authentication !== 'iam')
        throw argumentError(
          'grantPut',
          source.authentication,
          "is not a matter of IAM: let the producer in by the brokers' own lists",
        );
      const actions = ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'];
      return Grant.addToPrincipal({
        grantee,
        actions: ['kafka-cluster:Connect', 'kafka-cluster:WriteDataIdempotently'],
        resourceArns: [clusterArn],
      }).combine(Grant.addToPrincipal({ grantee, actions, resourceArns: [resourceOf(clusterArn, 'topic', topic)] }));
    },
    mapping: {
      ...(clusterArn === undefined ? { kafkaBootstrapServers: [...bootstrapServers] } : { eventSourceArn: clusterArn }),
      kafkaTopic: topic,
      kafkaConsumerGroupId: groupId,
      ...access(props, source.authentication),
    },
    backlog: (aggregate) => ({
      alarm: 'OffsetLag',
      title: 'Records that wait in the partition furthest behind',
      metric: aggregate.metric('OffsetLag', { statistic: 'Maximum' }),
    }),
  };
}

/**
 * The ARN of a topic or a group in a cluster, in MSK's form
 * (https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html).
 */
function resourceOf(clusterArn: string, kind: 'topic' | 'group', name: string): string {
  const parts = Fn.split(':cluster/', clusterArn, 2);
  return `${Fn.select(0, parts)}:${kind}/${Fn.select(1, parts)}/${name}`;
}

const accessTypes: Readonly<Partial<Record<KafkaAuthentication, SourceAccessConfigurationType>>> = {
  'scram-512': SourceAccessConfigurationType.SASL_SCRAM_512_AUTH,
  'scram-256': SourceAccessConfigurationType.SASL_SCRAM_256_AUTH,
  plain: SourceAccessConfigurationType.BASIC_AUTH,
  mtls: SourceAccessConfigurationType.CLIENT_CERTIFICATE_TLS_AUTH,
};

/** The way of Lambda's pollers to the brokers. Those of MSK are in the cluster's network by themselves. */
function access(
  { clusterArn, secret, rootCertificate, vpc, vpcSubnets, securityGroups = [] }: KafkaProps,
  authentication: KafkaAuthentication,
) {
  const configurations: SourceAccessConfiguration[] = [];
  const type = accessTypes[authentication];
  if (type !== undefined && secret !== undefined) configurations.push({ type, uri: secret.secretArn });
  if (rootCertificate !== undefined && clusterArn === undefined)
    configurations.push({
      type: SourceAccessConfigurationType.SERVER_ROOT_CA_CERTIFICATE,
      uri: rootCertificate.secretArn,
    });
  if (vpc !== undefined && clusterArn === undefined) {
    for (const uri of vpc.selectSubnets(vpcSubnets).subnetIds)
      configurations.push({ type: SourceAccessConfigurationType.VPC_SUBNET, uri });
    for (const { securityGroupId: uri } of securityGroups)
      configurations.push({ type: SourceAccessConfigurationType.VPC_SECURITY_GROUP, uri });
  }
  return configurations.length === 0 ? {} : { sourceAccessConfigurations: configurations };
}
