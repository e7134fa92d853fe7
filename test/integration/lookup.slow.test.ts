import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { readShard } from '../../functions/feeder/read-shard.ts';
import { listShards } from '../../functions/feeder/shards.ts';
import { command } from '../fixtures/system/command-line.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
const pipeline = ['--pipeline', systemFixture('looked-up')];
const folder = mkdtempSync(join(tmpdir(), 'tidemark-lookup-'));
let system: System;

beforeAll(async () => {
  system = await startSystem({ pipelineFile: systemFixture('looked-up'), pipelineName: 'kinds' });
});
afterAll(async () => {
  await system.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, rows: readonly object[] | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof rows === 'string' ? rows : JSON.stringify(rows));
  return path;
}
const run = async (...words: readonly string[]) => {
  const ended = await command([...words, ...pipeline, '--port', new URL(system.local.url).port, '--json']);
  return ended.code === 0 ? JSON.parse(ended.stdout) : ended.stderr;
};
type Rows = readonly { readonly key: { readonly group: string | null }; readonly values: { readonly n: number } }[];
/** Records by group, all windows together. */
const counts = async (): Promise<Readonly<Record<string, number>>> => {
  const windows = (await system.get('queries/perGroup/windows')).body['windows'] as readonly { readonly rows: Rows }[];
  const found: Record<string, number> = {};
  for (const { key, values } of windows.flatMap(({ rows }) => rows))
    found[String(key.group)] = (found[String(key.group)] ?? 0) + values.n;
  return found;
};
/** When the stream took each record, epoch ms. */
const arrivals = async (): Promise<readonly number[]> => {
  const place = { kinesis: system.kinesis, streamName: system.local.streamName };
  const found: number[] = [];
  for (const shard of await listShards(place.kinesis, place.streamName))
    for await (const records of readShard(place, shard, undefined))
      for (const { ApproximateArrivalTimestamp } of records) found.push(ApproximateArrivalTimestamp?.getTime() ?? 0);
  return found;
};

/** The tests follow one another. */
describe('a table that events are joined with', () => {
  const first = file('first.json', [
    { kind: 'a', group: 'old' },
    { kind: 'b', group: 'other' },
  ]);
  const second = file('second.csv', 'kind,group\na,new\n');
  let from = 0;

  it('holds from the beginning when it is published before any event', async () => {
    expect(await run('lookup', 'list', 'kinds')).toEqual({
      table: 'kinds',
      versions: [],
      sealedThrough: null,
      keptFrom: null,
    });
    expect(await run('lookup', 'publish', 'kinds', first)).toMatchObject({
      outcome: 'published',
      version: { from: 0, rows: 2, parts: 1 },
    });
    expect(await run('lookup', 'publish', 'kinds', first)).toMatchObject({ outcome: 'standing', version: { from: 0 } });
    await system.put([
      { data: order(t0, 'a', 1), shard: 0 },
      { data: order(t0, 'b', 1), shard: 1 },
      { data: order(t0, 'c', 1), shard: 1 },
    ]);
    expect(await counts()).toEqual({ old: 1, other: 1, null: 1 });
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
    // Until the stream says that some have arrived under the second version.
    for (let put = 0; put < 3 || (await counts())['new'] === undefined; put++) {
      const killed = put === 2 ? system.local.kill('functions') : undefined;
      await system.put([
        { data: order(t0 + put, 'a', 1), shard: 0 },
        { data: order(t0 + put, 'a', 1), shard: 1 },
      ]);
      await killed;
    }
    const all = await arrivals();
    const late = all.filter((arrival) => arrival >= from).length;
    expect(late).toBeGreaterThan(0);
    expect(await counts()).toEqual({ old: all.length - late - 2, other: 1, null: 1, new: late });
    const { received, counted, holds } = (await system.get('conservation')).body;
    expect([received, counted, holds]).toEqual([all.length, all.length, true]);
  }, 60_000);

  it('joins late events and backfilled ones with the version of their arrival', async () => {
    await system.put([
      { data: order(t0 + 5 * hourMs, 'a', 1), shard: 0 },
      { data: order(t0 + 5 * hourMs, 'a', 1), shard: 1 },
    ]);
    await system.finalize({});
    const before = await counts();
    await system.put([{ data: order(t0 + 1, 'a', 1), shard: 0 }]);
    expect(await counts()).toEqual(before);
    expect(await run('late', 'replay')).toMatchObject({
      settled: 1,
      unusable: 0,
      windows: [{ start: t0, records: 1 }],
    });
    const after = { ...before, new: (before['new'] ?? 0) + 1 };
    expect(await counts()).toEqual(after);
    const dynamodb = new DynamoDBClient(
      clientConfig({ port: Number(new URL(system.local.url).port), endpoint: undefined }),
    );
    const TableName = system.local.tableNames.windows;
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

  it('tells what is wrong with rows before anything is published', async () => {
    expect(await run('lookup', 'publish', 'kinds', file('twice.json', [{ kind: 'a' }, { kind: 'a' }]))).toContain(
      'rows[1].kind',
    );
    expect(await run('lookup', 'publish', 'kinds', file('keyless.json', '{"kind":"a"}\n{"group":"x"}\n'))).toContain(
      'rows[1].kind',
    );
    expect(await run('lookup', 'publish', 'kinds', file('broken.json', '{"kind":"a"}\n{"kin\n'))).toContain(
      'broken.json:2',
    );
    expect(await run('lookup', 'publish', 'rooms', first)).toContain('use kinds');
    expect(await run('lookup', 'withdraw', 'kinds')).toContain('use publish, list');
  });
});
