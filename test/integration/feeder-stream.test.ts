import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetRecordsCommand, GetShardIteratorCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { deaggregateSync } from 'aws-kinesis-agg';
import { afterAll, describe, expect, it } from 'vitest';
import { compareSequenceNumbers } from '../../functions/core/events/sequence-number.ts';
import { readCoverage } from '../../functions/feeder/coverage.ts';
import { createFeeder, type FeederOptions } from '../../functions/feeder/feeder.ts';
import { inRange, partitionKeyHash } from '../../functions/feeder/hash-range.ts';
import { listOpenShards, listShards } from '../../functions/feeder/shards.ts';
import { readFileChunks, readLines } from '../../functions/formats/lines.ts';
import { kinesisServer } from '../fixtures/kinesis-server.ts';

const { kinesis, createStream: createNamed, close } = await kinesisServer();
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-feeder-'));
let streams = 0;

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await close();
});

const createStream = (shards: number) => createNamed(`stream-${++streams}`, shards);

async function split(streamName: string, index: number): Promise<void> {
  const shard = (await listOpenShards(kinesis, streamName))[index];
  const middle = ((shard?.range.first ?? 0n) + (shard?.range.last ?? 0n)) / 2n;
  await kinesis.send(
    new SplitShardCommand({ StreamName: streamName, ShardToSplit: shard?.shardId, NewStartingHashKey: String(middle) }),
  );
}

interface Stored {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly events: readonly Buffer[];
}

async function readAll(streamName: string): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (const { ShardId: shardId = '' } of await listShards(kinesis, streamName)) {
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: streamName, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    for (const {
      Data = Buffer.alloc(0),
      PartitionKey: partitionKey = '',
      SequenceNumber: sequenceNumber = '',
    } of Records) {
      deaggregateSync(
        { partitionKey, sequenceNumber, data: Buffer.from(Data).toString('base64') },
        true,
        (error, records = []) => {
          if (error) throw error;
          stored.push({
            shardId,
            sequenceNumber,
            partitionKey,
            events: records.map(({ data }) => Buffer.from(data, 'base64')),
          });
        },
      );
    }
  }
  return stored;
}

function feederOf(streamName: string, options: Partial<FeederOptions> = {}) {
  return createFeeder({ kinesis, streamName, ...options });
}

function writeLines(name: string, lines: readonly (string | Buffer)[]): string {
  const file = path.join(folder, name);
  writeFileSync(file, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])));
  return file;
}

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `{"n":${from + index},"text":"${'x'.repeat(40)}"}`);
const textOf = (stored: readonly Stored[]) =>
  stored.flatMap(({ events }) => events.map((event) => event.toString('latin1')));
const byFirstField = (line: Buffer) => /"n":(\d+)/.exec(line.toString('latin1'))?.[1];

describe('a feeder', () => {
  it('puts every line once, round the shards, in order within a shard, and tells the last sequence numbers', async () => {
    const streamName = await createStream(4);
    const lines = [...numbered(6000), Buffer.from([0xff, 0xfe, 0x80, 0x00])];
    const feeder = feederOf(streamName);
    await feeder.putFile(writeLines('round.json', lines));
    const last = await feeder.flush();
    const stored = await readAll(streamName);
    expect(textOf(stored).sort()).toEqual(lines.map((line) => Buffer.from(line).toString('latin1')).sort());
    expect(new Set(stored.map(({ shardId }) => shardId)).size).toBe(4);
    for (const [shardId, sequenceNumber] of last) {
      const ofShard = stored.filter((record) => record.shardId === shardId);
      const numbers = ofShard.flatMap(({ events }) =>
        events.map((event) => Number(/"n":(\d+)/.exec(event.toString())?.[1] ?? 6000)),
      );
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(ofShard.filter((record) => compareSequenceNumbers(record.sequenceNumber, sequenceNumber) > 0)).toEqual([]);
      expect(ofShard.at(-1)?.sequenceNumber).toBe(sequenceNumber);
    }
    expect(feeder.progress()).toMatchObject({
      linesRead: 6001,
      eventsPut: 6001,
      recordsPut: stored.length,
      retried: 0,
      skipped: 0,
      notPut: 0,
    });
  });

  it('puts one event a record when told so, in calls of at most 500', async () => {
    const streamName = await createStream(2);
    const feeder = feederOf(streamName, { packing: 'single' });
    await feeder.putFile(writeLines('single.json', numbered(1234)));
    await feeder.flush();
    const stored = await readAll(streamName);
    expect(textOf(stored).sort()).toEqual(numbered(1234).sort());
    expect(stored).toHaveLength(1234);
    expect(stored.map(({ partitionKey }) => partitionKey)).toContain('single.json:17-17');
  });

  it('puts a keyed line into the shard that holds the hash of its key', async () => {
    const streamName = await createStream(3);
    const feeder = feederOf(streamName, { partitionKey: byFirstField });
    const lines = [...numbered(900), 'no key'];
    await feeder.putFile(writeLines('keyed.json', lines));
    await feeder.flush();
    const shards = await listOpenShards(kinesis, streamName);
    const stored = await readAll(streamName);
    const misplaced = stored.flatMap(({ shardId, events }) => {
      const range = shards.find((shard) => shard.shardId === shardId)?.range;
      return events.filter(
        (event) => range === undefined || !inRange(range, partitionKeyHash(byFirstField(event) ?? event)),
      );
    });
    expect(misplaced).toEqual([]);
    expect(textOf(stored).sort()).toEqual([...lines].sort());
  });

  it('takes a line of nearly 1 MiB, reports longer ones, and goes on', async () => {
    const streamName = await createStream(1);
    const refused: number[] = [];
    const feeder = feederOf(streamName, { onNotPut: ({ number }) => void refused.push(number) });
    const lines = ['a', 'x'.repeat(1_048_500), 'x'.repeat(1_048_570), 'x'.repeat(3_000_000), 'b'];
    await feeder.putFile(writeLines('long.json', lines));
    await feeder.flush();
    expect(textOf(await readAll(streamName)).map(({ length }) => length)).toEqual([1, 1_048_500, 1]);
    expect(refused).toEqual([3, 4]);
    expect(feeder.progress().notPut).toBe(2);
  });

  it('goes on after a split, and uses the children', async () => {
    const streamName = await createStream(2);
    const feeder = feederOf(streamName);
    await feeder.putFile(writeLines('before.json', numbered(2000)));
    await feeder.flush();
    await split(streamName, 0);
    await feeder.putFile(writeLines('during.json', numbered(2000, 2000)));
    await feeder.flush();
    await feeder.putFile(writeLines('after.json', numbered(4000, 4000)));
    const last = await feeder.flush();
    const stored = await readAll(streamName);
    expect(textOf(stored).sort()).toEqual(numbered(8000).sort());
    expect(
      new Set(stored.filter(({ partitionKey }) => partitionKey.startsWith('after')).map(({ shardId }) => shardId)).size,
    ).toBe(3);
    expect(last.size).toBe(4);
  });

  it('fails with the name of the stream that does not exist', async () => {
    const feeder = feederOf('no-such-stream');
    await expect(feeder.putFile(writeLines('nowhere.json', ['{}']))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});

describe('a feeder that resumes', () => {
  it.each([
    ['round the shards', {}],
    ['by key', { partitionKey: byFirstField }],
    ['one event a record', { packing: 'single' as const }],
  ])(
    'puts exactly the lines that the stream does not hold, also when a shard was split meanwhile: %s',
    async (_, options) => {
      const streamName = await createStream(2);
      const lines = [...numbered(1500), 'not JSON', 'not JSON', Buffer.from([0xff, 0xfe])];
      const file = writeLines('resumed.json', lines);
      // The first run puts the events that it packed of two thirds of the file, and ends.
      const half = writeLines('resumed-part.json', lines.slice(0, 1000));
      await feedAs(half, 'resumed.json', streamName, options);
      await split(streamName, 1);
      const coverage = await readCoverage({ kinesis, streamName });
      const second = feederOf(streamName, options);
      await second.putFile(file, { skip: coverage });
      await second.flush();
      expect(second.progress()).toMatchObject({ skipped: 1000, eventsPut: 503 });
      const expected = lines.map((line) => Buffer.from(line).toString('latin1')).sort();
      expect(textOf(await readAll(streamName)).sort()).toEqual(expected);
      // A third run finds records from before and from after the split, and puts nothing.
      const third = feederOf(streamName, options);
      await third.putFile(file, { skip: await readCoverage({ kinesis, streamName }) });
      await third.flush();
      expect(third.progress()).toMatchObject({ skipped: 1503, eventsPut: 0 });
    },
  );

  it('reads only what is behind the given positions, and tells the greatest numbers it found', async () => {
    const streamName = await createStream(2);
    const feeder = feederOf(streamName);
    await feeder.putFile(writeLines('first.json', numbered(3000)));
    const after = await feeder.flush();
    await feeder.putFile(writeLines('second.json', numbered(3000)));
    const last = await feeder.flush();
    const coverage = await readCoverage({ kinesis, streamName, after });
    expect([
      coverage.covers('first.json', 1),
      coverage.covers('second.json', 1),
      coverage.covers('second.json', 3000),
      coverage.covers('second.json', 3001),
    ]).toEqual([false, true, true, false]);
    expect(new Map(coverage.greatest)).toEqual(new Map(last));
    expect((await readCoverage({ kinesis, streamName })).covers('first.json', 2999)).toBe(true);
  });

  async function feedAs(
    file: string,
    name: string,
    streamName: string,
    options: Partial<FeederOptions>,
  ): Promise<void> {
    const feeder = feederOf(streamName, options);
    await feeder.putLines(readLines(readFileChunks(file)), name);
    await feeder.flush();
  }
});
