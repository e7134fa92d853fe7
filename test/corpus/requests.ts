import { earliest, hourMs, kinds, t0, windowCount } from './query-api.ts';

/**
 * The expected answer: the requested data, or a problem of a kind that names the parameter, the text received and the
 * remedy.
 */
export type RequestOutcome =
  | { readonly holds: Readonly<Record<string, unknown>> }
  | { readonly status: 400 | 404 | 405; readonly kind: string; readonly parameter: string; readonly received: string };

/** One hostile request. */
export interface HostileRequest {
  readonly name: string;
  /** @default GET */
  readonly method?: string;
  /** The path and parameters, as they are on the wire. */
  readonly target: string;
  readonly outcome: RequestOutcome;
}

const weekMs = 7 * 24 * hourMs;
const windows = '/v1/queries/byKind/windows';
const iso = (ms: number) => new Date(ms).toISOString();
const last = t0 + (windowCount - 1) * hourMs;
const encoded = encodeURIComponent;

function invalid(name: string, target: string, parameter: string, received: string): HostileRequest {
  return { name, target, outcome: { status: 400, kind: 'invalid-parameter', parameter, received } };
}

function unknown(name: string, target: string, kind: string, parameter: string, received: string): HostileRequest {
  return { name, target, outcome: { status: 404, kind, parameter, received } };
}

function notAllowed(method: string, target = windows): HostileRequest {
  return {
    name: `the method ${method}`,
    method,
    target,
    outcome: { status: 405, kind: 'method-not-allowed', parameter: 'method', received: method },
  };
}

function given(name: string, target: string, holds: Readonly<Record<string, unknown>>): HostileRequest {
  return { name, target, outcome: { holds } };
}

/** Windows by the hour in which they start, in the order of the answer. -1 is the window of the earliest event. */
function hours(...these: readonly number[]): Readonly<Record<string, unknown>> {
  return { windows: these.map((hour) => ({ query: 'byKind', start: hour < 0 ? earliest : t0 + hour * hourMs })) };
}

const place = (...parts: readonly unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
const shard = 'shardId-000000000000';
const arrivalHour = t0 + windowCount * hourMs;
const cursor = (text: string) =>
  invalid(`a cursor of ${text.slice(0, 40) || 'nothing'}`, `/v1/late?cursor=${encoded(text)}`, 'cursor', '"');

const times: readonly HostileRequest[] = [
  invalid('a from that is no time', `${windows}?from=noon`, 'from', '"noon"'),
  invalid('a from of nothing', `${windows}?from=`, 'from', '""'),
  invalid('a from without its equals sign', `${windows}?from`, 'from', '""'),
  invalid('a from without a zone', `${windows}?from=2026-01-01T00:00:00`, 'from', '"2026-01-01T00:00:00"'),
  invalid(
    'a plus that was not encoded: it is a space',
    `${windows}?from=2026-01-01T01:00:00+01:00`,
    'from',
    '"2026-01-01T01:00:00 01:00"',
  ),
  invalid('a from with an exponent', `${windows}?from=1e12`, 'from', '"1e12"'),
  invalid('a from with a fraction', `${windows}?from=1767225600000.5`, 'from', '"1767225600000.5"'),
  invalid('a from in hexadecimal', `${windows}?from=0x19B`, 'from', '"0x19B"'),
  invalid('a from of NaN', `${windows}?from=NaN`, 'from', '"NaN"'),
  invalid('a from of 17 digits', `${windows}?from=12345678901234567`, 'from', '"12345678901234567"'),
  invalid('a from beyond all calendars', `${windows}?from=9999999999999999`, 'from', '"9999999999999999"'),
  invalid('a from before all calendars', `${windows}?from=-9999999999999999`, 'from', '"-9999999999999999"'),
  invalid('the year 10000', `${windows}?to=%2B010000-01-01T00:00:00Z`, 'to', '"+010000'),
  invalid('a to before from', `${windows}?from=${t0}&to=${t0 - 1}`, 'to', String(t0 - 1)),
  invalid('a from of 8,000 characters', `${windows}?from=${'9'.repeat(8000)}`, 'from', '"999'),
  invalid('a from that is no UTF-8', `${windows}?from=%FF%FE`, 'from', '"'),
  invalid('a from that is badly encoded', `${windows}?from=%ZZ`, 'from', '"%ZZ"'),
  invalid('a from with a line end', `${windows}?from=${t0}%0A`, 'from', `"${t0}\\n"`),
  invalid('digits of another script', `${windows}?from=${encoded('٢٠٢٦')}`, 'from', '"٢٠٢٦"'),
  given('an empty range', `${windows}?from=${t0}&to=${t0}`, { windows: [], cursor: null }),
  given('a range of one millisecond', `${windows}?from=${t0}&to=${t0 + 1}`, hours(0)),
  given(
    'a time with a zone, encoded',
    `${windows}?from=${encoded('2026-01-01T01:00:00+01:00')}&to=${iso(t0 + 1)}`,
    hours(0),
  ),
  given('minus zero', `${windows}?from=-0&to=${t0 + 1}`, hours(0)),
  given('a week that begins before the earliest event time', '/v1/queries/weekly/windows?to=0', {
    windows: [{ start: Math.floor(earliest / weekMs) * weekMs }],
  }),
];

const words: readonly HostileRequest[] = [
  ...['0', '-1', '1001', '1.5', '1e2', 'all', '', ' 5', '+5', '9'.repeat(400), 'Infinity'].map((limit) =>
    invalid(
      `a limit of ${limit.slice(0, 12) || 'nothing'}`,
      `${windows}?limit=${encoded(limit)}`,
      'limit',
      `"${limit.slice(0, 60)}`,
    ),
  ),
  invalid('an order by another name', `${windows}?order=desc`, 'order', '"desc"'),
  invalid('an order of a prototype', `${windows}?order=__proto__`, 'order', '"__proto__"'),
  invalid('a status in capitals', `${windows}?status=FINAL`, 'status', '"FINAL"'),
  invalid('a status of nothing', `${windows}?status=`, 'status', '""'),
  invalid('a key that is no JSON', `${windows}?key=b`, 'key', '"b"'),
  invalid('a key of null', `${windows}?key=null`, 'key', '"null"'),
  invalid('a key that is a list', `${windows}?key=[]`, 'key', '"[]"'),
  invalid('a key of another field', `${windows}?key=${encoded('{"color":1}')}`, 'key', '"color"'),
  invalid('a key of the prototype', `${windows}?key=${encoded('{"__proto__":1}')}`, 'key', '"__proto__"'),
  invalid('a key whose value is an object', `${windows}?key=${encoded('{"kind":{"$ne":1}}')}`, 'key', '{"$ne":1}'),
  invalid('a key whose value is a list', `${windows}?key=${encoded('{"kind":["a"]}')}`, 'key', '["a"]'),
  invalid(
    'a key of a query without group-by',
    `/v1/queries/weekly/windows?key=${encoded('{"kind":"a"}')}`,
    'key',
    '"kind"',
  ),
  invalid('a key of 10,000 brackets', `${windows}?key=${'['.repeat(10_000)}`, 'key', '"[[['),
  invalid('a parameter that is misspelt', `${windows}?statsu=final`, 'statsu', '"final"'),
  invalid('a parameter in capitals', `${windows}?LIMIT=5`, 'LIMIT', '"5"'),
  invalid('a parameter of another path', `${windows}?by=kind`, 'by', '"kind"'),
  invalid('a parameter without a name', `${windows}?=5`, '', '"5"'),
  invalid('a parameter named __proto__', `${windows}?__proto__=5`, '__proto__', '"5"'),
  invalid('a parameter named constructor', `${windows}?constructor=5`, 'constructor', '"5"'),
  invalid('a parameter given twice', `${windows}?limit=1&limit=2`, 'limit', '["1","2"]'),
  invalid('a parameter given twice, once encoded', `${windows}?limit=1&%6Cimit=1`, 'limit', '["1","1"]'),
  invalid('a parameter as a list, as PHP has them', `${windows}?limit[]=1`, 'limit[]', '"1"'),
  invalid('totals by another field', '/v1/queries/byKind/totals?by=color', 'by', '"color"'),
  invalid('totals by a field and nothing', '/v1/queries/byKind/totals?by=kind,', 'by', '""'),
  invalid('totals by a field twice', '/v1/queries/byKind/totals?by=kind,kind', 'by', '"kind,kind"'),
  invalid('totals with a limit', '/v1/queries/byKind/totals?limit=5', 'limit', '"5"'),
  given('a key that no row has', `${windows}?limit=1&from=${t0}&key=${encoded('{"kind":"nobody"}')}`, {
    windows: [{ start: t0, rows: [] }],
  }),
  ...kinds.map((kind) =>
    given(
      `a key of ${JSON.stringify(kind)}`,
      `${windows}?limit=1&from=${t0}&key=${encoded(JSON.stringify({ kind }))}`,
      {
        windows: [{ start: t0, rows: [{ key: { kind }, values: { n: 1 } }] }],
      },
    ),
  ),
  given('a key of the wrong type', `${windows}?limit=1&from=${t0}&key=${encoded('{"kind":1}')}`, {
    windows: [{ start: t0, rows: [] }],
  }),
  given('a limit with zeros before it', `${windows}?limit=0001&from=${t0}`, hours(0)),
];

const cursors: readonly HostileRequest[] = [
  invalid('a cursor of windows that is none', `${windows}?cursor=abc`, 'cursor', '"abc"'),
  invalid(
    'a cursor of windows from the side output',
    `${windows}?cursor=${place(shard, arrivalHour, '1#0#')}`,
    'cursor',
    '"',
  ),
  ...[earliest - hourMs, last, last - 1].map((start) =>
    invalid(
      `a cursor of the time ${start}, as the release before had them`,
      `${windows}?cursor=${start}`,
      'cursor',
      `"${start}"`,
    ),
  ),
  invalid('a cursor with a signature of nothing', `${windows}?cursor=${place(last, last + hourMs)}.`, 'cursor', '"'),
  invalid(
    'a cursor with a signature of another length',
    `${windows}?cursor=${place(last, last + hourMs)}.abc`,
    'cursor',
    '"',
  ),
  invalid(
    'a cursor with a forged signature',
    `${windows}?cursor=${place(last, last + hourMs)}.${'a'.repeat(43)}`,
    'cursor',
    '"',
  ),
  invalid(
    'a cursor of 100,000 characters',
    `${windows}?cursor=${'a'.repeat(100_000)}.${'a'.repeat(43)}`,
    'cursor',
    '"aaa',
  ),
  ...['', 'abc', '%', 'null', '{}', '[]', '"text"', '😀'].map(cursor),
  ...[
    place(),
    place(shard),
    place(shard, arrivalHour),
    place(shard, arrivalHour, '1#0#', 'more'),
    place(5, arrivalHour, '1#0#'),
    place(shard, String(arrivalHour), '1#0#'),
    place(shard, arrivalHour + 0.5, '1#0#'),
    place(shard, arrivalHour + 1, '1#0#'),
    place(shard, 1e300, '1#0#'),
    place(shard, null, '1#0#'),
    place(shard, arrivalHour, ''),
    place(shard, arrivalHour, 'x'.repeat(2000)),
    place(shard, arrivalHour, `${'9'.repeat(130)}#0#`),
    place(shard, arrivalHour, '1#0#\ud800'),
    place(shard, arrivalHour, ['1#0#']),
  ].map((text, i) => ({ ...cursor(text), name: `a forged cursor, number ${i}` })),
  ...[place(shard, arrivalHour + 1000 * hourMs, '1#0#'), place('shardId-999', arrivalHour, '1#0#')].map((text, i) => ({
    ...cursor(text),
    name: `a forged cursor of a place that there could be, number ${i}`,
  })),
];

const late: readonly HostileRequest[] = [
  invalid('more than seven days of the side output', `/v1/late?from=0&to=${t0}`, 'from', '0'),
  invalid('a side output that ends before it begins', `/v1/late?from=${t0}&to=${t0 - 1}`, 'from', String(t0)),
  invalid('a limit of the side output beyond its bound', '/v1/late?limit=10001', 'limit', '"10001"'),
  invalid('a side output by query', '/v1/late?query=byKind', 'query', '"byKind"'),
  given('the side output of the year 200', '/v1/late?to=0200-01-01T00:00:00Z', { events: [], cursor: null }),
];

const top = '/v1/queries/byKind/top';
const series = '/v1/queries/byKind/series';
const one = `key=${encoded('{"kind":"a"}')}`;

const rankings: readonly HostileRequest[] = [
  invalid('a top by no aggregate', `${top}?by=sum`, 'by', '"sum"'),
  invalid('a top by a group-by field', `${top}?by=kind`, 'by', '"kind"'),
  invalid('a top by the prototype', `${top}?by=__proto__`, 'by', '"__proto__"'),
  invalid('a top of none', `${top}?n=0`, 'n', '"0"'),
  invalid('a top of a million', `${top}?n=1000000`, 'n', '"1000000"'),
  invalid('a top with a limit', `${top}?limit=5`, 'limit', '"5"'),
  invalid('a top of no time', `${top}?window=noon`, 'window', '"noon"'),
  unknown(
    'a top of a window that nothing is in',
    `${top}?window=${t0 - hourMs}`,
    'no-such-window',
    'window',
    String(t0 - hourMs),
  ),
  unknown('a top inside a window', `${top}?window=${t0 + 1}`, 'no-such-window', 'window', String(t0 + 1)),
  given('a top of the newest window', `${top}?n=1`, {
    window: { start: last, status: 'open' },
    by: 'n',
    rows: [{ values: { n: 1 } }],
  }),
  invalid('a series of no key', series, 'key', '"{}"'),
  invalid('a series of a key of another field', `${series}?key=${encoded('{"color":1}')}`, 'key', '"color"'),
  invalid('a series of a key that is text', `${series}?key=a`, 'key', '"a"'),
  invalid('a series filled with zeros', `${series}?${one}&fill=zero`, 'fill', '"zero"'),
  invalid('a series in descending order', `${series}?${one}&order=descending`, 'order', '"descending"'),
  invalid('a series of 10,001 points', `${series}?${one}&limit=10001`, 'limit', '"10001"'),
  given('a series of a key that nobody has', `${series}?key=${encoded('{"kind":"nobody"}')}`, { points: [] }),
  given('a series of one window', `${series}?${one}&from=${t0}&to=${t0 + 1}`, {
    points: [{ start: t0, values: { n: 1 } }],
    cursor: null,
  }),
  given(
    'a series filled over a gap',
    `${series}?key=${encoded('{"kind":"b"}')}&from=${t0}&to=${t0 + 2 * hourMs}&fill=identity`,
    {
      points: [{ start: t0 }, { start: t0 + hourMs }],
    },
  ),
  invalid('a side output of an unknown reason', '/v1/late?reason=boredom', 'reason', '"boredom"'),
  given('a side output of one reason', '/v1/late?reason=late&limit=1', { events: [{ reason: 'late' }] }),
];

const paths: readonly HostileRequest[] = [
  unknown('no path', '/', 'not-found', 'path', '"/"'),
  unknown('a path without its version', '/queries', 'not-found', 'path', '"/queries"'),
  unknown('a path of another version', '/v2/queries', 'not-found', 'path', '"/v2/queries"'),
  unknown('a slash at the end', '/v1/queries/', 'not-found', 'path', '"/v1/queries/"'),
  unknown('two slashes', '/v1//queries', 'not-found', 'path', '"/v1//queries"'),
  unknown('a path of 8,000 characters', `/v1/${'x'.repeat(8000)}`, 'not-found', 'path', '"/v1/xxx'),
  unknown('a path that climbs', '/v1/queries/../../etc/passwd', 'not-found', 'path', '"/etc/passwd"'),
  unknown('a query that is not there', '/v1/queries/nobody/windows', 'unknown-query', 'query', '"nobody"'),
  unknown('a query of the prototype', '/v1/queries/__proto__/windows', 'unknown-query', 'query', '"__proto__"'),
  unknown('a query in capitals', '/v1/queries/BYKIND/totals', 'unknown-query', 'query', '"BYKIND"'),
  unknown(
    'a query with an encoded slash',
    '/v1/queries/byKind%2Fwindows/windows',
    'unknown-query',
    'query',
    '"byKind/windows"',
  ),
  unknown('a query that is badly encoded', '/v1/queries/%ZZ/windows', 'unknown-query', 'query', '"%ZZ"'),
  unknown('a query that is no UTF-8', '/v1/queries/%FF/windows', 'unknown-query', 'query', '"'),
  unknown('a query with a NUL', '/v1/queries/byKind%00/windows', 'unknown-query', 'query', '"byKind\\u0000"'),
  unknown('a window that is not there', `${windows}/1`, 'no-such-window', 'start', '1'),
  invalid('a window of no time', `${windows}/noon`, 'start', '"noon"'),
  invalid('a window with a parameter', `${windows}/${t0}?limit=1`, 'limit', '"1"'),
  given('a window by its start in ISO 8601, encoded', `${windows}/${encoded(iso(t0))}`, hours(0)),
  given('an encoded letter in a path', `/v1/queries/%62yKind/windows?limit=1&from=${t0}`, hours(0)),
  notAllowed('POST'),
  notAllowed('PUT'),
  notAllowed('DELETE', '/v1/late'),
  notAllowed('PATCH', '/v1/nothing'),
  notAllowed('OPTIONS'),
  notAllowed('BREW'),
  {
    name: 'the method HEAD, which is a GET without its answer',
    method: 'HEAD',
    target: windows,
    outcome: { holds: {} },
  },
];

/** Hostile requests to the API of {@link startQueryApi}. */
export const requests: readonly HostileRequest[] = [...times, ...words, ...cursors, ...late, ...rankings, ...paths];
