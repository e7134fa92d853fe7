import { NodeHttpHandler } from '@smithy/node-http-handler';
import { connecting, value } from '../program/command.ts';
import { UsageError } from '../program/errors.ts';
import { httpUrl, port, text } from '../program/option-value.ts';

/** The options by which a command finds AWS. */
export const endpointOptions = connecting({
  port: value('port', 'the embedded AWS that tidemark up started on this port of this machine', port),
  endpoint: value(
    'url',
    "any other AWS endpoint, such as http://127.0.0.1:4566 (default: the SDK's own: AWS_ENDPOINT_URL, AWS_PROFILE, AWS_REGION)",
    httpUrl,
  ),
  profile: value('name', 'your AWS profile (default: AWS_PROFILE, or the default one)', text),
  region: value('name', 'the AWS region (default: AWS_REGION, or that of the profile)', text),
});

/** The place of AWS. Without either address, the SDK's own chain (environment, profile) decides. */
export interface Endpoint {
  readonly port: number | undefined;
  readonly endpoint: string | undefined;
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

/** Emulators take any key. */
const emulator = { region: 'us-east-1', credentials: { accessKeyId: 'tidemark', secretAccessKey: 'tidemark' } };

/**
 * The part of an SDK client's configuration that says where it connects. One address of the embedded AWS serves
 * Kinesis, DynamoDB and Lambda. An endpoint on this machine needs no credentials when none are set. The protocol is
 * always HTTP/1: the Kinesis client's default, HTTP/2, fails on every emulator.
 */
export function clientConfig(where: Endpoint, environment: NodeJS.ProcessEnv = process.env) {
  if (where.port !== undefined && where.endpoint !== undefined)
    throw new UsageError('--port and --endpoint exclude each other: give one of them');
  const { profile, region } = where;
  const named = { ...(profile === undefined ? {} : { profile }), ...(region === undefined ? {} : { region }) };
  const shared = { requestHandler: new NodeHttpHandler(), maxAttempts: 5, ...named };
  if (where.port !== undefined) return { ...shared, ...emulator, endpoint: endpointOf(where) ?? '' };
  if (where.endpoint === undefined) return shared;
  const { AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION } = environment;
  const here = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(where.endpoint).hostname);
  return {
    ...shared,
    endpoint: where.endpoint,
    ...(here && !AWS_ACCESS_KEY_ID && !AWS_PROFILE && profile === undefined
      ? { credentials: emulator.credentials }
      : {}),
    ...(here && !AWS_REGION && !AWS_DEFAULT_REGION && !AWS_PROFILE && profile === undefined && region === undefined
      ? { region: emulator.region }
      : {}),
  };
}

/** The address itself, or undefined when the SDK decides. */
function endpointOf({ port, endpoint }: Endpoint): string | undefined {
  return port === undefined ? endpoint : `http://127.0.0.1:${port}`;
}
