import {
  Agent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';

/** Hands requests on to another server on this machine. */
export interface Proxy {
  /** `onDown` answers when the other server cannot be reached; `onAnswer` sees the headers of its answer. */
  forward(
    request: IncomingMessage,
    response: ServerResponse,
    onDown: () => void,
    onAnswer?: (headers: IncomingHttpHeaders) => void,
  ): void;
  close(): void;
}

/** A proxy to a port of 127.0.0.1; bodies are streamed both ways. */
export function createProxy(port: number): Proxy {
  const agent = new Agent({ keepAlive: true });
  return {
    forward(request, response, onDown, onAnswer) {
      const forwarded = httpRequest(
        { host: '127.0.0.1', port, method: request.method, path: request.url, headers: request.headers, agent },
        (answer) => {
          onAnswer?.(answer.headers);
          const { connection: _, 'keep-alive': __, ...headers } = answer.headers;
          response.writeHead(answer.statusCode ?? 502, headers);
          answer.pipe(response);
          answer.on('error', () => response.destroy());
          answer.on('end', () => {
            if (request.complete) return;
            // The request was answered before its end (a body that is too large). The rest is read and forgotten, so
            // that the client can go on.
            request.unpipe(forwarded);
            forwarded
              .removeAllListeners('error')
              .on('error', () => undefined)
              .destroy();
            request.resume();
          });
        },
      );
      forwarded.on('error', () => (response.headersSent ? response.destroy() : onDown()));
      request.on('error', () => forwarded.destroy());
      response.on('close', () => {
        if (!response.writableFinished) forwarded.destroy();
      });
      request.pipe(forwarded);
    },
    close: () => agent.destroy(),
  };
}
