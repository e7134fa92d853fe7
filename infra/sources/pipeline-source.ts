import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMappingOptions, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { FunctionName } from '../../functions/core/deployment/settings.ts';
import type { SourceKind } from '../bundle/functions.ts';
import type { FunctionNetwork } from '../functions/function-network.ts';
import type { PipelineFunction } from '../functions/pipeline-function.ts';
import type { Backlog } from '../monitoring/backlog.ts';

/**
 * The source of a pipeline's events, in a stack. It has the differences between the kinds of streams, and nothing else.
 */
export interface PipelineSource {
  /** The kind of the client that the functions are bundled with. */
  readonly kind: SourceKind;
  /** The environment variables, by name, with which the functions find the source. */
  readonly environment: Readonly<Record<string, string>>;
  /** The output of the stack that names it. */
  readonly output: { readonly name: string; readonly value: string };
  /** The network of the functions that ask the source questions. @default outside of any VPC */
  readonly network?: FunctionNetwork;
  /** Grants a function the requests to the source that it needs. Lambda's pollers act with the role of aggregate. */
  grant(name: FunctionName, grantee: PipelineFunction): void;
  /** Lets a producer put records. @throws TidemarkError where that is not a matter of IAM */
  grantPut(grantee: IGrantable): Grant;
  /** The event source mapping, as props, that delivers the source to the aggregate function. */
  readonly mapping: SourceMapping;
  /** The backlog of delivery. */
  backlog(aggregate: IFunction): Backlog;
  /** Records that the stream has refused to its producers, where it says so. */
  readonly refusedPuts?: IMetric;
}

/** The props of an event source mapping, besides those that all have. */
export type SourceMapping = Readonly<
  Partial<
    Pick<
      EventSourceMappingOptions,
      | 'eventSourceArn'
      | 'kafkaBootstrapServers'
      | 'kafkaConsumerGroupId'
      | 'kafkaTopic'
      | 'parallelizationFactor'
      | 'reportBatchItemFailures'
      | 'sourceAccessConfigurations'
    >
  >
>;
