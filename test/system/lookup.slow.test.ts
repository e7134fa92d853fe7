import { DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { readShard } from '../../functions/feeder/read-shard.ts';
import { listShards } from '../../functions/feeder/shards.ts';
import { eachKind, firstRows, lookedUp, t0 } from '../fixtures/system/looked-up-system.ts';
import { order } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const { running, file, run, counts } = lookedUp();

/** The times at which the stream took each record, epoch ms. */
const arrivals = async (): Promise<readonly number[]> => {
  const place = { kinesis: running().kinesis, streamName: running().local.streamName };
  const found: number[] = [];
  for (const shard of await listShards(place.kinesis, place.streamName))
    for await (const records of readShard(place, shard, undefined))
      for (const { ApproximateArrivalTimestamp } of records) found.push(ApproximateArrivalTimestamp?.getTime() ?? 0);
  return found;
};

/** The tests build on one another. */
describe('a table that events are joined with', () => {
  const second = file('second.csv', 'kind,group\na,new\n');
  let from = 0;

  beforeAll(async () => {
    await run('lookup', 'publish', 'kinds', file('first.json', firstRows));
    await running().put(eachKind);
  });

  it('cannot be changed for what has arrived', async () => {
    const sealed = (await run('lookup', 'list', 'kinds')).sealedThrough;
    expect(sealed).toBeGreaterThanOrEqual(Math.max(...(await arrivals())));
    expect(await run('lookup', 'publish', 'kinds', second, '--from', String(sealed))).toContain('is settled');
    expect(await run('lookup', 'publish', 'kinds', second, '--from', '0')).toContain(
      'versions are only added behind it',
    );
    expect((await run('lookup', 'list', 'kinds')).versions).toHaveLength(1);
  });

  it('joins each record with the version of its arrival, also over a kill of the functions', async () => {
    from = (await run('lookup', 'list', 'kinds')).sealedThrough + 1;
    expect(await run('lookup', 'publish', 'kinds', second, '--from', String(from))).toMatchObject({
      outcome: 'published',
      version: { from, rows: 1 },
    });
    // Puts records until the counts show that some have arrived under the second version.
    for (let put = 0; put < 3 || (await counts())['new'] === undefined; put++) {
      const killed = put === 2 ? running().local.kill('functions') : undefined;
      await running().put([
        { data: order(t0 + put, 'a', 1), shard: 0 },
        { data: order(t0 + put, 'a', 1), shard: 1 },
      ]);
      await killed;
    }
    const all = await arrivals();
    const late = all.filter((arrival) => arrival >= from).length;
    expect(late).toBeGreaterThan(0);
    expect(await counts()).toEqual({ old: all.length - late - 2, other: 1, null: 1, new: late });
    const { received, counted, holds } = (await running().get('conservation')).body;
    expect([received, counted, holds]).toEqual([all.length, all.length, true]);
  });

  it('joins late events and backfilled ones with the version of their arrival', async () => {
    await running().put([
      { data: order(t0 + 5 * hourMs, 'a', 1), shard: 0 },
      { data: order(t0 + 5 * hourMs, 'a', 1), shard: 1 },
    ]);
    await running().finalize({});
    const before = await counts();
    await running().put([{ data: order(t0 + 1, 'a', 1), shard: 0 }]);
    expect(await counts()).toEqual(before);
    expect(await run('late', 'replay')).toMatchObject({
      settled: 1,
      unusable: 0,
      windows: [{ start: t0, records: 1 }],
    });
    const after = { ...before, new: (before['new'] ?? 0) + 1 };
    expect(await counts()).toEqual(after);
    const dynamodb = new DynamoDBClient(
      clientConfig({ port: Number(new URL(running().local.url).port), endpoint: undefined }),
    );
    const TableName = running().local.tableNames.windows;
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName }));
    for (const { query, window } of Items)
      if (query !== undefined && window !== undefined)
        await dynamodb.send(new DeleteItemCommand({ TableName, Key: { query, window } }));
    expect((await counts())['old']).toBeUndefined();
    expect(await run('backfill', '--until', new Date(t0 + hourMs).toISOString())).toMatchObject({
      written: 1,
      standing: 0,
    });
    expect(await counts()).toEqual(after);
  });
});
