import type { DynamoDBRecord } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { feedChanges } from '../../functions/sources/feed-changes.ts';
import { tableChanges } from '../../functions/sources/table-change.ts';
import { until } from '../fixtures/local/start.ts';
import { type System, startSystem, systemFixture } from '../fixtures/system/system.ts';
import pipeline from '../fixtures/system/table-changes.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ pipelineFile: systemFixture('table-changes'), shards: 3 });
});
afterAll(() => system.close());

const seconds = Date.parse('2026-01-01T00:00:00Z') / 1000;

/** A change as Lambda delivers it. */
function record(number: number, changes: Partial<DynamoDBRecord> = {}): DynamoDBRecord {
  const order = { S: `order-${number % 50}` };
  const type = number < 50 ? 'INSERT' : number % 7 === 0 ? 'REMOVE' : 'MODIFY';
  const image = (amount: number) => ({
    order,
    amount: { N: String(amount) },
    tags: { SS: ['a', 'b'] },
    raw: { B: 'AAEC' },
    deep: { M: { l: { L: [{ NULL: true }] } } },
  });
  return {
    eventID: `change-${number}`,
    eventName: type,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: 'arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000',
    dynamodb: {
      ApproximateCreationDateTime: seconds + number,
      Keys: { order },
      SequenceNumber: `1234500000000000000${String(number).padStart(6, '0')}`,
      SizeBytes: 100,
      StreamViewType: 'NEW_AND_OLD_IMAGES',
      ...(type === 'REMOVE' ? {} : { NewImage: image(number) }),
      ...(type === 'INSERT' ? {} : { OldImage: image(number - 50) }),
    },
    ...changes,
  };
}

const feed = (records: readonly DynamoDBRecord[]) =>
  feedChanges(tableChanges({ Records: records }), {
    pipeline,
    kinesis: system.kinesis,
    streamName: system.local.streamName,
    random: Math.random,
    onNotPut: () => {
      throw new Error('all fit');
    },
  });

describe('changes of a table', () => {
  it('are counted once each, though batches come again in other boundaries', async () => {
    const records = Array.from({ length: 600 }, (_, i) => record(i));
    expect(await feed(records.slice(0, 200))).toBe(200);
    expect(await feed(records.slice(100, 350))).toBe(250);
    await feed(records.slice(340));
    const body = await until(async () => {
      const { body: now } = await system.get('conservation');
      return now['received'] === 710 && now;
    });
    expect(body).toMatchObject({ counted: 600, duplicate: 110, rejected: 0, holds: true });
    const { body: answer } = await system.get('queries/byType/totals', { by: 'type' });
    const removed = records.filter(({ eventName }) => eventName === 'REMOVE');
    const kept = records.filter(({ eventName }) => eventName === 'MODIFY');
    const sum = (some: typeof records) =>
      some.reduce((total, { dynamodb }) => total + Number(dynamodb?.NewImage?.['amount']?.N ?? 0), 0);
    expect(answer['totals']).toMatchObject([
      { key: { type: 'INSERT' }, values: { n: 50, total: sum(records.slice(0, 50)) } },
      { key: { type: 'MODIFY' }, values: { n: kept.length, total: sum(kept) } },
      { key: { type: 'REMOVE' }, values: { n: removed.length, total: 0 } },
    ]);
  });

  it('have images in plain JSON, and tell an expired item from a deleted one', () => {
    const [change] = tableChanges({ Records: [record(3)] });
    expect(change).toEqual({
      id: 'change-3',
      type: 'INSERT',
      time: (seconds + 3) * 1000,
      table: 'orders',
      sequenceNumber: '1234500000000000000000003',
      keys: { order: 'order-3' },
      newImage: { order: 'order-3', amount: 3, tags: ['a', 'b'], raw: 'AAEC', deep: { l: [null] } },
      oldImage: null,
      expired: false,
    });
    const userIdentity = { type: 'Service', principalId: 'dynamodb.amazonaws.com' };
    expect(tableChanges({ Records: [record(70, { userIdentity })] })).toMatchObject([
      { type: 'REMOVE', newImage: null, expired: true },
    ]);
  });

  it.each<readonly [name: string, event: unknown, field: string]>([
    ['no records', {}, 'Records'],
    ['records of Kinesis', { Records: [{ ...record(1), eventSource: 'aws:kinesis' }] }, 'Records[0].eventSource'],
    ['a change that is none', { Records: [record(1), { ...record(2), eventName: 'UPSERT' }] }, 'Records[1].eventName'],
    ['a change without an id', { Records: [{ ...record(1), eventID: undefined }] }, 'Records[0].eventID'],
    ['a change of no table', { Records: [{ ...record(1), eventSourceARN: 'arn' }] }, 'Records[0].eventSourceARN'],
    [
      'a change without its time',
      { Records: [{ ...record(1), dynamodb: { ...record(1).dynamodb, ApproximateCreationDateTime: 'now' } }] },
      'Records[0].dynamodb.ApproximateCreationDateTime',
    ],
    [
      'a change without keys',
      { Records: [{ ...record(1), dynamodb: { ...record(1).dynamodb, Keys: null } }] },
      'Records[0].dynamodb.Keys',
    ],
  ])('are refused by their field when the function is given %s', (_name, event, field) => {
    let thrown: unknown;
    try {
      tableChanges(event);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TidemarkError);
    expect(String(thrown)).toContain(`${field}: `);
  });
});
