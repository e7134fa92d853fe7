import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/** How long a call may take, and how often it is made when it fails. */
export interface Patience {
  readonly requestTimeoutMs: number;
  readonly maxAttempts: number;
}

/**
 * The client that the functions of sources put events with. HTTP/1, for every emulator fails on the SDK's HTTP/2
 * (docs/emulators.md).
 */
export function sourceKinesis({ requestTimeoutMs, maxAttempts }: Patience): KinesisClient {
  return new KinesisClient({
    maxAttempts,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 2_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    }),
  });
}
