import { order } from '../fixtures/system/system.ts';
import { aggregated } from './payloads.ts';

/** The expected result of an invocation: an answer, or an error of one line that begins with the wrong field. */
export type EventOutcome =
  | { readonly answer: unknown; readonly counters?: Readonly<Record<string, number>> }
  | { readonly refused: string; readonly received: string };

/** One hostile event of a function. */
export interface HostileEvent {
  readonly name: string;
  readonly event: unknown;
  readonly outcome: EventOutcome;
}

const t0 = Date.parse('2026-01-01T00:00:00Z');
const arrival = Date.parse('2026-01-01T00:00:01Z') / 1000;

/** Each event has a shard of its own, so that none is a repetition of another. */
const shard = 'shardId-000000000000';

/** A record as Lambda delivers it, with some changes. */
function record(
  stream: string,
  number: string | number,
  changes: Readonly<Record<string, unknown>> = {},
  kinesis: Readonly<Record<string, unknown>> = {},
) {
  return {
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: 'p',
      sequenceNumber: String(number),
      data: Buffer.from(order(t0, 'event')).toString('base64'),
      approximateArrivalTimestamp: arrival,
      ...kinesis,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${shard}:${number}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: 'arn:aws:iam::000000000000:role/tidemark-aggregate',
    awsRegion: 'us-east-1',
    eventSourceARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`,
    ...changes,
  };
}

const done = { batchItemFailures: [] };
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');

/** Events for the aggregate function of a stream. */
export function aggregateEvents(stream: string): readonly HostileEvent[] {
  const of = (
    number: string | number,
    changes?: Readonly<Record<string, unknown>>,
    kinesis?: Readonly<Record<string, unknown>>,
  ) => record(stream, number, changes, kinesis);
  const batch = (...records: readonly unknown[]) => ({ Records: records });
  const refused = (name: string, event: unknown, field: string, received: string): HostileEvent => ({
    name,
    event,
    outcome: { refused: field, received },
  });
  const done1 = (name: string, event: unknown, counters: Readonly<Record<string, number>>): HostileEvent => ({
    name,
    event,
    outcome: { answer: done, counters },
  });
  const changed = (name: string, changes: Readonly<Record<string, unknown>>, field: string, received: string) =>
    refused(name, batch(of(1), of(2, changes)), `Records[1].${field}`, received);
  const changedKinesis = (name: string, kinesis: Readonly<Record<string, unknown>>, field: string, received: string) =>
    refused(name, batch(of(1), of(2, {}, kinesis)), `Records[1].kinesis.${field}`, received);
  const events: readonly HostileEvent[] = [
    refused('no event', null, 'Records', 'undefined'),
    refused('text', 'hello', 'Records', 'undefined'),
    refused('a list', [of(1)], 'Records', 'undefined'),
    refused('an event without Records', {}, 'Records', 'undefined'),
    refused(
      "a schedule's event",
      { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
      'Records',
      'undefined',
    ),
    refused('Records of null', { Records: null }, 'Records', 'null'),
    refused('Records that are an object', { Records: { 0: of(1) } }, 'Records', '{"0":'),
    done1('no records', batch(), {}),
    refused('a record of null', batch(of(1), null), 'Records[1]', 'null'),
    refused('a record of text', batch('record'), 'Records[0]', '"record"'),
    refused(
      'a record of SQS',
      batch({ messageId: '1', body: 'x', eventSource: 'aws:sqs' }),
      'Records[0].eventSource',
      '"aws:sqs"',
    ),
    refused(
      'a record of a DynamoDB stream',
      batch({ eventSource: 'aws:dynamodb', dynamodb: {} }),
      'Records[0].eventSource',
      '"aws:dynamodb"',
    ),
    refused(
      'an event of a bucket, which says who it is in its own way',
      batch({ EventSource: 'aws:sns' }),
      'Records[0].eventSource',
      'undefined',
    ),
    changed('no Kinesis part', { kinesis: undefined }, 'kinesis', 'undefined'),
    changed(
      'an ARN of another stream, whose shards have the same names',
      { eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/other' },
      'eventSourceARN',
      'stream/other',
    ),
    changed(
      'an ARN of a longer stream name',
      { eventSourceARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}-2` },
      'eventSourceARN',
      `${stream}-2`,
    ),
    changed('no ARN', { eventSourceARN: undefined }, 'eventSourceARN', 'undefined'),
    changed('an ARN that is an object', { eventSourceARN: {} }, 'eventSourceARN', '{}'),
    changed('no eventID', { eventID: undefined }, 'eventID', 'undefined'),
    changed('an eventID of a number', { eventID: 5 }, 'eventID', '5'),
    changed('an eventID without a shard', { eventID: ':2' }, 'eventID', '":2"'),
    changed('an eventID without a number', { eventID: 'shardId' }, 'eventID', '"shardId"'),
    changed('two shards in one batch', { eventID: 'shardId-000000000999:2' }, 'eventID', '"shardId-000000000999:2"'),
    changedKinesis('no sequence number', { sequenceNumber: undefined }, 'sequenceNumber', 'undefined'),
    changedKinesis('a sequence number that is a number', { sequenceNumber: 2 }, 'sequenceNumber', '2'),
    changedKinesis('an empty sequence number', { sequenceNumber: '' }, 'sequenceNumber', '""'),
    changedKinesis('a negative sequence number', { sequenceNumber: '-2' }, 'sequenceNumber', '"-2"'),
    changedKinesis('a sequence number that is a word', { sequenceNumber: 'LATEST' }, 'sequenceNumber', '"LATEST"'),
    changedKinesis('a sequence number of 130 digits', { sequenceNumber: '9'.repeat(130) }, 'sequenceNumber', '"999'),
    changedKinesis('no data', { data: undefined }, 'data', 'undefined'),
    changedKinesis('data of null', { data: null }, 'data', 'null'),
    changedKinesis('data as an object', { data: { type: 'Buffer', data: [1] } }, 'data', '{"type"'),
    changedKinesis('no partition key', { partitionKey: undefined }, 'partitionKey', 'undefined'),
    changedKinesis(
      'no arrival',
      { approximateArrivalTimestamp: undefined },
      'approximateArrivalTimestamp',
      'undefined',
    ),
    changedKinesis(
      'an arrival as text',
      { approximateArrivalTimestamp: '1767225601' },
      'approximateArrivalTimestamp',
      '"1767225601"',
    ),
    changedKinesis(
      'an arrival in milliseconds',
      { approximateArrivalTimestamp: arrival * 1000 },
      'approximateArrivalTimestamp',
      String(arrival * 1000),
    ),
    changedKinesis(
      'an arrival before Kinesis',
      { approximateArrivalTimestamp: -1 },
      'approximateArrivalTimestamp',
      '-1',
    ),
    done1('data of nothing', batch(of(1, {}, { data: '' })), { received: 1, rejected: 1 }),
    done1('data that is no Base64', batch(of(1, {}, { data: '***' }), of(2)), { received: 2, counted: 1, rejected: 1 }),
    done1(
      'Base64 of URLs, without its padding',
      batch(of(1, {}, { data: Buffer.from(order(t0, 'event~?')).toString('base64url') })),
      {
        received: 1,
        counted: 1,
      },
    ),
    done1('a batch that holds a record twice: it counts once', batch(of(1), of(2), of(2), of(3)), {
      received: 3,
      counted: 3,
    }),
    done1('a batch out of order: every record counts', batch(of(3), of(1), of(2)), { received: 3, counted: 3 }),
    done1('numbers whose text sorts otherwise', batch(of(9), of(10), of('0000000000000000000000011')), {
      received: 3,
      counted: 3,
    }),
    done1('sequence numbers of 129 digits', batch(of(`1${'0'.repeat(128)}`), of('9'.repeat(129))), {
      received: 2,
      counted: 2,
    }),
    done1(
      'unknown fields and none of those that nobody reads',
      batch(of(1, { extra: [], eventName: undefined, awsRegion: null }, { extra: 1 })),
      {
        received: 1,
        counted: 1,
      },
    ),
    done1(
      'an ARN of a consumer with fan-out',
      batch(of(1, { eventSourceARN: `arn:aws:kinesis:us-east-1:1:stream/${stream}/consumer/c:1` })),
      {
        received: 1,
        counted: 1,
      },
    ),
    done1('a batch of 10,000', batch(...Array.from({ length: 10_000 }, (_, i) => of(i + 1))), {
      received: 10_000,
      counted: 10_000,
    }),
    done1(
      'a batch of nothing but bad records',
      batch(...Array.from({ length: 30 }, (_, i) => of(i + 1, {}, { data: base64('bad') }))),
      {
        received: 30,
        rejected: 30,
      },
    ),
    done1(
      'aggregated records without events',
      batch(of(1, {}, { data: base64(aggregated()) }), of(2, {}, { data: base64(aggregated()) })),
      {},
    ),
  ];
  return events.map((each, i) => ({
    ...each,
    event: ofShard(each.event, `shardId-${String(i + 100).padStart(12, '0')}`),
  }));
}

function ofShard(event: unknown, own: string): unknown {
  return event === undefined ? undefined : (JSON.parse(JSON.stringify(event).replaceAll(shard, own)) as unknown);
}

/** Events for the finalize function. */
export const finalizeEvents: readonly HostileEvent[] = [
  ...[
    ['no event', null],
    ['an empty event', {}],
    [
      "a schedule's event",
      { version: '0', source: 'aws.events', 'detail-type': 'Scheduled Event', resources: [], detail: {} },
    ],
    ['a field that nobody knows', { requests: 'drain' }],
  ].map(([name, event]) => ({ name: String(name), event, outcome: { answer: { drained: false } } })),
  { name: 'a misspelt request', event: { request: 'drian' }, outcome: { refused: 'request', received: '"drian"' } },
  { name: 'a request in capitals', event: { request: 'DRAIN' }, outcome: { refused: 'request', received: '"DRAIN"' } },
  { name: 'a request of null', event: { request: null }, outcome: { refused: 'request', received: 'null' } },
  { name: 'a request that is a truth', event: { request: true }, outcome: { refused: 'request', received: 'true' } },
  {
    name: 'a request in a list',
    event: { request: ['drain'] },
    outcome: { refused: 'request', received: '["drain"]' },
  },
  { name: 'text', event: 'drain', outcome: { refused: 'event', received: '"drain"' } },
  { name: 'a list', event: [], outcome: { refused: 'event', received: '[]' } },
  { name: 'a number', event: 5, outcome: { refused: 'event', received: '5' } },
];

/** Events for the query function that API Gateway does not send. */
export const queryEvents: readonly HostileEvent[] = [
  ...[
    ['no event', null, 'undefined'],
    ['an empty event', {}, 'undefined'],
    ["a test event of Lambda's console", { key1: 'value1', key2: 'value2', key3: 'value3' }, 'undefined'],
    [
      'an event of an HTTP API',
      { version: '2.0', rawPath: '/v1/health', requestContext: { http: { method: 'GET' } } },
      'undefined',
    ],
    ['a method that is a number', { httpMethod: 1, path: '/v1/health' }, '1'],
  ].map(([name, event, received]) => ({
    name: String(name),
    event,
    outcome: { refused: 'httpMethod', received: String(received) },
  })),
  {
    name: 'a request without a path',
    event: { httpMethod: 'GET' },
    outcome: { refused: 'path', received: 'undefined' },
  },
];
