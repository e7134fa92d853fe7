import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { readShard } from '../../functions/feeder/read-shard.ts';
import { listShards } from '../../functions/feeder/shards.ts';
import { streamRecords } from '../../functions/kinesis/records.ts';
import { type FeedObjectOptions, feedObject, ObjectGone } from '../../functions/sources/feed-object.ts';
import type { NotifiedObject } from '../../functions/sources/object-notification.ts';
import { openObject } from '../../functions/sources/s3-object.ts';
import { commitProgress, noProgress } from '../../functions/state/items/progress.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { type DynaliteTables, dynaliteTables } from '../bench/dynalite-tables.ts';
import { kinesisServer } from '../fixtures/kinesis-server.ts';
import { type ObjectStore, startObjectStore } from '../fixtures/object-store.ts';

const { kinesis, createStream, close } = await kinesisServer();
let dynalite: DynaliteTables;
let state: Table;
let store: ObjectStore;
let s3: S3Client;
let streamName: string;

beforeAll(async () => {
  dynalite = await dynaliteTables();
  state = dynalite.open().state;
  store = await startObjectStore();
  s3 = new S3Client({
    endpoint: store.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  s3.destroy();
  await Promise.all([dynalite.close(), store.close(), close()]);
});
beforeEach(async () => {
  store.breakAfterBytes = undefined;
  streamName = await createStream(`stream-${randomUUID()}`, 3);
});

const orders = (keyed: 'by key' | 'round the shards') =>
  definePipeline({
    name: 'orders',
    event: z.object({ id: z.number(), time: z.number() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    ...(keyed === 'by key' ? { partitionKey: (event: { readonly id: number }) => String(event.id) } : {}),
    queries: { all: { window: tumbling('1 hour'), aggregates: { n: count() } } },
  });

/** Lines of some 200 bytes, and one of them no event. */
const lines = Array.from({ length: 60_000 }, (_, i) =>
  i === 777 ? 'garbage' : JSON.stringify({ id: i, time: 1_767_225_600_000 + i, padding: 'x'.repeat(170) }),
);

function stored(bytes: Uint8Array | string, versionId?: string): NotifiedObject {
  const version = versionId ?? randomUUID();
  const key = `in/day=1/${randomUUID()} +ü.json`;
  store.objects.set(`events/${key}`, { bytes: Buffer.from(bytes), version });
  return { bucket: 'events', key, version, versionId };
}

type Changes = Partial<FeedObjectOptions>;

function feed(object: NotifiedObject, changes: Changes = {}) {
  return feedObject(object, {
    pipeline: orders('by key'),
    kinesis,
    streamName,
    state,
    open: () => openObject(s3, object),
    owner: 'message-1',
    attempt: randomUUID(),
    now: () => Date.now(),
    remainingMs: () => 900_000,
    random: Math.random,
    onNotPut: () => {},
    ...changes,
  });
}

/** All lines in the stream, in the order of their numbers. */
async function inStream(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const shard of await listShards(kinesis, streamName))
    for await (const records of readShard({ kinesis, streamName }, shard, undefined))
      for (const { PartitionKey = '', SequenceNumber = '', Data = new Uint8Array() } of records) {
        const data = Buffer.from(Data).toString('base64');
        const record = {
          partitionKey: PartitionKey,
          sequenceNumber: SequenceNumber,
          data,
          approximateArrivalTimestamp: 1,
          kinesisSchemaVersion: '1.0',
        };
        for (const { events } of streamRecords([{ kinesis: record }]))
          for (const event of events) found.push(Buffer.from(event.bytes()).toString());
      }
  return found.sort();
}

const sorted = (some: readonly string[]) => [...some].sort();

/**
 * A table whose updates fail after the first so many, as for a function that is killed: nothing of it is noted any
 * more.
 */
function dying(after: number): Table {
  let updates = 0;
  return {
    ...state,
    get: (key) => state.get(key),
    query: (pk, range) => state.query(pk, range),
    update: async (key, change, when) => {
      if (++updates > after) throw new Error('killed');
      return state.update(key, change, when);
    },
  };
}

describe('an object', () => {
  it.each(['by key', 'round the shards'] as const)(
    'is put line for line, once, however often it is notified, %s',
    async (keyed) => {
      const object = stored(`${lines.join('\n')}\n`);
      const pipeline = orders(keyed);
      expect(await feed(object, { pipeline })).toEqual({ outcome: 'done', events: lines.length, lines: lines.length });
      for (const owner of ['message-1', 'message-2'])
        expect(await feed(object, { pipeline, owner })).toEqual({ outcome: 'already done', events: 0, lines: 0 });
      expect(await inStream()).toEqual(sorted(lines));
    },
  );

  it.each(['by key', 'round the shards'] as const)(
    'whose function is killed, again and again, is in the stream once all the same, %s',
    async (keyed) => {
      const object = stored(gzipSync(lines.join('\r\n')));
      const pipeline = orders(keyed);
      // The first update takes the object; each block that is put is to be noted by one more.
      for (const updates of [1, 2, 1, 3])
        await expect(feed(object, { pipeline, state: dying(updates) })).rejects.toThrow('killed');
      const { outcome, events } = await feed(object, { pipeline });
      expect(outcome).toBe('done');
      expect(events).toBeLessThan(lines.length);
      expect(await inStream()).toEqual(sorted(lines));
    },
  );

  it('is looked for in the stream from where it was committed when the object was begun, and not in what was there before', async () => {
    const [first, second] = [stored(lines.slice(0, 1000).join('\n')), stored(lines.slice(1000, 2000).join('\n'))];
    await feed(first);
    // What aggregate would have committed by now.
    for (const shard of await listShards(kinesis, streamName)) {
      let last: string | undefined;
      for await (const records of readShard({ kinesis, streamName }, shard, undefined))
        last = records.at(-1)?.SequenceNumber ?? last;
      await commitProgress(state, shard.ShardId ?? '', noProgress, { ...noProgress, sequenceNumber: last });
    }
    await expect(feed(second, { state: dying(1) })).rejects.toThrow('killed');
    expect(await feed(second)).toMatchObject({ outcome: 'done', events: 0, lines: 1000 });
    expect(await inStream()).toEqual(sorted(lines.slice(0, 2000)));
    for (const shard of await listShards(kinesis, streamName)) {
      const keys = (await state.query('progress#0'))
        .concat(await state.query('progress#1'))
        .filter(({ sk }) => sk === shard.ShardId);
      for (const key of keys) await state.delete(key);
    }
  });

  it('that is larger than an invocation has time for goes on in the next one', async () => {
    const object = stored(lines.join('\n'));
    let asked = 0;
    const short = { remainingMs: () => (asked++ < 2 ? 900_000 : 20_000) };
    const first = await feed(object, short);
    expect(first.outcome).toBe('paused');
    expect(first.lines).toBeGreaterThan(0);
    expect(first.lines).toBeLessThan(lines.length);
    const rest = await feed(object, { owner: 'message-2' });
    expect(rest).toEqual({ outcome: 'done', events: lines.length - first.events, lines: lines.length - first.lines });
    expect(await inStream()).toEqual(sorted(lines));
  });

  it('is held by one attempt at a time, until that is dead for certain', async () => {
    const object = stored(lines.slice(0, 10).join('\n'));
    await expect(feed(object, { state: dying(1), now: () => 0, remainingMs: () => 60_000 })).rejects.toThrow('killed');
    expect(await feed(object, { owner: 'message-2', now: () => 69_000 })).toEqual({
      outcome: 'held',
      events: 0,
      lines: 0,
    });
    expect(await feed(object, { owner: 'message-2', now: () => 71_000 })).toMatchObject({
      outcome: 'done',
      events: 0,
      lines: 10,
    });
    expect(await inStream()).toEqual(sorted(lines.slice(0, 10)));
  });

  it('is left alone by an attempt that finds that another took over', async () => {
    const object = stored(lines.slice(0, 10).join('\n'));
    const overtaken = feed(object, {
      open: async () => {
        await feed(object);
        return openObject(s3, object);
      },
    });
    expect(await overtaken).toMatchObject({ outcome: 'lost' });
  });

  it('whose connection breaks is fed from there when it is tried again', async () => {
    const object = stored(lines.join('\n'), 'version-7');
    store.breakAfterBytes = 9_000_000;
    await expect(feed(object)).rejects.toThrow();
    store.breakAfterBytes = undefined;
    const { outcome, events } = await feed(object);
    expect(outcome).toBe('done');
    expect(events).toBeLessThan(lines.length);
    expect(await inStream()).toEqual(sorted(lines));
  });

  it('that is cut off in the middle of its gzip file fails, with what came before it in the stream', async () => {
    const whole = gzipSync(lines.join('\n'), { level: 1 });
    const object = stored(whole.subarray(0, whole.length - 100));
    await expect(feed(object)).rejects.toThrow('unexpected end of file');
    const found = await inStream();
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found).size).toBe(found.length);
  });

  it('that was deleted, or replaced in a bucket without versions, is gone', async () => {
    const replaced = stored('{}');
    store.objects.set(`events/${replaced.key}`, { bytes: Buffer.from('{"id":1}'), version: 'another' });
    await expect(feed(replaced)).rejects.toBeInstanceOf(ObjectGone);
    const deleted = stored('{}', 'version-1');
    store.objects.delete(`events/${deleted.key}`);
    await expect(feed(deleted)).rejects.toBeInstanceOf(ObjectGone);
  });

  it('with a line that no record holds is put without it, and tells of it', async () => {
    const object = stored(`{"id":1,"time":1}\n"${'x'.repeat(1_100_000)}"\n\n{"id":2,"time":1}`);
    const told: unknown[] = [];
    expect(await feed(object, { onNotPut: (line) => told.push(line.number) })).toMatchObject({
      outcome: 'done',
      events: 2,
    });
    expect(told).toEqual([2]);
  });

  it('that is packed with zstd is put as what it was', async () => {
    // `printf 'one\ntwo\n' | zstd`, as one raw block: magic, header of a single segment of 8 bytes, last block.
    const frame = Buffer.concat([Buffer.from('28b52ffd2008410000', 'hex'), Buffer.from('one\ntwo\n')]);
    expect(await feed(stored(frame))).toEqual({ outcome: 'done', events: 2, lines: 2 });
    expect(await inStream()).toEqual(['one', 'two']);
  });

  it('of nothing is done at once', async () => {
    expect(await feed(stored(''))).toEqual({ outcome: 'done', events: 0, lines: 0 });
    expect(await feed(stored(gzipSync('')))).toEqual({ outcome: 'done', events: 0, lines: 0 });
    // A frame of zstd, of nothing.
    expect(await feed(stored(Buffer.from('28b52ffd0000010000', 'hex')))).toEqual({
      outcome: 'done',
      events: 0,
      lines: 0,
    });
  });
});
