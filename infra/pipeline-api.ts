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

/** The settings of a {@link PipelineApi}. */
export interface PipelineApiProps {
  /** The name of the deployment. */
  readonly name: string;
  /** The function that answers every GET. */
  readonly query: PipelineFunction;
  /** The function that takes posted events; undefined: events cannot be posted. */
  readonly ingest: PipelineFunction | undefined;
  /** Whether X-Ray traces requests. */
  readonly tracing: boolean;
  /** Requests a second that the API takes on average; twice as many in a burst. @default 50 */
  readonly requestsPerSecond: number | undefined;
  /** The settings of the request log; undefined: requests are not logged. */
  readonly accessLogs: { readonly retention: RetentionDays; readonly removalPolicy: RemovalPolicy } | undefined;
}

const mostRequestsPerSecond = 10_000;

/** The REST API of a pipeline. It authenticates callers with IAM, throttles them and logs their requests. */
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
        tracingEnabled: props.tracing,
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
    // The method is not on a resource of its own, because API Gateway would then find no other path below that. The
    // function refuses requests that are not for it.
    if (props.ingest !== undefined)
      everything.addMethod('POST', new LambdaIntegration(props.ingest, { allowTestInvoke: false }));
    this.acknowledgeFindings();
  }

  /** Lets somebody call the API by a method, on one path or on all. */
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
