import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { connecting, value } from '../program/command.ts';
import { TidemarkError, UsageError } from '../program/errors.ts';
import { text } from '../program/option-value.ts';
import { clientConfig, type Endpoint, endpointOptions } from './endpoint.ts';

/** The options by which a command finds a deployment. */
export const deploymentOptions = {
  ...endpointOptions,
  ...connecting({
    stack: value(
      'name',
      'a stack, in an account or on an emulator: its outputs say where its API, stream and functions are',
      text,
    ),
  }),
};

/** A choice of a deployment. */
export interface DeploymentOptions extends Endpoint {
  readonly stack?: string | undefined;
}

/** The outputs that commands need (infra/outputs.ts). */
type OutputName = 'ApiUrl' | 'ApiId' | 'ApiStage' | 'StreamName' | 'FinalizeFunction';

/**
 * An output of a stack.
 * @throws TidemarkError when there is no such stack, or it is not one of Tidemark's
 */
export async function stackOutput(where: DeploymentOptions, name: OutputName): Promise<string> {
  const { stack = '' } = where;
  if (where.port !== undefined)
    throw new UsageError('--stack and --port exclude each other: the embedded AWS has no stacks');
  const client = new CloudFormationClient(clientConfig(where));
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const found = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === name)?.OutputValue;
    if (found !== undefined) return found;
    throw new TidemarkError(
      `--stack ${stack}: has no output ${name}: name a stack of Tidemark's app, or one that adds its outputs (addOutputs)`,
    );
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ValidationError')) throw error;
    throw new TidemarkError(
      `--stack ${stack}: does not exist there: correct the name, --region, --profile or --endpoint, or deploy it`,
    );
  } finally {
    client.destroy();
  }
}
