import { describe, expect, it } from 'vitest';
import { requestRefusal } from '../../infra/local/account/request-guard.ts';

const host = '127.0.0.1:4500';

function refusedWith(method: string, url: string, headers: Readonly<Record<string, string>> = {}): number | undefined {
  return requestRefusal({ method, url, headers: { host, ...headers } })?.status;
}

describe('a server on this machine', () => {
  it.each([
    ['curl reads', 'GET', '/v1/queries', {}],
    ['curl posts JSON', 'POST', '/v1/events', { 'content-type': 'application/json' }],
    ['curl posts lines', 'POST', '/v1/events', { 'content-type': 'application/x-ndjson; charset=utf-8' }],
    [
      'an SDK invokes a function',
      'POST',
      '/2015-03-31/functions/f/invocations',
      { 'content-type': 'application/octet-stream' },
    ],
    ['the command line of AWS invokes a function', 'POST', '/2015-03-31/functions/f/invocations', {}],
    ['an SDK calls Kinesis', 'POST', '/', { 'content-type': 'application/x-amz-json-1.1' }],
    ['an SDK calls Kinesis in CBOR', 'POST', '/', { 'content-type': 'application/x-amz-cbor-1.1' }],
    ['it is called localhost', 'GET', '/', { host: 'localhost:4500' }],
    ['it is reached by a tunnel', 'GET', '/', { host: 'LOCALHOST:80' }],
    ['its name has no port', 'GET', '/', { host: '127.0.0.1' }],
    ['it is called by its IPv6 address', 'GET', '/', { host: '[::1]:4500' }],
    ['its own page asks', 'GET', '/v1/queries', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }],
    ['its own page posts', 'POST', '/v1/events', { origin: `http://${host}`, 'content-type': 'application/json' }],
    ['a person types the address', 'GET', '/', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
    [
      'a person follows a link from elsewhere',
      'GET',
      '/',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    ],
    ["Node's fetch reads", 'GET', '/', { 'sec-fetch-mode': 'cors' }],
    ['text is posted where nothing changes', 'POST', '/v1/queries', { 'content-type': 'text/plain' }],
    ['a key has signs', 'GET', '/v1/queries/a%2Fb%C3%A9/windows?key=%', {}],
  ])('answers when %s', (_case, method, url, headers) => {
    expect(refusedWith(method, url, headers)).toBeUndefined();
  });

  it.each([
    ['the name of a page that means 127.0.0.1', 421, 'GET', '/', { host: 'attacker.example:4500' }],
    ['a name that begins as its own', 421, 'GET', '/', { host: 'localhost.attacker.example' }],
    ['a name that ends as its own', 421, 'GET', '/', { host: 'a.localhost' }],
    ['another address', 421, 'GET', '/', { host: '0.0.0.0:4500' }],
    ['a user before its name', 421, 'GET', '/', { host: 'a@127.0.0.1' }],
    ['no name', 421, 'GET', '/', { host: '' }],
    ["another page's question", 403, 'GET', '/v1/queries', { origin: 'http://attacker.example' }],
    ['a question of another port of this machine', 403, 'GET', '/v1/queries', { origin: 'http://127.0.0.1:3000' }],
    ['a question by its other name', 403, 'GET', '/', { origin: 'http://localhost:4500' }],
    ['a question over TLS', 403, 'GET', '/', { origin: `https://${host}` }],
    ['a question of a file', 403, 'GET', '/', { origin: 'null' }],
    [
      'a preflight',
      403,
      'OPTIONS',
      '/',
      { origin: 'http://attacker.example', 'access-control-request-method': 'POST' },
    ],
    ["another page's image", 403, 'GET', '/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    [
      'a frame in another page',
      403,
      'GET',
      '/',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    ],
    [
      'a form of another page',
      403,
      'POST',
      '/v1/events',
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    ],
    ['text', 415, 'POST', '/2015-03-31/functions/f/invocations', { 'content-type': 'text/plain;charset=UTF-8' }],
    ['a form', 415, 'POST', '/v1/events', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form of parts', 415, 'POST', '/v1/events?x', { 'content-type': 'Multipart/Form-Data; boundary=x' }],
    ['a path in damaged percent-encoding', 400, 'GET', '/2015-03-31/functions/%E0%A4%A/invocations', {}],
    ['a URL for a path', 400, 'GET', 'http://127.0.0.1:4500/', {}],
    ['OPTIONS *', 400, 'OPTIONS', '*', {}],
    ['TRACE', 405, 'TRACE', '/', {}],
    ['a method that it does not know', 405, 'PROPFIND', '/', {}],
  ])('refuses %s with status %i', (_case, status, method, url, headers) => {
    expect(refusedWith(method, url, headers)).toBe(status);
  });
});
