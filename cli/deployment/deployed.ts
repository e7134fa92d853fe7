import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { resourceNames } from '../../infra/local/resources/resources.ts';
import { value } from '../program/command.ts';
import { UsageError } from '../program/errors.ts';
import { text } from '../program/option-value.ts';
import { defaultPipeline, loadPipeline, namedPipelines } from '../program/pipeline-file.ts';
import type { HealthJson } from './api-client.ts';
import { type ApiPlace, openApi } from './api-options.ts';
import { type DeploymentOptions, deploymentOptions, stackOutput } from './stack.ts';

/** The options of the commands that ask the finalize function of a deployment for something. */
export const operationOptions = {
  ...deploymentOptions,
  pipeline: value(
    'name|path',
    `the pipeline whose finalize function is invoked (default: the one that --port or --stack serves; ${defaultPipeline} elsewhere)`,
    text,
  ),
  function: value(
    'name',
    'the finalize function (default: the one of --port or --stack, or tidemark-PIPELINE-finalize)',
    text,
  ),
};

/** A deployment, and the pipeline that a person says it serves, if one was named. */
export interface NamedDeployment extends DeploymentOptions {
  readonly api?: string | undefined;
  /** A name under `pipelines/` or a path. */
  readonly pipeline?: string | undefined;
}

/** Whether the place has an API to ask. */
export function hasApi({ port, stack, api }: NamedDeployment): boolean {
  return port !== undefined || stack !== undefined || api !== undefined;
}

/** The answer of a place about itself: the pipeline that it serves. */
export async function served(place: NamedDeployment): Promise<HealthJson> {
  const at: ApiPlace = { ...place, api: place.api };
  return (await openApi(at)).health();
}

/**
 * The finalize function of a deployment: the named one, the one of the stack, or the one of the pipeline that the port
 * serves.
 * @throws UsageError when --pipeline names another pipeline than the port serves
 */
export async function finalizeFunction(
  options: NamedDeployment & { readonly function?: string | undefined },
): Promise<string> {
  if (options.function !== undefined) return options.function;
  if (options.stack !== undefined) return stackOutput(options, 'FinalizeFunction');
  if (options.port === undefined)
    return resourceNames((await loadPipeline(options.pipeline ?? defaultPipeline)).name).functions.finalize;
  const { pipeline } = await served(options);
  if (options.pipeline !== undefined) checkServed(options, await loadPipeline(options.pipeline), pipeline);
  return resourceNames(pipeline).functions.finalize;
}

/**
 * The file of the pipeline that a deployment serves, for commands that count with it: the named one, or the one found
 * by its name under `pipelines/`.
 * @param fallback the file where nothing says which pipeline is deployed
 * @throws UsageError when --pipeline names another one, or has to be named
 */
export async function servedFile(options: NamedDeployment, fallback: string = defaultPipeline): Promise<string> {
  if (options.pipeline !== undefined) {
    // A stack is asked for its own names only: a caller who may use them need not be allowed to use its API.
    if (options.port !== undefined)
      checkServed(options, await loadPipeline(options.pipeline), (await served(options)).pipeline);
    return options.pipeline;
  }
  if (!hasApi(options)) return fallback;
  const { pipeline } = await served(options);
  const file = await fileNamed(pipeline);
  if (file !== undefined) return file;
  throw new UsageError(
    `--pipeline is missing: ${placeText(options)} serves ${pipeline}, which is not under pipelines/: give the path of its file`,
  );
}

/** The file under `pipelines/` that defines the pipeline of a name; undefined when there is none. */
async function fileNamed(pipeline: string): Promise<string | undefined> {
  if (!namedPipelines().includes(pipeline)) return undefined;
  return (await loadPipeline(pipeline)).name === pipeline ? pipeline : undefined;
}

/** @throws UsageError when the two are not the same */
function checkServed(options: NamedDeployment, { name }: Pick<Pipeline, 'name'>, pipeline: string): void {
  if (name === pipeline) return;
  throw new UsageError(
    `--pipeline ${options.pipeline} is pipeline ${name}, and ${placeText(options)} serves ${pipeline}: leave it out, or name another place`,
  );
}

function placeText({ port, stack, api }: NamedDeployment): string {
  if (port !== undefined) return `--port ${port}`;
  return stack === undefined ? `--api ${api}` : `--stack ${stack}`;
}
