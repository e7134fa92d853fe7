import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMappingOptions, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { FunctionName } from '../../functions/core/deployment/settings.ts';
import type { SourceKind } from '../bundle/functions.ts';
import type { FunctionNetwork } from '../functions/function-network.ts';
import type { PipelineFunction } from '../functions/pipeline-function.ts';
import type { Backlog } from '../monitoring/backlog.ts';

/**
 * Where a pipeline's events come from, in a stack: what differs from one kind of stream to another, and nothing else.
 */
export interface PipelineSource {
  /** Which client the functions are bundled with. */
  readonly kind: SourceKind;
  /** How the functions find it: environment variables by name. */
  readonly environment: Readonly<Record<string, string>>;
  /** The output of the stack that names it. */
  readonly output: { readonly name: string; readonly value: string };
  /** Where the functions that ask it questions have to be. @default outside of any VPC */
  readonly network?: FunctionNetwork;
  /** Lets a function ask it what it has to. Lambda's pollers act with the role of aggregate. */
  grant(name: FunctionName, grantee: PipelineFunction): void;
  /** Lets a producer put records. @throws TidemarkError where that is not a matter of IAM */
  grantPut(grantee: IGrantable): Grant;
  /** Delivers it to the aggregate function, as props of an event source mapping. */
  readonly mapping: SourceMapping;
  /** How far delivery is behind. */
  backlog(aggregate: IFunction): Backlog;
}

/** What an event source mapping needs besides what all have. */
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
