import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';

const underWay = new AsyncLocalStorage<ServerResponse>();

/** Answers a request in such a way that an exception thrown meanwhile, in callbacks too, is known to belong to it. */
export function answer(request: IncomingMessage, response: ServerResponse, act: () => void): void {
  // Listeners of the body are called by the connection, not by `act`.
  const emit = request.emit.bind(request) as (...event: unknown[]) => boolean;
  request.emit = ((...event: unknown[]) => within(response, () => emit(...event)) ?? true) as typeof request.emit;
  within(response, act);
}

function within<Value>(response: ServerResponse, act: () => Value): Value | undefined {
  return underWay.run(response, () => {
    try {
      return act();
    } catch (thrown) {
      // Thrown through `run`, the exception would lose the request that it belongs to.
      process.nextTick(() => {
        throw thrown;
      });
      return undefined;
    }
  });
}

/**
 * Has to be called for each uncaught exception. Ends the request that it belongs to with status 500, after which
 * clients try again.
 * @returns `none` when the exception belongs to no request, or to one that was answered
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
