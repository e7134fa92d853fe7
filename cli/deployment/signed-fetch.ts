import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../functions/edge/sha256.ts';

/** The signer of requests, and the service that it signs for. */
export interface Signer {
  readonly region: string;
  /** The service's name in signatures, such as `execute-api`. */
  readonly service: string;
  /** Keys, or a function that gives them at each request: temporary keys expire. */
  readonly credentials: ConstructorParameters<typeof SignatureV4>[0]['credentials'];
}

/** The parts of a request besides its address. */
export interface SignedRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `fetch` whose requests carry AWS's signature, version 4, as an API that signs callers in with IAM wants it. */
export function signedFetch({
  region,
  service,
  credentials,
}: Signer): (url: URL, request?: SignedRequest) => Promise<Response> {
  const signer = new SignatureV4({ region, service, credentials, sha256: Sha256 });
  return async (url, { method = 'GET', headers = {}, body } = {}) => {
    const signed = await signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      path: url.pathname,
      query: queryOf(url),
      headers: { host: url.host, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    // fetch sets the host itself, to the same.
    const { host: _host, ...sent } = signed.headers;
    return fetch(url, { method, headers: sent, ...(body === undefined ? {} : { body }) });
  };
}

function queryOf({ searchParams }: URL): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {};
  for (const name of new Set(searchParams.keys())) {
    const values = searchParams.getAll(name);
    query[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return query;
}
