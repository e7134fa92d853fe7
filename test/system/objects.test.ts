import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { noProgress, totalsAfterBatch } from '../../functions/core/log/totals.ts';
import { readShard } from '../../functions/feeder/read-shard.ts';
import { listShards } from '../../functions/feeder/shards.ts';
import { ObjectGone } from '../../functions/sources/feed-object.ts';
import { openObject } from '../../functions/sources/s3-object.ts';
import { logPartition } from '../../functions/state/log/entry.ts';
import { putEntry } from '../../functions/state/log/log.ts';
import { joinedTail } from '../../functions/state/log/registration.ts';
import { fedObjects, lines, orders, sorted } from '../fixtures/fed-objects.ts';

const { kinesis, stored, feed, inStream, dying, at } = await fedObjects();

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

  it('is looked for in the stream from where it was committed when the object was begun, and not in what was there before', async () => {
    const [first, second] = [stored(lines.slice(0, 1000).join('\n')), stored(lines.slice(1000, 2000).join('\n'))];
    await feed(first);
    // The state that the aggregate function would have committed by now.
    for (const shard of await listShards(kinesis, at().streamName)) {
      let last: string | undefined;
      for await (const records of readShard({ kinesis, streamName: at().streamName }, shard, undefined))
        last = records.at(-1)?.SequenceNumber ?? last;
      const tail = await joinedTail(at().state, shard.ShardId ?? '', 0);
      const batch = { ...noProgress, sequenceNumber: last ?? '', lastArrival: 0, bytes: 0 };
      const totals = totalsAfterBatch(tail.totals, batch, false, 0);
      await putEntry(at().state, shard.ShardId ?? '', tail, { position: 2, kind: 'batch', putAt: 0, totals });
    }
    await expect(feed(second, { state: dying(1) })).rejects.toThrow('killed');
    expect(await feed(second)).toMatchObject({ outcome: 'done', events: 0, lines: 1000 });
    expect(await inStream()).toEqual(sorted(lines.slice(0, 2000)));
    for (const shard of await listShards(kinesis, at().streamName)) {
      const keys = await at().state.query(logPartition(shard.ShardId ?? ''));
      for (const key of keys) await at().state.delete(key);
      await at().state.delete({ pk: 'registrations', sk: shard.ShardId ?? '' });
    }
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
        return openObject(at().s3, object);
      },
    });
    expect(await overtaken).toMatchObject({ outcome: 'lost' });
  });

  it('that was deleted, or replaced in a bucket without versions, is gone', async () => {
    const replaced = stored('{}');
    at().store.objects.set(`events/${replaced.key}`, { bytes: Buffer.from('{"id":1}'), version: 'another' });
    await expect(feed(replaced)).rejects.toBeInstanceOf(ObjectGone);
    const deleted = stored('{}', 'version-1');
    at().store.objects.delete(`events/${deleted.key}`);
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
    // A frame of zstd without content.
    expect(await feed(stored(Buffer.from('28b52ffd0000010000', 'hex')))).toEqual({
      outcome: 'done',
      events: 0,
      lines: 0,
    });
  });
});
