import {
  AccessLogFormat,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  RestApi,
  type StageOptions,
} from 'aws-cdk-lib/aws-apigateway';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type RemovalPolicy, Size } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { argumentError } from '../functions/core/arguments/error.ts';
import { compressedBytes } from '../functions/core/deployment/settings.ts';
import type { PipelineFunction } from './functions/pipeline-function.ts';
import { acknowledge } from './monitoring/findings.ts';

/** What a {@link PipelineApi} is made of. */
export interface PipelineApiProps {
  /** The name of the deployment. */
  readonly name: string;
  /** Answers every GET. */
  readonly query: PipelineFunction;
  /** Takes events that are posted; undefined: nobody does. */
  readonly ingest: PipelineFunction | undefined;
  /** Requests a second that it takes on average; twice as many in a burst. @default 50 */
  readonly requestsPerSecond: number | undefined;
  /** How its requests are logged; undefined: they are not. */
  readonly accessLogs: { readonly retention: RetentionDays; readonly removalPolicy: RemovalPolicy } | undefined;
}

const mostRequestsPerSecond = 10_000;

/** The REST API of a pipeline: it signs callers in with IAM, throttles them and logs what they ask for. */
export class PipelineApi extends RestApi {
  /** @throws TidemarkError when `requestsPerSecond` is not a rate */
  constructor(scope: Construct, id: string, props: PipelineApiProps) {
    const rate = requestRate(props.requestsPerSecond);
    super(scope, id, {
      restApiName: props.name,
      description: 'Windows, totals, watermarks and counters of a Tidemark pipeline',
      endpointTypes: [EndpointType.REGIONAL],
      minCompressionSize: Size.bytes(compressedBytes),
      cloudWatchRole: props.accessLogs !== undefined,
      deployOptions: {
        stageName: 'v1',
        tracingEnabled: true,
        throttlingRateLimit: rate,
        throttlingBurstLimit: 2 * rate,
        ...accessLog(scope, props.accessLogs),
      },
      defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
      defaultIntegration: new LambdaIntegration(props.query, { allowTestInvoke: false }),
    });
    this.root.addMethod('GET');
    const everything = this.root.addProxy({ anyMethod: false });
    everything.addMethod('GET');
    // Not on a resource of its own, below which API Gateway would look for no other path any more. The function refuses
    // what is not for it.
    if (props.ingest !== undefined)
      everything.addMethod('POST', new LambdaIntegration(props.ingest, { allowTestInvoke: false }));
    this.acknowledgeFindings();
  }

  /** Lets somebody call it by a method, on a path or on all. */
  grantCall(grantee: IGrantable, method: 'GET' | 'POST', path?: string): Grant {
    const resourceArns = [this.arnForExecuteApi(method, path)];
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
  }

  private acknowledgeFindings(): void {
    acknowledge([
      { on: this, id: 'AwsSolutions-COG4', reason: "Callers sign with IAM, as the account's other services do" },
      {
        on: this,
        id: 'AwsSolutions-APIG2',
        reason: 'The query function checks every parameter and answers what is wrong with it',
      },
      {
        on: this,
        id: 'AwsSolutions-APIG3',
        reason: 'Every request is signed and throttled; a web ACL costs money while nothing happens',
      },
      {
        on: this,
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
        reason: "API Gateway's own policy for the one role through which it writes logs",
      },
    ]);
  }
}

function accessLog(scope: Construct, logs: PipelineApiProps['accessLogs']): Partial<StageOptions> {
  if (logs === undefined) return {};
  return {
    accessLogDestination: new LogGroupLogDestination(new LogGroup(scope, 'AccessLog', logs)),
    accessLogFormat: AccessLogFormat.jsonWithStandardFields(),
    loggingLevel: MethodLoggingLevel.ERROR,
  };
}

function requestRate(rate = 50): number {
  if (Number.isInteger(rate) && rate >= 1 && rate <= mostRequestsPerSecond) return rate;
  throw argumentError(
    'requestsPerSecond',
    rate,
    `is not a rate: give a whole number from 1 to ${mostRequestsPerSecond}, API Gateway's quota`,
  );
}
