import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyTooLarge, readBody } from '../account/request-body.ts';
import { decodedPath } from '../account/request-guard.ts';
import type { Invocation, LambdaFunction } from './lambda-function.ts';

/** Tidemark's own header beside Lambda's: the sums of the invocation's metrics, JSON in base64. */
export const metricsHeader = 'x-tidemark-metrics';

/**
 * Lambda's limit for the event of a synchronous invocation, plus the size that Kinesis's envelope may add to a batch of
 * 6 MB.
 */
const mostEventBytes = 7 * 1024 * 1024;
/** The size of the end of the log that `X-Amz-Log-Type: Tail` asks for. */
const logTailBytes = 4 * 1024;

const invokePath = /^\/2015-03-31\/functions\/([^/?]+)\/invocations(?:\?.*)?$/;

/**
 * The function that an Invoke request names (by name, ARN, or either with a version), or undefined for any other path.
 */
export function invokedName(path: string): string | undefined {
  const name = invokePath.exec(path)?.[1];
  if (name === undefined) return undefined;
  return decodedPath(name)
    ?.replace(/^.*:function:/, '')
    .replace(/:[^:]*$/, '');
}

/** Lambda's Invoke call: RequestResponse, Event (run once, without the retries that Lambda would make) and DryRun. */
export async function answerInvoke(
  name: string,
  functions: ReadonlyMap<string, LambdaFunction>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = functions.get(name);
  if (target === undefined) {
    const known = [...functions.keys()].join(', ');
    return refuse(response, 404, 'ResourceNotFoundException', `Function not found: ${name} (there are ${known})`);
  }
  const event = await readEvent(request, response);
  if (event === undefined) return;
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse';
  if (type === 'DryRun') {
    response.writeHead(204).end();
  } else if (type === 'Event') {
    target.invokeLater(event);
    response.writeHead(202).end();
  } else {
    const isWanted = (): boolean => !response.destroyed;
    answer(response, await target.invoke(event, isWanted), request.headers['x-amz-log-type'] === 'Tail');
  }
}

async function readEvent(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const event = await readBody(request, mostEventBytes);
    const given = event.length === 0 ? new Uint8Array(new TextEncoder().encode('{}')) : event;
    if (!isJson(given)) {
      refuse(response, 400, 'InvalidRequestContentException', 'Could not parse request body into json');
      return undefined;
    }
    return given;
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    refuse(
      response,
      413,
      'RequestTooLargeException',
      `Request must be smaller than ${mostEventBytes} bytes for the InvokeFunction operation`,
    );
    return undefined;
  }
}

/** Looks at the ends only: the batches of the mapping are megabytes, and the function parses them anyway. */
function isJson(event: Uint8Array): boolean {
  if (event.length > 64 * 1024) return event[0] === 0x7b || event[0] === 0x5b;
  try {
    JSON.parse(Buffer.from(event).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function answer(response: ServerResponse, invocation: Invocation, withLog: boolean): void {
  const { result } = invocation;
  const payload = result.kind === 'success' ? result.payload : JSON.stringify(result.error);
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-amzn-requestid', invocation.requestId);
  response.setHeader('x-amz-executed-version', '$LATEST');
  if (result.kind === 'error') response.setHeader('x-amz-function-error', 'Unhandled');
  if (withLog)
    response.setHeader('x-amz-log-result', Buffer.from(invocation.log).subarray(-logTailBytes).toString('base64'));
  if (Object.keys(invocation.metrics).length > 0)
    response.setHeader(metricsHeader, Buffer.from(JSON.stringify(invocation.metrics)).toString('base64'));
  response.writeHead(200).end(payload);
}

/** Answers with an error in the form of Lambda's REST protocol. */
export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code, connection: 'close' });
  response.end(JSON.stringify({ Type: status < 500 ? 'User' : 'Service', Message: message }));
}
