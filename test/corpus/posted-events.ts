import { gzipSync } from 'node:zlib';

/**
 * The expected answer to posted events: a problem that names the parameter and the text received, or a reason for each
 * event.
 */
export type PostOutcome =
  | {
      readonly status: 400 | 404 | 405 | 413 | 415;
      readonly kind: string;
      readonly parameter: string;
      readonly received: string;
    }
  | { readonly status: 202 | 207 | 413 | 422; readonly reasons: readonly string[] };

/** One hostile request. */
export interface HostilePost {
  readonly name: string;
  /** @default POST */
  readonly method?: string;
  /** @default /v1/events */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly outcome: PostOutcome;
}

const event = (changes: object = {}) => ({ time: Date.UTC(2026, 0, 1), kind: 'a', ...changes });
const good = JSON.stringify(event());
const json = { 'content-type': 'application/json' };
const lines = { 'content-type': 'application/x-ndjson' };
const gzip = { 'content-encoding': 'gzip' };

const invalid = (
  name: string,
  headers: HostilePost['headers'],
  body: HostilePost['body'],
  received: string,
): HostilePost => ({
  name,
  ...(headers === undefined ? {} : { headers }),
  body,
  outcome: { status: 400, kind: 'invalid-body', parameter: 'body', received },
});
const refused = (
  name: string,
  headers: HostilePost['headers'],
  body: HostilePost['body'],
  ...reasons: readonly string[]
): HostilePost => ({
  name,
  ...(headers === undefined ? {} : { headers }),
  body,
  outcome: { status: reasons.includes('accepted') ? 207 : 422, reasons },
});

/** Requests to take events, all of them malformed or unusual. */
export const postedEvents: readonly HostilePost[] = [
  invalid('no body', json, '', 'no event'),
  invalid('blanks only', {}, ' \n\t\n ', 'no event'),
  invalid('an empty array', json, '[]', 'no event'),
  invalid('lines, all of them blank', lines, '\n\r\n \n', 'no event'),
  invalid('half an object', json, '{"time":1,', '"{\\"time\\":1,"'),
  invalid('half an object of no type', { 'content-type': '' }, '{"time":1,', '"{\\"time\\":1,"'),
  invalid('lines that say they are JSON', json, `${good}\n${good}`, 'is not JSON'),
  invalid('no UTF-8', json, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'not UTF-8'),
  invalid('half a gzip file', { ...json, ...gzip }, gzipSync(Buffer.from(good)).subarray(0, 25), 'gzip'),
  {
    name: 'a gzip file that unpacks to 50 MB',
    headers: { ...json, ...gzip },
    body: gzipSync(Buffer.alloc(50 * 1024 * 1024, 0x20)),
    outcome: { status: 413, kind: 'body-too-large', parameter: 'body', received: 'more than 10485760 bytes' },
  },
  {
    name: 'more events than a request takes',
    headers: json,
    body: `[${Array.from({ length: 5001 }, () => '1').join(',')}]`,
    outcome: { status: 413, kind: 'body-too-large', parameter: 'body', received: '5001' },
  },
  {
    name: 'a form',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x\r\n\r\n{}\r\n--x--',
    outcome: {
      status: 415,
      kind: 'unsupported-media-type',
      parameter: 'content-type',
      received: 'multipart/form-data',
    },
  },
  {
    name: 'XML',
    headers: { 'content-type': 'application/xml' },
    body: '<event/>',
    outcome: { status: 415, kind: 'unsupported-media-type', parameter: 'content-type', received: 'application/xml' },
  },
  {
    name: 'an encoding that is not known',
    headers: { ...json, 'content-encoding': 'br' },
    body: good,
    outcome: { status: 415, kind: 'unsupported-encoding', parameter: 'content-encoding', received: '"br"' },
  },
  {
    name: 'a parameter',
    target: '/v1/events?stream=other',
    headers: json,
    body: good,
    outcome: { status: 400, kind: 'invalid-parameter', parameter: 'query', received: 'stream=other' },
  },
  {
    name: 'another path',
    target: '/v1/event',
    headers: json,
    body: good,
    outcome: { status: 404, kind: 'not-found', parameter: 'path', received: '/v1/event' },
  },
  {
    name: 'another method',
    method: 'PUT',
    headers: json,
    body: good,
    outcome: { status: 405, kind: 'method-not-allowed', parameter: 'method', received: 'PUT' },
  },
  refused('null', json, 'null', 'schema'),
  refused('arrays in an array', json, `[[${good}],${good}]`, 'schema', 'accepted'),
  refused('one bad line among good ones', lines, `${good}\n{"time":\n${good}\n`, 'accepted', 'unparsable', 'accepted'),
  refused(
    'a line that is no UTF-8',
    lines,
    Buffer.concat([Buffer.from([0xff, 0x0a]), Buffer.from(good)]),
    'encoding',
    'accepted',
  ),
  refused('no event time', json, JSON.stringify(event({ time: null })), 'no-event-time'),
  refused('an event of the year 2100', json, JSON.stringify(event({ time: Date.UTC(2100, 0, 1) })), 'future'),
  refused('a key that is too long', json, JSON.stringify(event({ kind: 'k'.repeat(2000) })), 'group-key'),
  refused('half of a surrogate pair in the key', json, '{"time":1767225600000,"kind":"\\ud83d"}', 'group-key'),
  refused('a name that every object has', json, '{"__proto__":{"time":1767225600000,"kind":"a"}}', 'schema'),
  refused('100,000 arrays, one in the other', json, `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'unparsable'),
  {
    name: 'an event that no record holds, between two that are put',
    headers: json,
    body: JSON.stringify([event(), event({ note: 'x'.repeat(1_100_000) }), event()]),
    outcome: { status: 207, reasons: ['accepted', 'too-large', 'accepted'] },
  },
  {
    name: 'gzip that API Gateway has unpacked already, though the header says otherwise',
    headers: { ...json, ...gzip },
    body: good,
    outcome: { status: 202, reasons: ['accepted'] },
  },
  {
    name: 'what curl calls a form unless told',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: good,
    outcome: { status: 202, reasons: ['accepted'] },
  },
];
