import { MergeShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { afterEach, describe, expect, it } from 'vitest';
import { allDelivered, firstDeliveries, inOrder, kinesisClient, type Put, put } from '../fixtures/local/records.ts';
import { fixture, startTestLocal, type TestLocal, testEntries, until } from '../fixtures/local/start.ts';

let test: TestLocal | undefined;

afterEach(async () => {
  await test?.stop();
  test = undefined;
});

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, place) => `record ${from + place}`);

/** Waits until the mapping's checkpoint of every shard is at the last of `puts`, or the shard is finished. */
async function processed({ local }: TestLocal, puts: readonly Put[]): Promise<void> {
  const last = inOrder(puts);
  await until(async () => {
    const response = await fetch(`${local.url}/_tidemark/mapping`).catch(() => undefined);
    const status =
      response && ((await response.json()) as { shards: Record<string, { checkpoint: string; state: string }> });
    return Object.entries(last).every(([shard, numbers]) => status?.shards[shard]?.checkpoint === numbers.at(-1));
  });
}

describe('the event source mapping', () => {
  it('delivers every record of every shard once and in order, to both environments, when nothing fails', async () => {
    test = await startTestLocal({ shards: 3, batchSize: 20 });
    const puts = await put(test.local, numbered(300));
    await processed(test, puts);
    const deliveries = test.deliveries();
    expect(firstDeliveries(deliveries)).toEqual(inOrder(puts));
    expect(deliveries.flatMap((delivery) => delivery.sequenceNumbers)).toHaveLength(300);
    expect(Math.max(...deliveries.map((delivery) => delivery.data.length))).toBeLessThanOrEqual(20);
    expect(new Set(deliveries.map((delivery) => delivery.environment)).size).toBe(2);
  });

  it('uses both environments for one shard alone', async () => {
    test = await startTestLocal({ batchSize: 1 });
    await processed(test, await put(test.local, numbered(6), 'one'));
    expect(new Set(test.deliveries().map((delivery) => delivery.environment)).size).toBe(2);
  });

  it('delivers the same batch again after an error, an exit and an answer that names no record of it, and loses nothing', async () => {
    test = await startTestLocal({ batchSize: 4 });
    const puts: Put[] = [];
    for (const verb of ['throw', 'exit', 'unknown', 'empty']) {
      puts.push(...(await put(test.local, ['a', 'b', `${verb}:2`, 'c'], 'one')));
      await processed(test, puts);
      const misbehaved = test.deliveries().filter((delivery) => delivery.data.includes(`${verb}:2`));
      expect(misbehaved).toHaveLength(3);
      expect(new Set(misbehaved.map((delivery) => delivery.sequenceNumbers.join())).size).toBe(1);
    }
    expect(firstDeliveries(test.deliveries())).toEqual(inOrder(puts));
  });

  it('goes on from the lowest failed record of a partial batch response', async () => {
    test = await startTestLocal({ batchSize: 10 });
    const puts = await put(test.local, ['a', 'b', 'partial:1', 'c', 'd'], 'one');
    await processed(test, puts);
    expect(test.deliveries().map((delivery) => delivery.data)).toEqual([
      ['a', 'b', 'partial:1', 'c', 'd'],
      ['partial:1', 'c', 'd'],
    ]);
  });

  it('delivers a batch again whose invocation timed out', async () => {
    test = await startTestLocal({ timeoutMs: { aggregate: 300 } });
    const puts = await put(test.local, ['hang:1']);
    await processed(test, puts);
    const [first, second] = test.deliveries();
    expect(second?.sequenceNumbers).toEqual(first?.sequenceNumbers);
    expect(second?.environment).not.toBe(first?.environment);
  });

  it('gathers a batch over the window, until it is full', async () => {
    test = await startTestLocal({ batchWindowMs: 3_600_000, batchSize: 5 });
    const puts = [...(await put(test.local, numbered(3), 'one')), ...(await put(test.local, numbered(7, 3), 'one'))];
    await processed(test, puts);
    expect(test.deliveries().map((delivery) => delivery.data.length)).toEqual([5, 5]);
  });

  it('cuts a batch at 6 MB of event', async () => {
    test = await startTestLocal({ batchWindowMs: 3_600_000 });
    const large = 'x'.repeat(900_000);
    for (let place = 0; place < 6; place++) await put(test.local, [large], 'one');
    const [delivery] = await until(() => test !== undefined && test.deliveries().length > 0 && test.deliveries());
    expect(delivery?.data).toHaveLength(5);
  });

  it('gives the function an event of exactly the form of Lambda', async () => {
    test = await startTestLocal({ entries: { ...testEntries, aggregate: fixture('echo') } });
    const [sent] = await put(test.local, ['é'], 'key');
    await processed(test, sent === undefined ? [] : [sent]);
    const [delivery] = test.deliveries();
    expect(JSON.parse(delivery?.data[0] ?? '')).toEqual({
      Records: [
        {
          kinesis: {
            kinesisSchemaVersion: '1.0',
            partitionKey: 'key',
            sequenceNumber: sent?.sequenceNumber,
            data: Buffer.from('é').toString('base64'),
            approximateArrivalTimestamp: expect.any(Number),
          },
          eventSource: 'aws:kinesis',
          eventVersion: '1.0',
          eventID: `${sent?.shard}:${sent?.sequenceNumber}`,
          eventName: 'aws:kinesis:record',
          invokeIdentityArn: expect.stringMatching(/^arn:aws:iam::\d{12}:role\//),
          awsRegion: 'us-east-1',
          eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/tidemark-test',
        },
      ],
    });
  });
});

describe('the event source mapping over kills', () => {
  it.each(['memory', 'disk'] as const)(
    'loses nothing and keeps the order when functions and runner are killed again and again (%s)',
    async (data) => {
      test = await startTestLocal({ data, shards: 2, batchSize: 10 });
      const { local } = test;
      const puts: Put[] = [];
      for (const [round, victim] of (['functions', 'runner', 'functions', 'runner'] as const).entries()) {
        puts.push(...(await put(local, numbered(100, 100 * round))));
        await until(() => allDelivered(puts.slice(0, 100 * round + 10), test?.deliveries() ?? []));
        await local.kill(victim);
        await local.restart(victim);
      }
      await processed(test, puts);
      expect(firstDeliveries(test.deliveries())).toEqual(inOrder(puts));
    },
  );

  it('starts from its checkpoints after a kill of the runner', async () => {
    test = await startTestLocal({ data: 'disk' });
    await processed(test, await put(test.local, ['before'], 'one'));
    await test.local.restart('runner');
    await processed(test, await put(test.local, ['after'], 'one'));
    expect(test.deliveries().map((delivery) => delivery.data)).toEqual([['before'], ['after']]);
  });

  it('goes on after the emulators were killed, when they keep their data on disk', async () => {
    test = await startTestLocal({ data: 'disk' });
    const before = await put(test.local, numbered(50), 'one');
    await test.local.kill('emulators');
    await test.local.restart('emulators');
    const after = await put(test.local, numbered(50, 50), 'one');
    await processed(test, after);
    expect(firstDeliveries(test.deliveries())).toEqual(inOrder([...before, ...after]));
  });
});

describe('the event source mapping over resharding', () => {
  it('finishes a parent shard before it starts its children, over a split and a merge', async () => {
    test = await startTestLocal({ batchSize: 10 });
    const { local } = test;
    const client = kinesisClient(local);
    const StreamName = local.streamName;
    const listed = async (): Promise<string[]> =>
      Object.keys(((await (await fetch(`${local.url}/_tidemark/mapping`)).json()) as { shards: object }).shards).sort();

    const parent = await put(local, ['throw:3', ...numbered(40)]);
    await client.send(
      new SplitShardCommand({ StreamName, ShardToSplit: parent[0]?.shard, NewStartingHashKey: String(2n ** 127n) }),
    );
    const [, left, right] = await until(async () => {
      const shards = await listed();
      return shards.length === 3 && shards;
    });
    const children = await put(local, ['throw:3', ...numbered(80, 40)]);
    await client.send(new MergeShardsCommand({ StreamName, ShardToMerge: left, AdjacentShardToMerge: right }));
    await until(async () => (await listed()).length === 4);
    const grandchild = await put(local, numbered(40, 120));
    await processed(test, grandchild);
    client.destroy();

    const deliveries = test.deliveries();
    const shards = [parent, children, grandchild].map((puts) => new Set(puts.map((each) => each.shard)));
    expect(shards.map((each) => each.size)).toEqual([1, 2, 1]);
    const generation = deliveries.map((delivery) => shards.findIndex((each) => each.has(delivery.shard)));
    expect(generation).toEqual([...generation].sort());
    expect(firstDeliveries(deliveries)).toEqual(inOrder([...parent, ...children, ...grandchild]));
  });
});
