import { signedFetch } from '../../cli/deployment/signed-fetch.ts';
import { emulatorKeys, emulatorRegion } from '../../infra/emulators/cdk.ts';

/** Keys, and the token of temporary ones. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The answer of a service. */
export interface Called {
  readonly status: number;
  readonly text: string;
}

/** `GET` at a deployed API, signed. */
export function signedGet(keys: Keys = emulatorKeys): (url: URL) => Promise<Response> {
  return signedFetch({ region: emulatorRegion, service: 'execute-api', credentials: keys });
}

/** A call in AWS's JSON protocols, for services whose SDK client is not a dependency. */
export async function jsonCall(
  endpoint: string,
  service: string,
  target: string,
  input: unknown,
  keys: Keys = emulatorKeys,
): Promise<Called> {
  const contentType = service === 'logs' ? 'application/x-amz-json-1.1' : 'application/x-amz-json-1.0';
  return call(endpoint, service, { 'content-type': contentType, 'x-amz-target': target }, JSON.stringify(input), keys);
}

/** A call in AWS's query protocol. */
export async function queryCall(
  endpoint: string,
  service: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Called> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return call(endpoint, service, headers, new URLSearchParams(parameters).toString(), emulatorKeys);
}

async function call(
  endpoint: string,
  service: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  keys: Keys,
): Promise<Called> {
  const send = signedFetch({ region: emulatorRegion, service, credentials: keys });
  const response = await send(new URL('/', endpoint), { method: 'POST', headers, body });
  return { status: response.status, text: await response.text() };
}
