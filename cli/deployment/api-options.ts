import { connecting, flag, value, valueOr } from '../program/command.ts';
import { UsageError } from '../program/errors.ts';
import { httpUrl, text } from '../program/option-value.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { signedFetch } from './signed-fetch.ts';
import { type DeploymentOptions, deploymentOptions, stackOutput } from './stack.ts';

/** The options by which a command finds a query API. */
export const apiOptions = {
  ...deploymentOptions,
  ...connecting({
    api: value(
      'url',
      'any other address of a query API, without /v1; to API Gateway requests are signed with your AWS credentials',
      httpUrl,
    ),
  }),
};

/** The place of a query API. */
export interface ApiPlace extends DeploymentOptions {
  readonly api: string | undefined;
}

/** The options that choose windows. */
export const windowOptions = {
  query: value('name', 'one query of the pipeline (default: all)', text),
  from: value('time', 'windows that start at or after this: ISO 8601 with a zone, or epoch milliseconds', text),
  to: value('time', 'windows that start before this', text),
  status: valueOr('status', 'final, open or all', text, 'all'),
};

/** The address of a query API, and the function that makes requests to it. */
export interface ApiAddress {
  /** Without `/v1`. */
  readonly base: string;
  readonly request: (url: URL) => Promise<Response>;
}

/** Opens the API that the options name. */
export async function openApi(place: ApiPlace): Promise<ApiClient> {
  const { base, request } = await openAddress(place);
  return apiClient(base, request);
}

/** The address of the API that the options name. */
export async function openAddress(place: ApiPlace): Promise<ApiAddress> {
  const given = (['port', 'api', 'stack'] as const).filter((name) => place[name] !== undefined);
  if (given.length > 1)
    throw new UsageError(`${given.map((name) => `--${name}`).join(' and ')} exclude each other: give one of them`);
  if (place.port !== undefined) return { base: `http://127.0.0.1:${place.port}`, request: fetch };
  if (place.api === undefined && place.stack === undefined)
    throw new UsageError(
      '--port is missing: give the port that tidemark up printed, --stack with a stack, or --api with the address of a query API',
    );
  const base = place.api ?? (await addressOf(place));
  return { base, request: requestsTo(new URL(base), place) };
}

/** On an emulator the stack's own address names a host of AWS. */
async function addressOf(place: ApiPlace): Promise<string> {
  if (place.endpoint === undefined) return stackOutput(place, 'ApiUrl');
  const [id, stage] = await Promise.all([stackOutput(place, 'ApiId'), stackOutput(place, 'ApiStage')]);
  return `${place.endpoint.replace(/\/$/, '')}/_aws/execute-api/${id}/${stage}`;
}

/**
 * The function that makes requests to an API. Behind API Gateway they are signed with the caller's own credentials
 * (environment, profile), as the stack demands. An emulator on this machine takes any credentials.
 */
function requestsTo(
  api: URL,
  { profile, region: given }: DeploymentOptions,
  environment: NodeJS.ProcessEnv = process.env,
): (url: URL) => Promise<Response> {
  const region = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(api.hostname)?.[1];
  const own = async () => {
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
    return defaultProvider(profile === undefined ? {} : { profile })();
  };
  if (region !== undefined) return signedFetch({ region, service: 'execute-api', credentials: own });
  if (!api.pathname.startsWith('/_aws/execute-api/')) return fetch;
  const { AWS_ACCESS_KEY_ID, AWS_PROFILE } = environment;
  const credentials =
    AWS_ACCESS_KEY_ID || AWS_PROFILE || profile !== undefined ? own : { accessKeyId: 'test', secretAccessKey: 'test' };
  return signedFetch({ region: given ?? environment.AWS_REGION ?? 'us-east-1', service: 'execute-api', credentials });
}

/**
 * The queries that the options choose, with their group-by fields. A name without a version means the version that it
 * stands for now; `NAME@1` is the first.
 */
export async function chosenQueries(api: ApiClient, name: string | undefined): ReturnType<ApiClient['queries']> {
  const queries = await api.queries();
  if (name === undefined) return queries;
  const chosen =
    queries.find((query) => query.serves === name) ?? queries.find((query) => query.name === name.replace(/@1$/, ''));
  if (chosen === undefined)
    throw new UsageError(`--query: there is no query ${name}: use ${queries.map((query) => query.name).join(', ')}`);
  return [chosen];
}

/** Leaves CSV as it is, for readers other than spreadsheets. */
export const rawFlag = flag(
  'CSV: text that a spreadsheet would take for a formula as it is (default: an apostrophe before it)',
);
