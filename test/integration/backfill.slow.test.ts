import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { invoke } from '../../cli/stream/embedded.ts';
import { command } from '../fixtures/system/command-line.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
/** Where version 2 begins. */
const from = t0 + 2 * hourMs;

const folder = mkdtempSync(join(tmpdir(), 'tidemark-backfill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let system: System | undefined;
afterEach(async () => system?.close());

/** Deploys a version of the pipeline over what the one before it left. */
async function deploy(version: string, data: string): Promise<System> {
  system = await startSystem({
    dataDir: join(folder, data),
    pipelineFile: systemFixture(version),
    pipelineName: 'versions',
  });
  return system;
}
const portOf = ({ local }: System) => new URL(local.url).port;
const clientOf = (running: System) => clientConfig({ port: Number(portOf(running)), endpoint: undefined });
const ask = (running: System, event: object) =>
  invoke<Readonly<Record<string, unknown>>>(
    new LambdaClient(clientOf(running)),
    running.local.functionNames.finalize,
    event,
  );
const backfill = async (running: System, words: readonly string[]) => {
  const ended = await command([
    'backfill',
    ...words,
    '--pipeline',
    systemFixture('backfilled-version'),
    '--port',
    portOf(running),
    '--json',
  ]);
  return ended.code === 0 ? JSON.parse(ended.stdout) : ended.stderr;
};
const windows = async ({ get }: System, query: string) => {
  const { body } = await get(`queries/${query}/windows`);
  return (body['windows'] as readonly Readonly<Record<string, unknown>>[]).map(({ start, status, records, rows }) => [
    start,
    status,
    records,
    rows,
  ]);
};
const row = (kind: string, values: object) => ({ key: { kind }, values });

/** Two hours before version 2 begins, out of order and over both shards, and what is rejected. */
const before = [
  { data: order(t0 + 5, 'a', 1), shard: 0 },
  { data: order(t0 + hourMs + 5, 'a', 2), shard: 1 },
  { data: order(t0 + 1, 'b', 4), shard: 1 },
  { data: 'nonsense', shard: 0 },
] as const;
/** Around the moment at which it begins, after it was deployed. */
const around = [
  { data: order(from - 1, 'a', 8), shard: 0 },
  { data: order(from, 'a', 16), shard: 0 },
  { data: order(from + 1, 'b', 32), shard: 1 },
  { data: order(from + hourMs, 'b', 64), shard: 0 },
  { data: order(from + hourMs, 'b', 128), shard: 1 },
] as const;
const filled = [
  [t0, 'final', 2, [row('a', { n: 1, total: 1 }), row('b', { n: 1, total: 4 })]],
  [t0 + hourMs, 'final', 2, [row('a', { n: 2, total: 10 })]],
  [from, 'final', 2, [row('a', { n: 1, total: 16 }), row('b', { n: 1, total: 32 })]],
  [from + hourMs, 'open', 2, [row('b', { n: 2, total: 192 })]],
];

describe('a version with a from', () => {
  it('counts the stream from there on, is filled up to there out of the stream, and takes the name only then', async () => {
    const first = await deploy('first-version', 'stream');
    await first.put(before);
    await first.close();
    const both = await deploy('backfilled-version', 'stream');
    expect(await backfill(both, [])).toContain(
      'perKind@2 is to be filled until 2026-01-01T02:00:00.000Z: the watermark is',
    );
    await both.put(around);
    await ask(both, {});
    expect(await windows(both, 'perKind@2')).toEqual(filled.slice(2));
    expect((await both.get('conservation')).body).toMatchObject({ received: 9, counted: 8, rejected: 1, holds: true });
    await expect(ask(both, { request: 'alias', query: 'perKind@2' })).rejects.toThrow(
      /is not filled up to 2026-01-01T02:00:00.000Z.*tidemark backfill/,
    );

    const events = { received: 9, counted: 4, late: 0, duplicate: 0, rejected: 1, filtered: 4 };
    expect(await backfill(both, [])).toEqual({
      query: 'perKind@2',
      since: null,
      until: from,
      written: 2,
      standing: 0,
      filledThrough: from,
      events,
    });
    expect(await windows(both, 'perKind@2')).toEqual(filled);
    expect(await backfill(both, [])).toMatchObject({ written: 0, standing: 2 });
    expect(await ask(both, { request: 'alias', query: 'perKind@2' })).toEqual({ serves: 'perKind@2' });
    expect(await windows(both, 'perKind')).toEqual(filled);
    // What the two versions have in common is the same, wherever it was counted.
    const first3 = (await windows(both, 'perKind@1')).map(([start, , records]) => [start, records]);
    expect(first3).toEqual(filled.map(([start, , records]) => [start, records]));
  });

  it('is filled out of files, in parts too, before the stream has brought anything', async () => {
    const alone = await deploy('backfilled-version', 'files');
    const file = join(folder, 'history.json');
    writeFileSync(file, [...before, ...around].map(({ data }) => `${data}\n`).join(''));
    const late = new Date(t0 + hourMs).toISOString();
    expect(await backfill(alone, [file, '--since', late])).toMatchObject({ written: 1, filledThrough: null });
    expect(await backfill(alone, [file, '--since', String(t0 + 1)])).toContain(
      'is no edge of tumbling 3600000 ms windows',
    );
    expect(await backfill(alone, [file, '--until', String(from + hourMs)])).toContain(
      'is after what the stream has left behind for good',
    );
    expect(await backfill(alone, [file, '--until', late])).toMatchObject({ written: 1, filledThrough: t0 + hourMs });
    expect(await backfill(alone, [file])).toMatchObject({ written: 0, standing: 2, filledThrough: from });
    expect(await windows(alone, 'perKind@2')).toEqual(filled.slice(0, 2));
    expect(await ask(alone, { request: 'alias', query: 'perKind@2' })).toEqual({ serves: 'perKind@2' });
  });

  it('does not take the name when records after its from were committed without it', async () => {
    const first = await deploy('first-version', 'missed');
    await first.put([...before, { data: order(from + 5, 'a', 1), shard: 1 }]);
    await first.close();
    const both = await deploy('backfilled-version', 'missed');
    const missed =
      /records up to 2026-01-01T02:00:00.005Z came before it was deployed everywhere.*the next version a from that is still ahead/;
    await expect(ask(both, { request: 'alias', query: 'perKind@2' })).rejects.toThrow(missed);
    // The shard's own progress knows the version from its next batch on: what was seen is noted.
    await both.put([{ data: order(from + 6, 'a', 1), shard: 1 }]);
    await expect(ask(both, { request: 'alias', query: 'perKind@2' })).rejects.toThrow(missed);
  });
});

describe('windows that were lost', () => {
  const lose = async (running: System, table: string) => {
    const dynamodb = new DynamoDBClient(clientOf(running));
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: table }));
    for (const { pk, sk, query, window } of Items)
      await dynamodb.send(
        new DeleteItemCommand({
          TableName: table,
          Key: query && window ? { query, window } : { pk: pk ?? { S: '' }, sk: sk ?? { S: '' } },
        }),
      );
    return Items.length;
  };

  it('are made again out of the stream, and out of files, as they were', async () => {
    const running = await deploy('first-version', 'lost');
    await running.put([...before, ...around]);
    await ask(running, { request: 'drain' });
    const whole = await windows(running, 'perKind');
    expect(whole).toHaveLength(4);
    const file = join(folder, 'all.json');
    writeFileSync(file, [...before, ...around].map(({ data }) => `${data}\n`).join(''));
    for (const source of [[], [file]]) {
      expect(await lose(running, running.local.tableNames.windows)).toBe(4);
      expect(await windows(running, 'perKind')).toEqual([]);
      const words = [
        ...source,
        '--query',
        'perKind',
        '--until',
        String(from + 2 * hourMs),
        '--pipeline',
        systemFixture('first-version'),
      ];
      expect(await command(['backfill', ...words, '--port', portOf(running)])).toMatchObject({ code: 0 });
      expect(await windows(running, 'perKind')).toEqual(whole);
    }
    expect((await running.get('conservation')).body).toMatchObject({
      received: 9,
      counted: 8,
      rejected: 1,
      holds: true,
    });
  });

  it('are made again with the state lost too: the query begins anew ahead of the stream, and is filled up to there', async () => {
    const again = await deploy('backfilled-version', 'all-lost');
    await again.put(before);
    await lose(again, again.local.tableNames.windows);
    expect(await lose(again, again.local.tableNames.state)).toBeGreaterThan(0);
    await again.local.kill('functions'); // a deployment: no container remembers what was lost
    await again.put(around);
    await ask(again, {});
    expect(await backfill(again, [])).toMatchObject({ written: 2, standing: 0 });
    expect(await windows(again, 'perKind@2')).toEqual(filled);
  });
});
