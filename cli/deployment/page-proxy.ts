import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refuseRequest, requestRefusal } from '../../infra/local/account/request-guard.ts';
import { reportError, UsageError } from '../program/errors.ts';
import type { ApiAddress } from './api-options.ts';

/** A server on this machine that passes requests on to a query API. */
export interface PageProxy {
  /** Ends with `/`. */
  readonly url: string;
  close(): Promise<void>;
}

/** The headers of an answer that a browser needs. The rest concern a connection that it does not have. */
const passedOn = [
  'content-type',
  'content-security-policy',
  'cache-control',
  'etag',
  'referrer-policy',
  'x-content-type-options',
] as const;

/**
 * Serves a query API, its page included, on 127.0.0.1. It makes requests to the API as the command line does, signed
 * where the API demands it. It lends its caller's credentials to everyone who reaches it. So it answers only requests
 * that read, and only those that every server on this machine takes.
 */
export async function startPageProxy({ base, request }: ApiAddress, port: number): Promise<PageProxy> {
  const root = base.replace(/\/$/, '');

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = requestRefusal(incoming);
    if (refusal !== undefined) return refuseRequest(response, refusal);
    const { method = 'GET', url = '/' } = incoming;
    if (method !== 'GET' && method !== 'HEAD')
      return refuseRequest(response, { status: 405, detail: `${method} changes nothing here: use GET` });
    let answered: Response;
    let body: Buffer;
    try {
      answered = await request(new URL(root + url));
      body = Buffer.from(await answered.arrayBuffer());
    } catch (error) {
      return refuseRequest(response, { status: 502, detail: reportError(error).message });
    }
    for (const name of passedOn) {
      const value = answered.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    response.writeHead(answered.status, { 'content-length': body.length }).end(method === 'HEAD' ? undefined : body);
  }

  const server = createServer((incoming, response) => void answer(incoming, response).catch(() => response.destroy()));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new UsageError(`--listen: port ${port} is in use: give another one, or 0 for any`);
    throw error;
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
