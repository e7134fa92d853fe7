import { MergeShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { afterEach, describe, expect, it } from 'vitest';
import { numbered, processed } from '../fixtures/local/mapping.ts';
import { allDelivered, firstDeliveries, inOrder, kinesisClient, type Put, put } from '../fixtures/local/records.ts';
import { startTestLocal, type TestLocal, until } from '../fixtures/local/start.ts';

let test: TestLocal | undefined;

afterEach(async () => {
  await test?.stop();
  test = undefined;
});

describe('the event source mapping', () => {
  it('cuts a batch at 6 MB of event', async () => {
    test = await startTestLocal({ batchWindowMs: 3_600_000 });
    const large = 'x'.repeat(900_000);
    for (let place = 0; place < 6; place++) await put(test.local, [large], 'one');
    const [delivery] = await until(() => test !== undefined && test.deliveries().length > 0 && test.deliveries());
    expect(delivery?.data).toHaveLength(5);
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
