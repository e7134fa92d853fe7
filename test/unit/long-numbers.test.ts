import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bodyEvents } from '../../functions/api/event-body.ts';
import { keyObject } from '../../functions/api/parameters.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { readRaw } from '../../functions/core/fold/stream-record.ts';
import { count, countDistinct, definePipeline, lookup, sum, tumbling } from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { linePartitionKey } from '../../functions/feeder/partition-key.ts';
import { openBatches } from '../../functions/kafka/batches.ts';
import { tableChanges } from '../../functions/sources/table-change.ts';

const at = Date.UTC(2026, 0, 1);
const window = tumbling('1 hour');
const amount = z.union([z.number(), z.string()]);
const schema = z.object({ time: z.number(), user: amount, paid: amount.optional() });

const users = ['1234567890123456788', '1234567890123456789'] as const;
const lines = users.map((user) => `{"time":${at},"user":${user},"paid":9007199254740993}`);
const parsed = users.map((user) => ({ time: at, user, paid: '9007199254740993' }));

function pipelineOf(changes: object = {}): Pipeline {
  return definePipeline({
    name: 'tested',
    event: schema,
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: {
      byUser: { groupBy: ['user'], window, aggregates: { n: count() } },
      all: { window, aggregates: { users: countDistinct('user'), paid: sum('paid') } },
    },
    ...changes,
  });
}

describe('two users whose numbers one double would be', () => {
  it('are two keys and two values, and their sum is exact', () => {
    const pipeline = pipelineOf();
    const run = createStaticRun(pipeline);
    for (const line of lines) run.add(line, at);
    const rows = staticAnswer(pipeline, [run.part()]).windows.flatMap((one) => one.rows);
    expect(rows).toMatchObject([
      { key: { user: users[0] }, values: { n: 1 } },
      { key: { user: users[1] }, values: { n: 1 } },
      { values: { users: 2, paid: '18014398509481986' } },
    ]);
  });

  it('are two in a request, in its lines and its array, and in the records that it is put as', () => {
    for (const [contentType, text] of [
      ['application/x-ndjson', lines.join('\n')],
      ['application/json', `[${lines.join(',')}]`],
    ] as const) {
      const events = bodyEvents({ contentType, contentEncoding: undefined, bytes: Buffer.from(text) });
      expect(events.map((event) => 'parsed' in event && event.parsed)).toEqual(parsed);
      const stored = events.map((event) =>
        eventReader(pipelineOf()).text('data' in event ? Buffer.from(event.data).toString() : '', at),
      );
      expect(stored).toMatchObject(parsed.map((event) => ({ outcome: 'accepted', event })));
    }
  });

  it('are two in Kafka', () => {
    const records = lines.map((line, offset) => ({
      topic: 'events',
      partition: 0,
      offset,
      timestamp: at,
      timestampType: 'CREATE_TIME',
      value: Buffer.from(line).toString('base64'),
    }));
    const source = { kind: 'kafka', topic: 'events', bootstrapServers: ['b:9098'], authentication: 'iam' } as const;
    const batches = openBatches(source).of({ eventSource: 'aws:kafka', records: { 'events-0': records } });
    const events = batches.flatMap((batch) => batch.records.flatMap((record) => record.events));
    expect(events.map((raw) => readRaw(eventReader(pipelineOf()), raw, at))).toMatchObject(
      parsed.map((event) => ({ event })),
    );
  });

  it('are two in the images of a table, in lists and in sets', () => {
    const [change] = tableChanges({
      Records: [
        {
          eventID: '1',
          eventName: 'INSERT',
          eventSource: 'aws:dynamodb',
          eventSourceARN: 'arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026',
          dynamodb: {
            ApproximateCreationDateTime: 1_767_225_600,
            SequenceNumber: '1',
            Keys: { user: { N: users[0] } },
            NewImage: {
              small: { N: '12.50' },
              set: { NS: [...users, '7'] },
              list: { L: [{ N: '90071992547409.93' }, { M: { deep: { N: users[1] } } }] },
              most: { N: '9.9999999999999999999999999999999999999E+125' },
            },
          },
        },
      ],
    });
    expect(change).toMatchObject({
      keys: { user: users[0] },
      newImage: {
        small: 12.5,
        set: [...users, 7],
        list: ['90071992547409.93', { deep: users[1] }],
        most: '9.9999999999999999999999999999999999999E+125',
      },
    });
  });

  it('have a row each in a lookup, as text; a row whose number has lost digits is refused', () => {
    const rows = users.map((user) => ({ user, name: `user ${user}` }));
    const pipeline = pipelineOf({ enrich: lookup(rows, 'user') });
    const events = lines.map((line) => eventReader(pipeline).text(line, at));
    expect(events).toMatchObject(rows.map(({ name }) => ({ event: { name } })));
    expect(() => lookup([{ user: Number(users[0]), name: 'rounded' }], 'user')).toThrow(/rows\[0\]\.user.*text/);
  });

  it('are not looked up by a number that both could be, nor is NaN', () => {
    const coerced = z.object({ time: z.number(), user: z.unknown().transform(Number) });
    const pipeline = pipelineOf({
      event: coerced,
      enrich: lookup([{ user: 1, name: 'one' }], 'user'),
      queries: { all: { window, aggregates: { n: count() } } },
    });
    for (const user of [users[0], '{"$numberDouble":"NaN"}'])
      expect(eventReader(pipeline).text(`{"time":${at},"user":${user}}`, at)).toMatchObject({ reason: 'unknown-key' });
    expect(eventReader(pipeline).text(`{"time":${at},"user":2}`, at)).toMatchObject({ event: { name: null } });
  });

  it('have partition keys of their own', () => {
    const keyOf = linePartitionKey(pipelineOf({ partitionKey: ({ user }: { user: unknown }) => String(user) }));
    expect(lines.map((line) => keyOf?.(Buffer.from(line)))).toEqual(users);
  });

  it('are asked for by their digits, in quotes or without', () => {
    for (const text of [`{"user":${users[1]}}`, `{"user":"${users[1]}"}`])
      expect(keyObject.parse(text, 'key')).toEqual({ user: users[1] });
  });
});
