import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { encodeAggregated } from '../../functions/feeder/kpl-record.ts';
import type { SideReason } from '../../functions/state/items/side-event.ts';
import { order } from '../fixtures/system/system.ts';

/** The expected result of one Kinesis record. Each event in it has exactly one class. */
export interface Outcome {
  /**
   * The events that end in the side output, with the reason. Each is named by its place in the record, ascending; the
   * place is 0 in a plain record.
   * @default none
   */
  readonly side?: readonly (readonly [subRecord: number, reason: SideReason])[];
  /** Events that no query wants. @default 0 */
  readonly filtered?: number;
  /**
   * The rows that the counted events have made, by their key; no other payload makes rows of these keys.
   * @default none, nothing is counted
   */
  readonly rows?: readonly Row[];
}

interface Row {
  readonly kind: unknown;
  /** How many events. */
  readonly n: number;
  /** Results besides `n`, as JSON has them. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Start of the window that holds them all, epoch ms or ISO 8601. @default that of {@link t0} */
  readonly window?: number | string;
}

/** One hostile record. */
export interface Payload {
  readonly name: string;
  readonly data: string | Buffer;
  readonly outcome: Outcome;
}

/**
 * The event time of most payloads. Accepted events are at most an hour after it, so that they do not close its windows.
 */
export const t0 = Date.parse('2026-01-01T00:00:00Z');

/** A valid event. */
export const good = order(t0, 'good', 1);

const magic = Buffer.from('f3899ac2', 'hex');
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();

export const aggregated = (...events: readonly (string | Buffer)[]) =>
  encodeAggregated(
    events.map((event) => Buffer.from(event)),
    'key',
    '0',
  );

/** An aggregated record with any content. Everything else in it is valid. */
const sealed = (content: Buffer) => Buffer.concat([magic, content, md5(content)]);

/** A valid aggregated record with changed content and a correct digest. */
const damaged = (change: (content: Buffer) => Buffer) => sealed(change(aggregated(good, good).subarray(4, -16)));

/** A protobuf field of bytes, of up to 16 KB. */
function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

function rejected(name: string, reason: SideReason, data: string | Buffer): Payload {
  return { name, data, outcome: { side: [[0, reason]] } };
}

/** A record of one event that is counted under the record's name. */
function counted(name: string, line: (kind: string) => string | Buffer, row: Omit<Row, 'kind' | 'n'> = {}): Payload {
  return { name, data: line(name), outcome: { rows: [{ kind: name, n: 1, ...row }] } };
}

/** An event whose text is given as it is, for text that `JSON.stringify` does not write. */
const raw = (kind: string, rest: string) => `{"time":${t0},"kind":${JSON.stringify(kind)}${rest}}`;

/** A number, as it is written in the text, for the event time. */
const timed = (kind: string, time: string) => `{"time":${time},"kind":${JSON.stringify(kind)}}`;

const text: readonly Payload[] = [
  rejected('nothing at all', 'unparsable', ''),
  rejected('an empty line', 'unparsable', '\n'),
  rejected('white space', 'unparsable', ' \t\r\n '),
  rejected('a line that is no JSON', 'unparsable', '{"time":'),
  rejected('words', 'unparsable', 'Hello'),
  rejected('a NUL character', 'unparsable', '\u0000'),
  rejected('a NUL character behind an event', 'unparsable', `${good}\u0000`),
  rejected('a raw control character within text', 'unparsable', good.replace('good', 'go\u0001od')),
  rejected('two events on one line', 'unparsable', `${good} ${good}`),
  rejected('garbage behind an event', 'unparsable', `${good}}`),
  rejected('a comma behind an event', 'unparsable', `${good},`),
  rejected('two line ends behind an event that is cut', 'unparsable', `${good.slice(0, -1)}\n\n`),
  rejected('a trailing comma', 'unparsable', '{"time":1,}'),
  rejected('single quotes', 'unparsable', good.replaceAll('"', "'")),
  rejected('a comment', 'unparsable', `${good}// comment`),
  rejected('NaN', 'unparsable', raw('good', ',"amount":NaN')),
  rejected('Infinity', 'unparsable', raw('good', ',"amount":-Infinity')),
  rejected('a hexadecimal number', 'unparsable', raw('good', ',"amount":0x10')),
  rejected('a number with a leading zero', 'unparsable', raw('good', ',"amount":01')),
  rejected('a number that begins with a point', 'unparsable', raw('good', ',"amount":.5')),
  rejected('a bad escape', 'unparsable', good.replace('good', '\\x41')),
  counted('a byte order mark', (kind) => `\uFEFF${raw(kind, '')}`),
  {
    name: 'lines, one of which is cut',
    data: `${raw('lines', '')}\n{"time":\r\n\n${raw('lines', '')}\n`,
    outcome: { rows: [{ kind: 'lines', n: 2 }], side: [[1, 'unparsable']] },
  },
  rejected('brackets nested beyond any parser', 'unparsable', '['.repeat(200_000)),
  rejected('a million bytes that do not end', 'unparsable', `{"time":${t0},"kind":"${'x'.repeat(1_000_000)}`),
  rejected('half an event with an emoji where the message is cut', 'unparsable', `{"kind":${'😀'.repeat(400)}`),
  rejected('binary data', 'encoding', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3])),
  rejected(
    'valid JSON with a byte that is no UTF-8',
    'encoding',
    Buffer.from(good.replace('good', 'g\u0000d'), 'latin1').fill(0xe9, 20, 21),
  ),
  rejected(
    'an overlong encoding',
    'encoding',
    Buffer.concat([Buffer.from('{"kind":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
  ),
  rejected(
    'a surrogate in UTF-8',
    'encoding',
    Buffer.concat([Buffer.from('{"kind":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
  ),
  rejected('a zip file', 'encoding', Buffer.from('504b03041400080008009c', 'hex')),
  rejected('a gzip file, of an event even', 'encoding', gzipSync(good)),
  rejected('a gzip file that is cut', 'encoding', gzipSync(good).subarray(0, 20)),
  rejected('a gzip file of 30 MB of nothing', 'encoding', gzipSync(Buffer.alloc(30_000_000))),
  rejected('UTF-16', 'encoding', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(good, 'utf16le')])),
];

const shapes: readonly Payload[] = [
  rejected('null', 'schema', 'null'),
  rejected('a number', 'schema', '42'),
  rejected('text in quotes', 'schema', '"event"'),
  rejected('a truth', 'schema', 'true'),
  rejected('a list', 'schema', '[]'),
  rejected('a list of events', 'schema', `[${good},${good}]`),
  rejected('100,000 nested lists that are closed', 'schema', `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  rejected('an empty object', 'schema', '{}'),
  rejected('a missing field', 'schema', `{"time":${t0}}`),
  rejected('a field of the wrong type', 'schema', order(t0, 'good').replace('"good"', '5')),
  rejected('a field that is null', 'schema', order(t0, 'good').replace('"good"', 'null')),
  rejected('a field that the prototype alone has', 'schema', `{"time":${t0},"__proto__":{"kind":"good"}}`),
  rejected('a key that is given twice, at last wrongly', 'schema', raw('good', ',"kind":null')),
  rejected('a key in another case', 'schema', `{"time":${t0},"Kind":"good"}`),
  rejected('a number as text', 'schema', raw('good', ',"amount":"5"')),
  rejected('a number that JSON reads as infinite', 'schema', raw('good', ',"amount":1e400')),
  rejected('a schema that throws', 'schema', order(t0, 'schema-throws')),
  rejected('a schema that leaves a promise behind, which fails', 'schema', order(t0, 'schema-rejects-later')),
  rejected('an event time function that throws', 'pipeline-threw', order(t0, 'event-time-throws')),
  rejected('a where that throws null', 'pipeline-threw', order(t0, 'where-throws')),
  { name: 'an event that no query wants', data: order(t0, 'filtered'), outcome: { filtered: 1 } },
  counted(
    'a key that is given twice: the last one counts',
    (kind) => `{"time":1,"kind":"other","time":${t0},"kind":"${kind}"}`,
  ),
  counted('a key named __proto__', (kind) => raw(kind, ',"__proto__":{"kind":"other"}')),
  counted('a key named constructor', (kind) => raw(kind, ',"constructor":{"prototype":{"kind":"other"}}')),
  counted('a key of nothing', (kind) => raw(kind, ',"":1')),
  counted('deep nesting', (kind) => raw(kind, `,"any":${'['.repeat(2000)}${']'.repeat(2000)}`)),
  counted('an escaped key', (kind) => `{"\\u0074ime":${t0},"k\\u0069nd":"${kind}"}`),
  counted('a thousand unknown fields', (kind) =>
    raw(kind, Array.from({ length: 1000 }, (_, i) => `,"f${i}":${i}`).join('')),
  ),
  counted('a line end', (kind) => `${order(t0, kind)}\r\n`),
  counted('spaces', (kind) => `  { "time" : ${t0} , "kind" : "${kind}" }  `),
  counted('a lone surrogate where nobody groups', (kind) => raw(kind, ',"note":"\\ud800"')),
  counted('a record of 1 MB', (kind) => JSON.stringify({ time: t0, kind, note: 'n'.repeat(1_040_000) })),
];

const hourOf1969 = '1969-12-31T23:00:00.000Z';

const times: readonly Payload[] = [
  rejected('no event time', 'no-event-time', '{"kind":"good"}'),
  rejected('a null event time', 'no-event-time', order(null, 'good')),
  rejected('an event time that is a truth', 'schema', order(true, 'good')),
  rejected('an event time in a list', 'schema', order([t0], 'good')),
  rejected('an event time of no text', 'no-event-time', order('', 'good')),
  rejected('an event time in seconds where milliseconds are due', 'no-event-time', order(1_767_225_600, 'good')),
  rejected('an event time of zero, which looks like seconds', 'no-event-time', order(0, 'good')),
  rejected('an event time of minus zero', 'no-event-time', timed('good', '-0')),
  rejected('an event time in microseconds', 'no-event-time', order(t0 * 1000, 'good')),
  rejected('milliseconds as text', 'no-event-time', order(String(t0), 'good')),
  rejected('an event time without a zone', 'no-event-time', order('2026-01-01T00:00:00', 'good')),
  rejected('a date without a time', 'no-event-time', order('2026-01-01', 'good')),
  rejected('a time without a date', 'no-event-time', order('00:00:00Z', 'good')),
  rejected('an event time that is no time', 'no-event-time', order('yesterday', 'good')),
  rejected('the thirtieth of February', 'no-event-time', order('2024-02-30T00:00:00Z', 'good')),
  rejected('the hour 25', 'no-event-time', order('2026-01-01T25:00:00Z', 'good')),
  rejected('a zone by its abbreviation', 'no-event-time', order('2026-01-01T00:00:00 CET', 'good')),
  rejected('a date of mail', 'no-event-time', order('Thu, 01 Jan 2026 00:00:00 GMT', 'good')),
  rejected('digits of another script', 'no-event-time', order('٢٠٢٦-01-01T00:00:00Z', 'good')),
  rejected('an event time that is NaN in text', 'no-event-time', order('NaN', 'good')),
  rejected('an event time beyond all calendars', 'no-event-time', order(1e300, 'good')),
  rejected('an event time of 1e400', 'schema', timed('good', '1e400')),
  rejected('the year 0000', 'no-event-time', order('0000-01-01T00:00:00Z', 'good')),
  rejected('the year 10000', 'no-event-time', order('+010000-01-01T00:00:00Z', 'good')),
  rejected('the last second of the year 9999', 'no-event-time', order('9999-12-31T23:59:59Z', 'good')),
  rejected('an event time beyond the future guard', 'future', order('2100-01-01T00:00:00Z', 'good')),
  rejected('the latest event time there is', 'future', order('9799-01-01T00:00:00Z', 'good')),
  counted('one millisecond before 1970, with its fraction cut', (kind) => order('1969-12-31T23:59:59.9999Z', kind), {
    window: hourOf1969,
  }),
  counted('milliseconds before 1970', (kind) => order(-141_829_400_000, kind), { window: '1965-07-04T10:00:00.000Z' }),
  counted('the year 300', (kind) => order('0300-06-01T12:30:00Z', kind), { window: '0300-06-01T12:00:00.000Z' }),
  counted('a leap second: epoch time has none', (kind) => order('2016-12-31T23:59:60Z', kind), {
    window: '2016-12-31T23:00:00.000Z',
  }),
  counted('a zone ahead', (kind) => order('2026-01-01T01:00:00+01:00', kind)),
  counted('a zone of half an hour, behind', (kind) => order('2025-12-31T20:30:00-03:30', kind)),
  counted('the zone -00:00', (kind) => order('2026-01-01T00:00:00-00:00', kind)),
  counted('a zone of seconds', (kind) => order('2026-01-01T00:00:30+00:00:30', kind)),
  counted('small letters', (kind) => order('2026-01-01t00:00:00z', kind)),
  counted('the basic form', (kind) => order('20260101T000000Z', kind)),
  counted('nine decimals', (kind) => order('2026-01-01T00:00:00.123456789Z', kind)),
  counted('a name beside the offset', (kind) => order('2026-01-01T01:00:00+01:00[Europe/Paris]', kind)),
  counted('a fraction of a millisecond', (kind) => order(t0 + 0.75, kind)),
  counted('milliseconds with an exponent', (kind) => timed(kind, '1.7672256e12')),
  counted('the last millisecond of a window', (kind) => order(t0 + 3_599_999, kind)),
  counted('the first millisecond of the window before', (kind) => order(t0 - 3_600_000, kind), {
    window: t0 - 3_600_000,
  }),
];

const keys: readonly Payload[] = [
  rejected('a group key of more than 1,024 bytes', 'group-key', order(t0, 'é'.repeat(600))),
  rejected('a group key of a megabyte', 'group-key', order(t0, 'x'.repeat(1_000_000))),
  rejected(
    'a group key of 200 NULs, which JSON writes with six bytes each',
    'group-key',
    order(t0, '\u0000'.repeat(200)),
  ),
  rejected('a group key with half of a surrogate pair', 'group-key', raw('\ud800', '')),
  rejected('a group key with the other half', 'group-key', raw('a\udc00', '')),
  rejected('a group key that is an object', 'group-key', raw('good', ',"group":{"a":1}')),
  rejected('a group key that is a list', 'group-key', raw('good', ',"group":["a"]')),
  rejected('a group key that is infinite', 'group-key', raw('good', ',"group":1e400')),
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    ' ',
    '\u0000',
    '"',
    '\\',
    '\n',
    '\r\n\t',
    '\u2028',
    '😀',
    '#',
    '/',
    '%2F',
    '..',
  ].map((kind) => ({
    name: `the group key ${JSON.stringify(kind)}`,
    data: order(t0, kind),
    outcome: { rows: [{ kind, n: 1 }] },
  })),
  ...[
    'null',
    'true',
    '5',
    '[]',
    '{}',
    "'; DROP TABLE",
    '<script>',
    '$ne',
    ':v0',
    '\uFFFD',
    '\uFEFF',
    'é',
    'e\u0301',
    '\u202Eabc',
    'x'.repeat(1020),
  ].map((kind) => ({
    name: `the group key ${JSON.stringify(kind).slice(0, 40)}`,
    data: order(t0, kind),
    outcome: { rows: [{ kind, n: 1 }] },
  })),
  ...(
    [
      ['7', 7],
      ['-0', 0],
      ['true', true],
      ['1e21', 1e21],
      ['1e300', 1e300],
      ['5e-324', 5e-324],
      ['0.1', 0.1],
      ['9007199254740993', '9007199254740993'],
      ['9007199254740992', '9007199254740992'],
      ['0.12345678901234567891', '0.12345678901234567891'],
    ] as const
  ).map(([written, kind]) => ({
    name: `the group key ${written}, which is no text`,
    data: raw('x', `,"group":${written}`),
    outcome: { rows: [{ kind, n: 1 }] },
  })),
];

/** The values of the aggregates after an event without any number. */
const noNumbers = { sum: null, mean: null, most: null, loosest: null };

const numbers: readonly Payload[] = [
  rejected('an aggregate of text that looks like a number', 'aggregate-input', raw('good', ',"loose":"5"')),
  rejected('an aggregate of a truth', 'aggregate-input', raw('good', ',"loose":true')),
  rejected('an aggregate of an object', 'aggregate-input', raw('good', ',"loose":{}')),
  rejected('an aggregate of a number beyond doubles', 'aggregate-input', raw('good', ',"loose":-1e400')),
  counted('no amount', (kind) => raw(kind, ''), { values: noNumbers }),
  counted('an amount of null', (kind) => raw(kind, ',"amount":null,"loose":null'), { values: noNumbers }),
  counted('an amount of minus zero', (kind) => raw(kind, ',"amount":-0'), { values: { sum: 0, mean: 0, most: 0 } }),
  rejected('an amount of 2^53', 'schema', raw('good', ',"amount":9007199254740992')),
  rejected('an amount of 2^53 + 1, which no double is', 'schema', raw('good', ',"amount":9007199254740993')),
  counted('an amount of 2^53 - 1', (kind) => raw(kind, ',"amount":9007199254740991'), { values: { sum: 2 ** 53 - 1 } }),
  counted('the smallest amount', (kind) => raw(kind, ',"amount":5e-324'), { values: { sum: 5e-324, most: 5e-324 } }),
  counted('an amount below the smallest', (kind) => raw(kind, ',"amount":1e-400'), { values: { sum: 0 } }),
  rejected('an amount with 400 digits of fraction', 'schema', raw('good', `,"amount":0.${'3'.repeat(400)}`)),
  rejected('an amount of 300 digits', 'schema', raw('good', `,"amount":1${'0'.repeat(300)}`)),
  counted('an amount of 1e300', (kind) => raw(kind, ',"amount":1e300'), { values: { sum: 1e300, most: 1e300 } }),
];

/** An aggregated record of some events, in which `KIND` stands for their key. */
const packed = (kind: string, ...lines: readonly string[]) =>
  aggregated(...lines.map((line) => line.replaceAll('KIND', kind)));

const aggregates: readonly Payload[] = [
  rejected(
    'an aggregated record with a wrong digest',
    'corrupt-aggregate',
    Buffer.concat([aggregated(good, good).subarray(0, -1), Buffer.from([0])]),
  ),
  rejected('an aggregated record that was cut', 'corrupt-aggregate', aggregated(good, good).subarray(0, 40)),
  rejected(
    'an aggregated record with a byte behind it',
    'corrupt-aggregate',
    Buffer.concat([aggregated(good), Buffer.from('\n')]),
  ),
  rejected(
    'an aggregated record whose protobuf ends early',
    'corrupt-aggregate',
    damaged((content) => content.subarray(0, -9)),
  ),
  rejected(
    'an aggregated record whose protobuf is none',
    'corrupt-aggregate',
    damaged(() => Buffer.alloc(64, 0xff)),
  ),
  rejected(
    'an aggregated record that claims an event of 4 GB',
    'corrupt-aggregate',
    damaged(() => Buffer.from('1affffffff0f', 'hex')),
  ),
  rejected(
    'an aggregated record with an event that has no data',
    'corrupt-aggregate',
    sealed(Buffer.concat([field(1, 'key'), field(3, Buffer.from([8, 0]))])),
  ),
  rejected('the magic bytes of an aggregated record alone', 'encoding', magic),
  rejected('the magic bytes and less than a digest', 'encoding', Buffer.concat([magic, Buffer.alloc(15, 0x20)])),
  rejected(
    'the magic bytes and a wrong digest of nothing',
    'corrupt-aggregate',
    Buffer.concat([magic, Buffer.alloc(16)]),
  ),
  rejected(
    'a wrong magic byte',
    'encoding',
    Buffer.concat([Buffer.from('f3899ac3', 'hex'), aggregated(good).subarray(4)]),
  ),
  { name: 'an aggregated record of nothing, not even a table', data: sealed(Buffer.alloc(0)), outcome: {} },
  { name: 'an aggregated record of no events', data: aggregated(), outcome: {} },
  {
    name: 'an aggregated record within an aggregated record, which nobody unpacks twice',
    data: aggregated(aggregated(good), order(t0, 'beside a nested record')),
    outcome: { side: [[0, 'encoding']], rows: [{ kind: 'beside a nested record', n: 1 }] },
  },
  {
    name: 'an aggregated record whose events name keys that are in no table: what they hold counts',
    data: sealed(field(3, Buffer.concat([Buffer.from([8, 9, 16, 9]), field(3, order(t0, 'no such key'))]))),
    outcome: { rows: [{ kind: 'no such key', n: 1 }] },
  },
  {
    name: 'an aggregated record with hash keys of another shard, as before a split: it is here and nowhere else',
    data: encodeAggregated([Buffer.from(order(t0, 'elsewhere'))], 'key', (2n ** 128n - 1n).toString()),
    outcome: { rows: [{ kind: 'elsewhere', n: 1 }] },
  },
  {
    name: 'an aggregated record with a field of a later version',
    data: sealed(Buffer.concat([aggregated(order(t0, 'later version')).subarray(4, -16), field(9, 'new')])),
    outcome: { rows: [{ kind: 'later version', n: 1 }] },
  },
  {
    name: 'an aggregated record of 10,000 events',
    data: aggregated(...Array.from({ length: 10_000 }, (_, i) => order(t0 + i, 'ten thousand', i))),
    outcome: { rows: [{ kind: 'ten thousand', n: 10_000, values: { sum: 49_995_000, mean: 4999.5, most: 9999 } }] },
  },
  {
    name: 'an aggregated record of all classes',
    data: aggregated(
      order(t0, 'mixed', 1),
      'bad',
      order(t0, 'filtered'),
      Buffer.from([0xff]),
      order(t0, 'mixed', 2),
      '',
      order(null, 'mixed'),
    ),
    outcome: {
      side: [
        [1, 'unparsable'],
        [3, 'encoding'],
        [5, 'unparsable'],
        [6, 'no-event-time'],
      ],
      filtered: 1,
      rows: [{ kind: 'mixed', n: 2, values: { sum: 3, mean: 1.5, most: 2 } }],
    },
  },
  {
    name: 'the same event twice in an aggregated record: a producer that repeats itself is counted as it is',
    data: packed('twice', `{"time":${t0},"kind":"KIND"}`, `{"time":${t0},"kind":"KIND"}`),
    outcome: { rows: [{ kind: 'twice', n: 2 }] },
  },
];

/** Sums that leave the range of doubles and return to it, each of several events. */
const sums: readonly Payload[] = [
  {
    name: 'a sum greater than any double',
    data: packed('great', raw('KIND', ',"amount":1.7e308'), raw('KIND', ',"amount":1.7e308')),
    outcome: { rows: [{ kind: 'great', n: 2, values: { sum: 'Infinity', mean: 1.7e308, most: 1.7e308 } }] },
  },
  {
    name: 'a sum smaller than any double',
    data: packed('small', raw('KIND', ',"amount":-1.7e308'), raw('KIND', ',"amount":-1.7e308')),
    outcome: { rows: [{ kind: 'small', n: 2, values: { sum: '-Infinity', mean: -1.7e308 } }] },
  },
  {
    name: 'a sum that comes back from beyond',
    data: packed(
      'back',
      ...['1.7e308', '1.7e308', '-1.7e308', '1'].map((amount) => raw('KIND', `,"amount":${amount}`)),
      raw('KIND', ',"amount":-1.7e308'),
    ),
    outcome: { rows: [{ kind: 'back', n: 5, values: { sum: 1, mean: 0.2 } }] },
  },
  {
    name: 'a sum of one and nothing, a thousand times over',
    data: packed('exact', ...Array.from({ length: 1000 }, () => raw('KIND', ',"amount":0.1'))),
    outcome: { rows: [{ kind: 'exact', n: 1000, values: { sum: 100 } }] },
  },
];

/** Hostile records that come while every window is open. */
export const payloads: readonly Payload[] = [...text, ...shapes, ...times, ...keys, ...numbers, ...aggregates, ...sums];

/** Hostile records that come once the window of {@link t0} and all before it are final. */
export const latePayloads: readonly Payload[] = [
  { name: 'an event of a window that is final', data: order(t0, 'late'), outcome: { side: [[0, 'late']] } },
  {
    name: 'an event of the last millisecond that is final',
    data: order(t0 + 3_599_999, 'late'),
    outcome: { side: [[0, 'late']] },
  },
  { name: 'an event of the year 300', data: order('0300-06-01T12:30:00Z', 'late'), outcome: { side: [[0, 'late']] } },
  {
    name: 'an event of the first millisecond that is not final',
    data: order(t0 + 3_600_000, 'in time'),
    outcome: { rows: [{ kind: 'in time', n: 1, window: t0 + 3_600_000 }] },
  },
  { name: 'a late event that no query wants', data: order(t0, 'filtered'), outcome: { filtered: 1 } },
  {
    name: 'a late event that is rejected first',
    data: order(t0, 'where-throws'),
    outcome: { side: [[0, 'pipeline-threw']] },
  },
  {
    name: 'late and timely events in one aggregated record',
    data: aggregated(
      order(t0, 'late'),
      order(t0 + 3_600_000, 'timely'),
      'bad',
      order(t0, 'filtered'),
      order(t0 + 1, 'late'),
    ),
    outcome: {
      side: [
        [0, 'late'],
        [2, 'unparsable'],
        [4, 'late'],
      ],
      filtered: 1,
      rows: [{ kind: 'timely', n: 1, window: t0 + 3_600_000 }],
    },
  },
];
