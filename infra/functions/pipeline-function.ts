import { resolve } from 'node:path';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  type Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Annotations, Duration, type RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Sink } from '../../functions/core/definition/sink.ts';
import {
  deliver,
  type FunctionName,
  functions,
  type SourceName,
  sourceFunctions,
} from '../../functions/core/deployment/settings.ts';
import type { SourceKind } from '../bundle/functions.ts';
import { findPackageRoot } from '../bundle/package-root.ts';
import { functionCode, holdsZodLocales } from './function-code.ts';
import type { FunctionNetwork } from './function-network.ts';

const packageFolder = findPackageRoot();

/** What all functions of a pipeline have in common. */
export interface CommonFunctionProps {
  /** The file of the pipeline. It takes the place of `#pipeline` in the bundle. */
  readonly pipeline: string;
  readonly architecture: Architecture;
  /** Whether X-Ray traces it. */
  readonly tracing: boolean;
  readonly logRetention: RetentionDays;
  readonly logRemovalPolicy: RemovalPolicy;
}

/** The settings of a function of a pipeline. */
export interface PipelineFunctionProps extends CommonFunctionProps {
  /** The function's name. Its time-out and memory come from the settings that the embedded runner uses too. */
  readonly name: FunctionName | SourceName | 'deliver';
  /** The sink, for the function of one. @default none */
  readonly sink?: Sink;
  /** The file whose export `handler` is the function. */
  readonly entry: string;
  /** The source of its events. The function holds the client of that source and no other. */
  readonly source: SourceKind;
  /** The VPC that it runs in; undefined: none. */
  readonly network: FunctionNetwork | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Memory, MB. @default that of functions/core/deployment/settings.ts */
  readonly memoryMb?: number | undefined;
  /** @default that of functions/core/deployment/settings.ts */
  readonly timeout?: Duration | undefined;
  /** Most runs at a time, reserved from the account's concurrency. @default as many as the account lets */
  readonly reservedConcurrency?: number | undefined;
}

function inNetwork(network: FunctionNetwork | undefined) {
  if (network === undefined) return {};
  const { vpc, vpcSubnets, securityGroups } = network;
  return { vpc, ...(vpcSubnets && { vpcSubnets }), ...(securityGroups && { securityGroups }) };
}

/**
 * One of the functions, bundled with its pipeline. It has a role of its own, because the managed policy for basic
 * execution allows logging to every group of the account.
 * @throws TidemarkError, one line with the place, when the pipeline does not compile
 */
export class PipelineFunction extends LambdaFunction {
  /** Whether its concurrency is reserved, and so bounded. */
  readonly isBounded: boolean;

  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    const logGroup = new LogGroup(scope, `${id}Log`, {
      retention: props.logRetention,
      removalPolicy: props.logRemovalPolicy,
    });
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    const { timeoutSeconds, memoryMb } = { ...functions, ...sourceFunctions, deliver }[props.name];
    let hasLocales = false;
    let failure: unknown;
    try {
      super(scope, id, {
        code: functionCode({
          entry: resolve(props.entry),
          pipelineFile: resolve(props.pipeline),
          source: props.source,
          packageFolder,
          ...(props.sink === undefined ? {} : { sink: props.sink }),
          onBundled: (metafile) => {
            hasLocales = holdsZodLocales(metafile);
          },
          onFailed: (error) => {
            failure = error;
          },
        }),
        handler: 'index.handler',
        runtime: Runtime.NODEJS_24_X,
        architecture: props.architecture,
        timeout: props.timeout ?? Duration.seconds(timeoutSeconds),
        memorySize: props.memoryMb ?? memoryMb,
        ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrency }),
        environment: { ...props.environment },
        // Runs of finalize ask for the next one while an epoch has work left. Lambda would end that at the sixteenth.
        ...(props.name === 'finalize' ? { recursiveLoop: RecursiveLoop.ALLOW } : {}),
        role,
        logGroup,
        // Then Lambda's own lines are JSON too: those of time-outs, of memory that ran out, of cold starts.
        loggingFormat: LoggingFormat.JSON,
        tracing: props.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
        ...inNetwork(props.network),
      });
    } catch (error) {
      throw failure ?? error;
    }
    this.isBounded = props.reservedConcurrency !== undefined;
    if (hasLocales)
      Annotations.of(this).addInfoV2(
        'tidemark:zodLocales',
        `The pipeline takes all of zod's translations into the function, 600 KB: write import * as z from 'zod', of which only what is used is bundled`,
      );
  }
}
