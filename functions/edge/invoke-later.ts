import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/**
 * Asks a function for a run, and does not wait for it (Lambda's invocation type Event).
 * @param functionName undefined: there is no function to ask, and nothing happens
 * @returns takes the event, which is an empty object where none is given
 */
export function kicker(functionName: string | undefined): ((event?: object) => Promise<void>) | undefined {
  if (functionName === undefined) return undefined;
  // The schedule makes up for a request that is late or lost. So one quick second try is enough, and the batch is not
  // kept waiting.
  const client = new LambdaClient({
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 2_000 }),
  });
  return async (event = {}) => {
    const Payload = new TextEncoder().encode(JSON.stringify(event));
    await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload }));
  };
}
