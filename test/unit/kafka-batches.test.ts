import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { type KafkaSource, partitionShard, shardPartition } from '../../functions/core/definition/kafka-source.ts';
import { readConfig } from '../../functions/edge/config.ts';
import { openBatches } from '../../functions/kafka/batches.ts';
import { iamToken } from '../../functions/kafka/credentials.ts';

const source = {
  kind: 'kafka',
  topic: 'mytopic',
  bootstrapServers: ['b-1.example.com:9098'],
  authentication: 'iam',
} as const;
const batches = openBatches(source);
const base64 = (text: string) => Buffer.from(text).toString('base64');

/**
 * A batch in the form that AWS documents (https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html), with our events.
 */
const msk = {
  eventSource: 'aws:kafka',
  eventSourceArn: 'arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626-431c-9d4e-d7975eb44dd7-2',
  bootstrapServers:
    'b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092,b-1.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092',
  records: {
    'mytopic-0': [
      {
        topic: 'mytopic',
        partition: 0,
        offset: 15,
        timestamp: 1545084650987,
        timestampType: 'CREATE_TIME',
        key: base64('device 1'),
        value: base64('{"time":1}'),
        headers: [{ headerKey: [104, 101, 97, 100, 101, 114, 86, 97, 108, 117, 101] }],
      },
    ],
  },
};

const record = (partition: number, offset: number, changes: object = {}) => ({
  topic: 'mytopic',
  partition,
  offset,
  timestamp: 1_000 + offset,
  timestampType: 'LOG_APPEND_TIME',
  key: base64(`key ${offset}`),
  value: base64(`{"time":${offset}}`),
  headers: [],
  ...changes,
});
const eventOf = (records: object) => ({ eventSource: 'SelfManagedKafka', bootstrapServers: 'b:9092', records });

describe("Lambda's event from Kafka", () => {
  it('is read as AWS documents it, for MSK', () => {
    const [batch, ...more] = batches.of(msk);
    expect(more).toEqual([]);
    expect(batch).toMatchObject({ shardId: 'mytopic-0', arrivalBy: 'producer' });
    expect(batch?.records).toMatchObject([{ sequenceNumber: '15', arrival: 1545084650987, partitionKey: 'device 1' }]);
    expect(batch?.records[0]?.events).toMatchObject([{ parsed: { time: 1 }, subRecord: 0 }]);
  });

  it('is a batch of its own for each partition, in the order of offsets and each offset once', () => {
    const found = batches.of(
      eventOf({
        'mytopic-0': [record(0, 7), record(0, 5), record(0, 7), record(0, 12)],
        'mytopic-10': [record(10, 0)],
      }),
    );
    expect(
      found.map(({ shardId, records, arrivalBy }) => [
        shardId,
        records.map(({ sequenceNumber }) => sequenceNumber),
        arrivalBy,
      ]),
    ).toEqual([
      ['mytopic-0', ['5', '7', '12'], 'stream'],
      ['mytopic-10', ['0'], 'stream'],
    ]);
  });

  it('holds nothing when it holds no records', () => {
    expect(batches.of(eventOf({}))).toEqual([]);
    expect(batches.of(eventOf({ 'mytopic-0': [] }))).toEqual([]);
  });

  it('rejects a tombstone and counts what has no key', () => {
    const [batch] = batches.of(eventOf({ 'mytopic-0': [record(0, 1, { value: null, key: undefined })] }));
    expect(batch?.records[0]).toMatchObject({
      partitionKey: '',
      events: [{ text: { outcome: 'rejected', reason: 'unparsable' } }],
    });
    expect(batch?.records[0]?.events[0]?.bytes()).toHaveLength(0);
  });

  it.each([
    [-1, 0],
    [Number.MAX_SAFE_INTEGER, 1e14],
    [Number.NaN, 0],
  ])('takes a timestamp of %s by a producer for the arrival %s and is stopped by none', (timestamp, arrival) => {
    const [batch] = batches.of(eventOf({ 'mytopic-0': [record(0, 1, { timestamp, timestampType: 'CREATE_TIME' })] }));
    expect(batch?.records[0]?.arrival).toBe(arrival);
  });

  it.each<[field: string, event: unknown]>([
    ['eventSource', { Records: [{ eventSource: 'aws:kinesis' }] }],
    ['eventSource', null],
    ['records', { eventSource: 'aws:kafka' }],
    ['records.mytopic-0', eventOf({ 'mytopic-0': 'x' })],
    ['records.mytopic-0[0]', eventOf({ 'mytopic-0': [null] })],
    ['records.mytopic-0[0].topic', eventOf({ 'mytopic-0': [record(0, 1, { topic: 'other' })] })],
    ['records.mytopic-0[0].partition', eventOf({ 'mytopic-0': [record(1, 1)] })],
    ['records.mytopic-0[0].partition', eventOf({ 'mytopic-0': [record(-1, 1)] })],
    ['records.mytopic-0[0].offset', eventOf({ 'mytopic-0': [record(0, 1.5)] })],
    ['records.mytopic-0[0].offset', eventOf({ 'mytopic-0': [record(0, 2 ** 53)] })],
    ['records.mytopic-0[0].timestamp', eventOf({ 'mytopic-0': [record(0, 1, { timestamp: '1' })] })],
    ['records.mytopic-0[0].timestampType', eventOf({ 'mytopic-0': [record(0, 1, { timestampType: 0 })] })],
    ['records.mytopic-0[0].value', eventOf({ 'mytopic-0': [record(0, 1, { value: 5 })] })],
    ['records.mytopic-0[0].key', eventOf({ 'mytopic-0': [record(0, 1, { key: {} })] })],
  ])('is refused with the name of the field %s', (field, event) => {
    expect(() => batches.of(event)).toThrow(TidemarkError);
    expect(() => batches.of(event)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(new RegExp(`^${field.replace(/[[\].]/g, '\\$&')}: `)) }),
    );
  });
});

it('gives batches, or a mistake with a field, for anything that a function could be invoked with', () => {
  const thing = fc.anything({ maxDepth: 3 });
  const records = fc.dictionary(
    fc.constantFrom('mytopic-0', 'mytopic-1', 'other-0'),
    fc.array(
      fc.record(
        {
          topic: fc.constantFrom('mytopic', 'other'),
          partition: fc.nat(1),
          offset: fc.oneof(fc.maxSafeNat(), thing),
          timestamp: fc.oneof(fc.double(), thing),
          timestampType: fc.oneof(fc.string(), thing),
          key: fc.oneof(fc.base64String(), thing),
          value: fc.oneof(fc.base64String(), thing),
        },
        { requiredKeys: ['topic', 'partition', 'offset'] },
      ),
    ),
  );
  fc.assert(
    fc.property(fc.oneof(thing, records.map(eventOf)), (event) => {
      try {
        for (const batch of batches.of(event)) {
          expect(batch.records.length).toBeGreaterThan(0);
          for (const { sequenceNumber, arrival, events } of batch.records) {
            expect(sequenceNumber).toMatch(/^\d+$/);
            expect(new Date(arrival).toISOString()).toBeTruthy();
            expect(events).toHaveLength(1);
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(TidemarkError);
      }
    }),
  );
});

it("signs MSK's token as a call that nobody makes", async () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'session' };
  const token = await iamToken('eu-west-1', credentials, new Date('2026-11-27T12:00:00Z'));
  const address = new URL(Buffer.from(token, 'base64url').toString());
  expect(address.origin).toBe('https://kafka.eu-west-1.amazonaws.com');
  expect(Object.fromEntries(address.searchParams)).toMatchObject({
    Action: 'kafka-cluster:Connect',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIDEXAMPLE/20261127/eu-west-1/kafka-cluster/aws4_request',
    'X-Amz-Date': '20261127T120000Z',
    'X-Amz-Expires': '900',
    'X-Amz-Security-Token': 'session',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
    'User-Agent': 'tidemark',
  });
});

it('is answered by an error when time was too short, for Lambda would take any answer for a success', () => {
  expect(batches.answer([])).toEqual({ batchItemFailures: [] });
  expect(() => batches.answer(['17'])).toThrow(TidemarkError);
});

describe('the source in the environment', () => {
  const names = { TIDEMARK_STATE_TABLE: 's', TIDEMARK_WINDOWS_TABLE: 'w', TIDEMARK_REJECTS_TABLE: 'r' };
  const read = (kafka: unknown, topic = 'mytopic') =>
    readConfig({
      ...names,
      TIDEMARK_STREAM: topic,
      TIDEMARK_KAFKA: typeof kafka === 'string' ? kafka : JSON.stringify(kafka),
    }).source;
  const brokers = { bootstrapServers: ['b:9092'], authentication: 'plaintext' };

  it('is a Kinesis stream unless brokers are named', () => {
    expect(readConfig({ ...names, TIDEMARK_STREAM: 'stream' }).source).toEqual({ kind: 'kinesis', stream: 'stream' });
    expect(read(brokers)).toEqual({ kind: 'kafka', topic: 'mytopic', ...brokers });
  });

  it('has to be what the function was bundled for', () => {
    expect(() => openBatches({ kind: 'kinesis', stream: 'stream' })).toThrow(TidemarkError);
  });

  it.each<[names: string, kafka: unknown, topic?: string]>([
    ['TIDEMARK_KAFKA', 'no JSON'],
    ['TIDEMARK_KAFKA', '7'],
    ['topic', brokers, 'a topic'],
    ['topic', brokers, '..'],
    ['topic', brokers, 'x'.repeat(250)],
    ['bootstrapServers', { ...brokers, bootstrapServers: [] }],
    ['bootstrapServers', { ...brokers, bootstrapServers: 'b:9092' }],
    ['bootstrapServers', { ...brokers, bootstrapServers: ['b'] }],
    ['bootstrapServers', { ...brokers, bootstrapServers: ['b:70000'] }],
    ['bootstrapServers', { ...brokers, bootstrapServers: ['kafka://b:9092'] }],
    ['authentication', { ...brokers, authentication: 'kerberos' }],
    ['secret', { ...brokers, authentication: 'scram-512' }],
    ['secret', { ...brokers, secret: 'arn' } satisfies Omit<KafkaSource, 'topic' | 'authentication'>],
    ['rootCertificate', { ...brokers, rootCertificate: 'arn' }],
  ])('is refused with the name of what is wrong: %s', (field, kafka, topic) => {
    expect(() => read(kafka, topic)).toThrow(
      expect.objectContaining({ name: 'TidemarkError', message: expect.stringMatching(new RegExp(`^${field}: `)) }),
    );
  });
});

it('names a partition as a shard, and finds it again', () => {
  expect(shardPartition('a-b', partitionShard('a-b', 12))).toBe(12);
  for (const other of ['a-b', 'a-b-', 'a-b-01', 'a-c-1', 'a-1', 'a-b-1x'])
    expect(shardPartition('a-b', other)).toBeUndefined();
});
