import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { EnvironmentData, FromEnvironment, FunctionError, InvokeMessage } from './environment-messages.ts';

/**
 * The inside of an execution environment, which does the work of Lambda's runtime for Node. It loads the bundled
 * function once. State in the function's modules lives as long as the environment. It runs one invocation at a time.
 */
type Handler = (event: unknown, context: object) => unknown;

function say(message: FromEnvironment): void {
  parentPort?.postMessage(message);
}

/** Sends output to the log in the order of writing. A worker's own stdout stream would come later than the result. */
function captureOutput(stream: NodeJS.WriteStream): void {
  stream.write = (
    chunk: Uint8Array | string,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean => {
    say({ type: 'log', text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8') });
    const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done;
    if (callback !== undefined) queueMicrotask(() => callback(null));
    return true;
  };
}

function describe(thrown: unknown): FunctionError {
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
}

function contextOf(invocation: InvokeMessage): object {
  const deadlineMs = Date.now() + invocation.timeoutMs;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: invocation.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: invocation.functionArn,
    memoryLimitInMB: String(invocation.memoryMb),
    awsRequestId: invocation.requestId,
    logGroupName: `/aws/lambda/${invocation.functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

async function invoke(handler: Handler, invocation: InvokeMessage): Promise<void> {
  try {
    const event: unknown = JSON.parse(Buffer.from(invocation.event).toString('utf8'));
    const result = await handler(event, contextOf(invocation));
    say({ type: 'result', payload: JSON.stringify(result ?? null) ?? 'null' });
  } catch (thrown) {
    const error = describe(thrown);
    say({ type: 'log', text: `ERROR\tInvoke Error\t${JSON.stringify(error)}\n` });
    say({ type: 'error', error });
  }
}

async function main(): Promise<void> {
  captureOutput(process.stdout);
  captureOutput(process.stderr);
  const { handlerFile } = workerData as EnvironmentData;
  try {
    const module: { readonly handler?: unknown } = await import(pathToFileURL(handlerFile).href);
    const { handler } = module;
    if (typeof handler !== 'function') {
      return say({
        type: 'initError',
        error: {
          errorType: 'Runtime.HandlerNotFound',
          errorMessage: `${handlerFile} exports no function named handler`,
        },
      });
    }
    parentPort?.on('message', (invocation: InvokeMessage) => invoke(handler as Handler, invocation));
    say({ type: 'ready' });
  } catch (thrown) {
    const error = describe(thrown);
    say({ type: 'log', text: `ERROR\tInit Error\t${JSON.stringify(error)}\n` });
    say({ type: 'initError', error });
  }
}

await main();
