import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refuseRequest, requestRefusal } from '../account/request-guard.ts';
import { answer } from '../gateway/request-under-way.ts';

/**
 * Puts a server of this machine on 127.0.0.1, behind the guard that keeps web pages out. dynalite throws, and so ends the
 * process, when a client goes away in the middle of a request (a function killed while it writes). It also throws at
 * some requests that nobody sends on purpose. Here only that request ends. The server never closes idle connections,
 * because a client that reuses one at that moment sees an error.
 */
export function listen(server: Server, port: number): Promise<number> {
  const [handle] = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = requestRefusal(request);
    if (refusal !== undefined) return refuseRequest(response, refusal);
    // dynalite would let every origin read an answer to a request with an origin.
    delete request.headers.origin;
    answer(request, response, () => handle?.(request, response));
    request.removeAllListeners('error');
    request.on('error', () => response.destroy());
  });
  server.keepAliveTimeout = 0;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Closes an emulator and its database at once. Connections that are still open are cut. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
