import { afterEach, describe, expect, it } from 'vitest';
import { numbered, processed } from '../fixtures/local/mapping.ts';
import { firstDeliveries, inOrder, type Put, put } from '../fixtures/local/records.ts';
import { fixture, startTestLocal, type TestLocal, testEntries } from '../fixtures/local/start.ts';

let test: TestLocal | undefined;

afterEach(async () => {
  await test?.stop();
  test = undefined;
});

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
  it('starts from its checkpoints after a kill of the runner', async () => {
    test = await startTestLocal({ data: 'disk' });
    await processed(test, await put(test.local, ['before'], 'one'));
    await test.local.restart('runner');
    await processed(test, await put(test.local, ['after'], 'one'));
    expect(test.deliveries().map((delivery) => delivery.data)).toEqual([['before'], ['after']]);
  });
});
