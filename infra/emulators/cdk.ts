import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAttached } from './attached.ts';
import { EmulatorError } from './emulator-error.ts';

/** Emulators take any key; with IAM enforced, ministack takes this one for the account's root. */
export const emulatorKeys = { accessKeyId: 'test', secretAccessKey: 'test' } as const;
export const emulatorRegion = 'us-east-1';
const emulatorAccount = '000000000000';

/** The call of the CDK CLI for an endpoint. */
export interface CdkCli {
  /** The program and the arguments that come first. */
  readonly command: readonly [program: string, ...args: string[]];
  /** The variables that name the endpoint. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The pinned CDK CLI itself, for an endpoint that serves everything at one address. With an IP address, S3 is called
 * path-style.
 */
export function plainCdk(root: string, endpoint: string): CdkCli {
  return {
    command: [process.execPath, join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk')],
    environment: { AWS_ENDPOINT_URL: endpoint },
  };
}

/**
 * The same CLI for LocalStack, called through LocalStack's own wrapper, because files are not stored there as on AWS.
 */
export function localCdk(root: string, endpoint: string): CdkCli {
  return {
    command: [process.execPath, join(root, 'node_modules', 'aws-cdk-local', 'bin', 'cdklocal')],
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      EDGE_PORT: new URL(endpoint).port,
      AWS_ENVAR_ALLOWLIST: 'AWS_REGION,AWS_DEFAULT_REGION',
    },
  };
}

/** The surroundings of a CDK CLI. */
export interface CdkPlace {
  readonly root: string;
  readonly cli: CdkCli;
  /** The folder for cloud assemblies, outputs and the files of the CLI's home. It exists, and the caller removes it. */
  readonly folder: string;
  /** The machine's PATH. */
  readonly path: string;
  /** Ends the command that runs. */
  readonly signal?: AbortSignal;
}

/** One deployment of `infra/app.ts`: its context. */
export interface Deployment {
  /** A name under pipelines/, or the path of a file. */
  readonly pipeline: string;
  readonly stage: string;
  readonly shards?: number;
  /** Alarms, a dashboard and access logs. @default false: not every emulator has them */
  readonly operations?: boolean;
  /** The context that gives the pipeline its sources (infra/app-settings.ts). @default none */
  readonly sources?: Readonly<Record<string, string>>;
}

/** The outputs of a stack by name: infra/outputs.ts. */
export type Outputs = Readonly<Record<string, string>>;

/** The CDK CLI for one endpoint. A call that fails throws EmulatorError with the end of the CLI's output. */
export interface Cdk {
  bootstrap(): Promise<void>;
  deploy(deployment: Deployment): Promise<Outputs>;
  destroy(deployment: Deployment): Promise<void>;
}

/** Opens the CDK CLI for an emulator. */
export function openCdk({ root, cli, folder, path, signal }: CdkPlace): Cdk {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const [command, ...first] = cli.command;
  const run = (args: readonly string[]) =>
    runAttached(
      {
        root,
        command,
        args: [...first, ...args, '--output', join(folder, 'cdk.out'), '--ci'],
        // The caller's profiles and keys are left out: a deployment for an emulator must not reach an account.
        environment: {
          PATH: path,
          HOME: home,
          TMPDIR: folder,
          AWS_ACCESS_KEY_ID: emulatorKeys.accessKeyId,
          AWS_SECRET_ACCESS_KEY: emulatorKeys.secretAccessKey,
          AWS_REGION: emulatorRegion,
          AWS_DEFAULT_REGION: emulatorRegion,
          AWS_EC2_METADATA_DISABLED: 'true',
          AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
          CDK_DISABLE_VERSION_CHECK: '1',
          ...cli.environment,
        },
      },
      signal,
    );
  return {
    async bootstrap() {
      await run(['bootstrap', `aws://${emulatorAccount}/${emulatorRegion}`]);
    },
    async deploy(deployment) {
      const file = join(folder, 'outputs.json');
      await run(['deploy', ...context(deployment), '--require-approval', 'never', '--outputs-file', file]);
      const [outputs] = Object.values(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Outputs>);
      if (outputs === undefined) throw new EmulatorError('cdk deploy gave no outputs: look at the emulator');
      return outputs;
    },
    async destroy(deployment) {
      await run(['destroy', ...context(deployment), '--force']);
    },
  };
}

/** Emulators lack some alarms, and the role through which API Gateway writes logs. */
function context({ pipeline, stage, shards, operations = false, sources = {} }: Deployment): string[] {
  const values = { pipeline, stage, operations, ...sources, ...(shards === undefined ? {} : { shards }) };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The URL at which an emulator serves a REST API, without `/v1`. The stack's own URL names a host of AWS. */
export function apiUrl(endpoint: string, outputs: Outputs): string {
  return `${endpoint.replace(/\/$/, '')}/_aws/execute-api/${outputs.ApiId}/${outputs.ApiStage}`;
}
