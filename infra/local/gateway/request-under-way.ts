import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';

const underWay = new AsyncLocalStorage<ServerResponse>();

/**
 * Answers a request so that what is thrown meanwhile, in callbacks too, can be told from what was thrown by anything
 * else.
 */
export function answer(request: IncomingMessage, response: ServerResponse, act: () => void): void {
  // What listens to the body is called by the connection, not by `act`.
  const emit = request.emit.bind(request) as (...event: unknown[]) => boolean;
  request.emit = ((...event: unknown[]) => within(response, () => emit(...event)) ?? true) as typeof request.emit;
  within(response, act);
}

function within<Value>(response: ServerResponse, act: () => Value): Value | undefined {
  return underWay.run(response, () => {
    try {
      return act();
    } catch (thrown) {
      // Thrown through `run`, it would not be known any more which request it belongs to.
      process.nextTick(() => {
        throw thrown;
      });
      return undefined;
    }
  });
}

/**
 * To be called where an exception arrives that nobody caught: ends the request that it belongs to, with status 500,
 * which clients try again.
 * @returns `none` when it belongs to no request, or to one that was answered
 */
export function failRequest(thrown: unknown): 'failed' | 'none' {
  const response = underWay.getStore();
  if (response === undefined || response.writableEnded) return 'none';
  if (response.headersSent) {
    response.destroy();
    return 'failed';
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  response.writeHead(500, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': 'InternalFailure' });
  response.end(JSON.stringify({ __type: 'InternalFailure', message }));
  return 'failed';
}
