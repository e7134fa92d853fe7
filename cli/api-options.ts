import { type ApiClient, apiClient } from './api-client.ts';
import { value, valueOr } from './command.ts';
import { UsageError } from './errors.ts';
import { httpUrl, port, text } from './option-value.ts';
import { signedFetch } from './signed-fetch.ts';

/** The options by which a command finds a query API. */
export const apiOptions = {
  port: value('port', 'the embedded AWS that tidemark up started on this port of this machine', port),
  api: value('url', 'any other address of a query API, without /v1; to API Gateway requests are signed with your AWS credentials', httpUrl),
};

/** The options that choose windows. */
export const windowOptions = {
  query: value('name', 'one query of the pipeline (default: all)', text),
  from: value('time', 'windows that start at or after this: ISO 8601 with a zone, or epoch milliseconds', text),
  to: value('time', 'windows that start before this', text),
  status: valueOr('status', 'final, open or all', text, 'all'),
};

/** Where a query API is, and what makes requests to it. */
export interface ApiAddress {
  /** Without `/v1`. */
  readonly base: string;
  readonly request: (url: URL) => Promise<Response>;
}

/** Opens the API that the options name. */
export function openApi(options: Parameters<typeof openAddress>[0]): ApiClient {
  const { base, request } = openAddress(options);
  return apiClient(base, request);
}

/** The address of the API that the options name. */
export function openAddress(options: { readonly port: number | undefined; readonly api: string | undefined }): ApiAddress {
  if (options.port !== undefined && options.api !== undefined) throw new UsageError('--port and --api exclude each other: give one of them');
  if (options.port !== undefined) return { base: `http://127.0.0.1:${options.port}`, request: fetch };
  if (options.api !== undefined) return { base: options.api, request: requestsTo(new URL(options.api)) };
  throw new UsageError('--port is missing: give the port that tidemark up printed, or --api with the address of a query API');
}

/**
 * What makes requests to an API: behind API Gateway they are signed with the caller's own credentials (environment, profile), as the stack asks for; an
 * emulator on this machine takes any.
 */
function requestsTo(api: URL, environment: NodeJS.ProcessEnv = process.env): (url: URL) => Promise<Response> {
  const region = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(api.hostname)?.[1];
  if (region !== undefined) return signedFetch({ region, service: 'execute-api', credentials: ownCredentials });
  if (!api.pathname.startsWith('/_aws/execute-api/')) return fetch;
  const { AWS_ACCESS_KEY_ID, AWS_PROFILE } = environment;
  const credentials = AWS_ACCESS_KEY_ID || AWS_PROFILE ? ownCredentials : { accessKeyId: 'test', secretAccessKey: 'test' };
  return signedFetch({ region: environment.AWS_REGION ?? 'us-east-1', service: 'execute-api', credentials });
}

async function ownCredentials() {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider()();
}

/** The queries that the options choose, with their group-by fields. */
export async function chosenQueries(api: ApiClient, name: string | undefined): ReturnType<ApiClient['queries']> {
  const queries = await api.queries();
  if (name === undefined) return queries;
  const chosen = queries.filter((query) => query.name === name);
  if (chosen.length === 0) throw new UsageError(`--query: there is no query ${name}: use ${queries.map((query) => query.name).join(', ')}`);
  return chosen;
}
