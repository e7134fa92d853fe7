import { join, resolve } from 'node:path';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Annotations, Duration, type RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { deliver, type FunctionName, functions } from '../functions/core/settings.ts';
import type { Sink } from '../functions/core/sink.ts';
import { functionCode, holdsZodLocales } from './function-code.ts';
import type { FunctionBinding } from './sink-target.ts';

const packageFolder = join(import.meta.dirname, '..');

/** What Lambda does with a function's role to put it into a VPC (the managed policy AWSLambdaVPCAccessExecutionRole, less its logging). */
const networkActions = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
] as const;

/** What a function of a pipeline is made of. */
export interface PipelineFunctionProps {
  /** Which of the three, or that of a sink: its time-out and memory come from the settings that the embedded runner uses too. */
  readonly name: FunctionName | 'deliver';
  /** For the function of a sink. @default none */
  readonly sink?: Sink;
  /** @default no VPC */
  readonly network?: Pick<FunctionBinding, 'vpc' | 'vpcSubnets' | 'securityGroups'>;
  /** The file whose export `handler` is the function. */
  readonly entry: string;
  /** The file of the pipeline, which takes the place of `#pipeline` in the bundle. */
  readonly pipeline: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logRetention: RetentionDays;
  readonly logRemovalPolicy: RemovalPolicy;
}

/**
 * One of the three functions, bundled with its pipeline. The role is our own, because the managed policy for basic execution allows logging to every
 * group of the account.
 * @throws TidemarkError, one line with the place, when the pipeline does not compile
 */
export class PipelineFunction extends LambdaFunction {
  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    const logGroup = new LogGroup(scope, `${id}Log`, { retention: props.logRetention, removalPolicy: props.logRemovalPolicy });
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] }));
    const { vpc, vpcSubnets, securityGroups } = props.network ?? {};
    if (vpc !== undefined) role.addToPolicy(new PolicyStatement({ actions: [...networkActions], resources: ['*'] }));
    const { timeoutSeconds, memoryMb } = props.name === 'deliver' ? deliver : functions[props.name];
    let hasLocales = false;
    let failure: unknown;
    try {
      super(scope, id, {
        code: functionCode({
          entry: resolve(props.entry),
          pipelineFile: resolve(props.pipeline),
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
        architecture: Architecture.ARM_64,
        timeout: Duration.seconds(timeoutSeconds),
        memorySize: memoryMb,
        environment: { ...props.environment },
        role,
        logGroup,
        tracing: Tracing.ACTIVE,
        ...(vpc === undefined ? {} : { vpc }),
        ...(vpcSubnets === undefined ? {} : { vpcSubnets }),
        ...(securityGroups === undefined ? {} : { securityGroups: [...securityGroups] }),
      });
    } catch (error) {
      throw failure ?? error;
    }
    if (hasLocales)
      Annotations.of(this).addInfoV2(
        'tidemark:zodLocales',
        `The pipeline takes all of zod's translations into the function, 600 KB: write import * as z from 'zod', of which only what is used is bundled`,
      );
  }
}
