import { join, resolve } from 'node:path';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, type RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { type FunctionName, functions } from '../functions/core/settings.ts';
import { functionBundling, pipelineAlias } from './bundling.ts';

const packageFolder = join(import.meta.dirname, '..');

/** What a function of a pipeline is made of. */
export interface PipelineFunctionProps {
  /** Which of the three: its time-out and memory come from the settings that the embedded runner uses too. */
  readonly name: FunctionName;
  /** The file whose export `handler` is the function. */
  readonly entry: string;
  /** The file of the pipeline, which takes the place of `#pipeline` in the bundle. */
  readonly pipeline: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logRetention: RetentionDays;
  readonly logRemovalPolicy: RemovalPolicy;
}

/**
 * One of the three functions, bundled with its pipeline and with the AWS SDK (the runtime's own copy changes without notice, and an emulator may
 * replace it by stubs). The role is our own, because the managed policy for basic execution allows logging to every group of the account.
 */
export class PipelineFunction extends NodejsFunction {
  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    const logGroup = new LogGroup(scope, `${id}Log`, { retention: props.logRetention, removalPolicy: props.logRemovalPolicy });
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] }));
    const { timeoutSeconds, memoryMb } = functions[props.name];
    super(scope, id, {
      entry: resolve(props.entry),
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(timeoutSeconds),
      memorySize: memoryMb,
      environment: { ...props.environment },
      role,
      logGroup,
      tracing: Tracing.ACTIVE,
      bundling: {
        format: OutputFormat.ESM,
        target: functionBundling.target,
        mainFields: [...functionBundling.mainFields],
        banner: functionBundling.banner,
        externalModules: [],
        // A pipeline outside this package need not have its own copy of zod.
        environment: { NODE_PATH: join(packageFolder, 'node_modules') },
        esbuildArgs: aliasArguments(resolve(props.pipeline)),
      },
    });
  }
}

/**
 * esbuild's command line for the same aliases that the embedded AWS gives to its API: `#pipeline`, and `tidemark` for a pipeline that lies outside
 * this package.
 */
function aliasArguments(pipelineFile: string): Record<string, string> {
  const aliases = { ...pipelineAlias(pipelineFile), tidemark: join(packageFolder, 'functions', 'core', 'index.ts') };
  return Object.fromEntries(Object.entries(aliases).map(([name, file]) => [`--alias:${name}`, file]));
}
