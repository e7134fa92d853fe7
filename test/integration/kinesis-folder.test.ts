import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createAwsJson } from '../../infra/local/account/aws-json.ts';
import { close, listen } from '../../infra/local/emulators/emulator.ts';
import { createKinesisServer } from '../../infra/local/emulators/kinesis/kinesis-server.ts';
import { openStreams, type Streams } from '../../infra/local/emulators/kinesis/streams.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-kinesis-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function newFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

const hourMs = 3_600_000;
/** A clock that tests set. */
const clock = { ms: Date.parse('2026-01-01T00:00:00Z') };
const now = (): number => clock.ms;
const open = (folder: string): Streams => openStreams({ folder, now });

type Call = ReturnType<typeof createAwsJson>['call'];
interface Read {
  readonly Records: readonly { readonly Data: string; readonly ApproximateArrivalTimestamp: number }[];
  readonly NextShardIterator: string;
}

async function serving<Result>(folder: string, use: (call: Call) => Promise<Result>): Promise<Result> {
  const server = createKinesisServer(open(folder), now);
  const client = createAwsJson('kinesis', await listen(server, 0));
  try {
    return await use(client.call);
  } finally {
    client.close();
    await close(server);
  }
}

const put = (call: Call, text: string) =>
  call<{ readonly SequenceNumber: string }>('PutRecord', {
    StreamName: 's',
    PartitionKey: 'k',
    Data: Buffer.from(text).toString('base64'),
  });

async function begin(call: Call): Promise<string> {
  const from = { StreamName: 's', ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' };
  return (await call<{ readonly ShardIterator: string }>('GetShardIterator', from)).ShardIterator;
}

async function texts(call: Call): Promise<readonly string[]> {
  const { Records } = await call<Read>('GetRecords', { ShardIterator: await begin(call) });
  return Records.map(({ Data }) => Buffer.from(Data, 'base64').toString());
}

/** A folder with a stream of one record. */
async function keptFolder(): Promise<string> {
  const folder = newFolder();
  await serving(folder, async (call) => {
    await call('CreateStream', { StreamName: 's', ShardCount: 1 });
    await put(call, 'first');
  });
  return folder;
}

describe('a folder of streams', () => {
  it('is refused when another emulator wrote it, or when its list of streams is damaged or missing', async () => {
    const folder = await keptFolder();
    const list = join(folder, 'streams.json');
    const text = readFileSync(list, 'utf8');
    expect(text).toMatch(/^1 [0-9a-f]{8}\n\[\{"name":"s"/);
    for (const damaged of ['', text.slice(0, 60), text.replace('"name":"s"', '"name":"t"'), `2${text.slice(1)}`]) {
      writeFileSync(list, damaged);
      expect(() => open(folder)).toThrow('streams.json is damaged');
    }
    rmSync(list);
    expect(() => open(folder)).toThrow('streams.json is missing');
    writeFileSync(list, text);
    expect(open(folder).names()).toEqual(['s']);
    writeFileSync(join(folder, 'CURRENT'), 'MANIFEST-000002\n');
    expect(() => open(folder)).toThrow('kinesalite');
    rmSync(join(folder, 'CURRENT'));
    rmSync(join(folder, '1'), { recursive: true });
    expect(() => open(folder)).toThrow('the folder 1 is missing');
  });

  it('is a new one when a kill came while its first stream was made', () => {
    const folder = newFolder();
    mkdirSync(join(folder, '1'));
    const streams = open(folder);
    expect(streams.names()).toEqual([]);
    streams.create('s', 1, 'PROVISIONED');
    expect(open(folder).names()).toEqual(['s']);
  });

  it('keeps streams apart whose names differ in case only', async () => {
    const folder = await keptFolder();
    await serving(folder, async (call) => {
      await call('CreateStream', { StreamName: 'S', ShardCount: 1 });
      await call('DeleteStream', { StreamName: 'S' });
      expect(await texts(call)).toEqual(['first']);
    });
  });
});

describe('a stream that lost its end', () => {
  it('is not read on after a record that is gone, though others took its place', async () => {
    const folder = await keptFolder();
    const file = join(folder, '1', '000000000000-0000000000000000.records');
    const kept = readFileSync(file);
    const lost = await serving(folder, (call) => put(call, 'lost'));
    writeFileSync(file, kept);
    await serving(folder, async (call) => {
      const after = {
        StreamName: 's',
        ShardId: 'shardId-000000000000',
        ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
        StartingSequenceNumber: lost.SequenceNumber,
      };
      await expect(call('GetShardIterator', after)).rejects.toMatchObject({ code: 'InvalidArgumentException' });
      clock.ms += 1000;
      await put(call, 'other');
      await expect(call('GetShardIterator', after)).rejects.toMatchObject({ code: 'InvalidArgumentException' });
    });
  });
});

describe('the clock', () => {
  it('takes records away that are beyond the retention, and iterators after five minutes', async () => {
    const folder = await keptFolder();
    await serving(folder, async (call) => {
      const iterator = await begin(call);
      clock.ms += 300_001;
      await expect(call('GetRecords', { ShardIterator: iterator })).rejects.toMatchObject({
        code: 'ExpiredIteratorException',
      });
      clock.ms += 23 * hourMs;
      await put(call, 'second');
      expect(await texts(call)).toEqual(['first', 'second']);
      clock.ms += hourMs;
      expect(await texts(call)).toEqual(['second']);
    });
    await serving(folder, async (call) => {
      expect(await texts(call)).toEqual(['second']);
      await call('IncreaseStreamRetentionPeriod', { StreamName: 's', RetentionPeriodHours: 168 });
      clock.ms += 100 * hourMs;
      expect(await texts(call)).toContain('second');
    });
  });

  it('does not take the order of arrivals back when it is set back', async () => {
    const folder = await keptFolder();
    await serving(folder, async (call) => {
      clock.ms -= 1000 * hourMs;
      await put(call, 'second');
      const { Records } = await call<Read>('GetRecords', { ShardIterator: await begin(call) });
      const arrivals = Records.map((record) => record.ApproximateArrivalTimestamp);
      expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
    });
  });
});

describe('a request', () => {
  it.each([
    ['an operation that is not served', 'UpdateShardCount', {}, 'UnknownOperationException'],
    ['no stream', 'DescribeStream', {}, 'InvalidArgumentException'],
    ['a number as a name', 'DescribeStream', { StreamName: 5 }, 'SerializationException'],
    [
      'data that are not base64',
      'PutRecord',
      { StreamName: 's', PartitionKey: 'k', Data: '*' },
      'SerializationException',
    ],
    ['an object as records', 'PutRecords', { StreamName: 's', Records: {} }, 'SerializationException'],
    ['a number as a record', 'PutRecords', { StreamName: 's', Records: [1] }, 'SerializationException'],
    ['records beyond 5 MiB', 'PutRecords', { StreamName: 's', Records: large(6) }, 'InvalidArgumentException'],
    ['another token', 'ListShards', { NextToken: 'x' }, 'InvalidArgumentException'],
    ['no shard', 'GetShardIterator', { StreamName: 's' }, 'ValidationException'],
  ] as const)('with %s is refused', async (_what, operation, body, code) => {
    await serving(await keptFolder(), async (call) => {
      await expect(call(operation, body)).rejects.toMatchObject({ code });
      expect(await texts(call)).toEqual(['first']);
    });
  });

  it('may name the stream by its ARN', async () => {
    await serving(await keptFolder(), async (call) => {
      const arn = { StreamARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/s' };
      expect(await call('DescribeStreamSummary', arn)).toMatchObject({ StreamDescriptionSummary: { StreamName: 's' } });
    });
  });
});

function large(count: number): readonly object[] {
  const Data = Buffer.alloc(1024 * 1024 - 1).toString('base64');
  return Array.from({ length: count }, () => ({ PartitionKey: 'k', Data }));
}
