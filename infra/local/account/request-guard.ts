import type { IncomingMessage, ServerResponse } from 'node:http';
import { eventsPath } from '../../../functions/api/events-path.ts';

/** The refusal of a request by a server on this machine: a status, and a line for a person with the remedy. */
export interface RequestRefusal {
  readonly status: 400 | 403 | 405 | 415 | 421 | 502;
  readonly detail: string;
}

const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * The paths at which a post changes something: Lambda's Invoke, and events. (Kinesis and DynamoDB have content types of
 * their own.)
 */
const changingPath = new RegExp(`^(?:/2015-03-31/functions/|${eventsPath}$)`);
/** The names of this machine, with any port: a tunnel may have another port at its other end. */
const ownHost = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;
/**
 * Content types that a web page may post to any origin without a preflight request
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
 */
const postedByAnyPage = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/**
 * The rule of all servers on this machine. They do not ask for a password, so a web page must not reach them: neither
 * from its own origin, nor under a name of its own that resolves to 127.0.0.1 (DNS rebinding). Clients that are not
 * browsers send no `Origin`.
 * @returns undefined for a request that is accepted
 */
export function requestRefusal(
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
): RequestRefusal | undefined {
  const { method = '', url = '', headers } = request;
  const { host = '' } = headers;
  if (!methods.includes(method)) return refusal(405, `method: ${method} is not served: use ${methods.join(', ')}`);
  if (!ownHost.test(host))
    return refusal(421, `host: ${shown(host)} is not a name of this machine: use 127.0.0.1 or localhost`);
  if (!url.startsWith('/'))
    return refusal(400, `path: ${shown(url)} does not begin with /: ask for a path, not for a URL`);
  const path = url.split('?', 1)[0] ?? '';
  if (decodedPath(path) === undefined)
    return refusal(400, `path: ${shown(url)} is not UTF-8 in percent-encoding: write % as %25`);
  if (isOfAnotherOrigin(method, headers))
    return refusal(
      403,
      `origin: ${shown(headers.origin ?? `${headers['sec-fetch-site']}`)} is another page's: pages of other origins get nothing here`,
    );
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (method === 'POST' && changingPath.test(path) && postedByAnyPage.includes(mediaType))
    return refusal(
      415,
      `content-type: ${mediaType} is what any web page may post: send application/json (curl: -H 'content-type: application/json')`,
    );
  return undefined;
}

/** Answers a refused request. */
export function refuseRequest(response: ServerResponse, { status, detail }: RequestRefusal): void {
  // Beside 405, RFC 9110 wants the methods that there are.
  const allow = status === 405 ? { allow: methods.join(', ') } : {};
  response
    .writeHead(status, { 'content-type': 'application/problem+json', ...allow })
    .end(JSON.stringify({ type: 'about:blank', status, detail }));
}

/** A path without its percent-encoding; undefined when the encoding is damaged. */
export function decodedPath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/**
 * Whether another origin sent the request. A link from elsewhere to a page here is allowed: a person follows it, and it
 * changes nothing.
 */
function isOfAnotherOrigin(method: string, headers: IncomingMessage['headers']): boolean {
  const { origin, host = '' } = headers;
  if (origin !== undefined) return origin.toLowerCase() !== `http://${host.toLowerCase()}`;
  const site = headers['sec-fetch-site'] ?? 'none';
  const isLink =
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return site !== 'none' && site !== 'same-origin' && !isLink;
}

function refusal(status: RequestRefusal['status'], detail: string): RequestRefusal {
  return { status, detail };
}

const shownCharacters = 60;

function shown(text: string): string {
  return JSON.stringify(text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text);
}
