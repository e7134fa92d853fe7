import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { parquetReadObjects } from 'hyparquet';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { findPackageRoot } from '../../infra/local/account/package-root.ts';
import { type Receiver, startReceiver } from '../fixtures/sinks/receiver.ts';
import { command } from '../fixtures/system/command-line.ts';
import { order, type System, startSystem } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
const pipelineFile = join(findPackageRoot(), 'test', 'fixtures', 'sinks', 'pipeline.ts');

let folder: string;
let receiver: Receiver;
let system: System;

/** The system with the pipeline, whose file sinks write here and whose webhooks come here. */
async function start(only: readonly string[] | undefined, data?: string): Promise<System> {
  process.env['TEST_FOLDER'] = folder;
  process.env['TEST_URL'] = receiver.url;
  const { default: pipeline } = (await import('../fixtures/sinks/pipeline.ts')) as {
    default: { sinks: readonly Sink[] };
  };
  return startSystem({
    pipelineFile,
    pipelineName: 'sunk',
    sinks: only === undefined ? pipeline.sinks : pipeline.sinks.filter(({ name }) => only.includes(name)),
    functionVariables: { TEST_FOLDER: folder, TEST_URL: receiver.url },
    // Short: for as long as it is, nobody takes over from a run that was killed.
    ...(data === undefined ? {} : { dataDir: join(folder, data), timeoutMs: { deliver: 13_000 } }),
  });
}

const paths = (path: string) =>
  receiver.received.filter((one) => one.path === path && one.status === 200).map(({ delivery }) => delivery);
const hours = (count: number) =>
  Array.from({ length: count }, (_, hour) => [
    { data: order(t0 + hour * hourMs + 1, 'a', hour), shard: 0 as const },
    { data: order(t0 + hour * hourMs + 2, 'b', 10), shard: 1 as const },
  ]).flat();
const finals = async () =>
  (await system.api.windows('byKind', { status: 'final' })).map(({ start, end, revision, records, rows }) => ({
    start,
    end,
    revision,
    records,
    rows,
  }));
const ofDelivery = ({ start, end, revision, records, rows }: Delivery) => ({ start, end, revision, records, rows });
const files = (name: string) =>
  readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name: file }) => join(parentPath, file))
    .sort();
const status = async (...words: readonly string[]) => {
  const ended = await command([
    'sinks',
    'status',
    '--pipeline',
    pipelineFile,
    '--port',
    new URL(system.local.url).port,
    '--json',
    ...words,
  ]);
  return Object.fromEntries(
    ended.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map((one) => [one.sink, one]),
  );
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-sinks-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await system.close();
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Functions start with their first run, a second each on a machine that has nothing else to do. */
describe('the sinks of this machine', { timeout: 240_000 }, () => {
  it('get every final window whole, once, as the API shows it', async () => {
    system = await start(undefined);
    await system.put(hours(5));
    await system.finalize({});
    const reports = await system.deliver();
    const windows = await finals();
    expect(windows.length).toBe(3);
    expect(reports).toMatchObject({
      hook: { outcome: 'done', delivered: 3, failed: 0, oldestMs: 0, deadLetters: 0 },
      lines: { delivered: 3 },
    });

    expect(paths('/').map(ofDelivery)).toEqual(windows);
    const rows = windows.flatMap(({ start, end, revision, rows: own }) =>
      own.map(({ key, values }) => ({ query: 'byKind', start, end, status: 'final', revision, ...key, ...values })),
    );
    expect(
      files('lines')
        .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
        .map((line) => JSON.parse(line)),
    ).toEqual(rows);
    expect(files('lines')[0]).toMatch(
      /query=byKind\/date=2026-01-01\/20260101T000000\.000Z-20260101T010000\.000Z-r000000\.jsonl$/,
    );
    const tables = await Promise.all(
      files('parquet').map((file) => parquetReadObjects({ file: Uint8Array.from(readFileSync(file)).buffer })),
    );
    expect(tables.flat()).toEqual(rows.map((row) => ({ ...row, start: new Date(row.start), end: new Date(row.end) })));
    const each = readFileSync(join(folder, 'each.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(each).toEqual(windows.map(({ start, end, rows: own }) => ({ id: `byKind/${start}/${end}/0`, rows: own })));
    expect((await streamed()).map(ofDelivery)).toEqual(windows);
    const items = (await tableItems()).filter(({ query }) => query === 'byKind');
    expect(
      items.map(({ start, end, revision, records, rows: own }) => ({ start, end, revision, records, rows: own })),
    ).toEqual(
      windows.map((window) => ({ ...window, rows: window.rows.map(({ key, values }) => ({ ...key, ...values })) })),
    );

    // Nothing is delivered again when nothing is new.
    await system.finalize({});
    await system.deliver();
    expect(paths('/').length).toBe(3);
    expect(await status()).toMatchObject({
      hook: { delivered: 3, waiting: 0, dead: 0, served: true },
      queue: { delivered: 0, waiting: 0, served: false },
    });
  });

  it('are signed, where they are webhooks, as standardwebhooks.com says', async () => {
    system = await start(['hook']);
    await system.put(hours(4));
    await system.finalize({});
    await system.deliver();
    const [first] = receiver.received.filter(({ path }) => path === '/');
    const verifier = new Webhook(Buffer.from('tidemark on this machine').toString('base64'));
    expect(verifier.verify(first?.body ?? '', first?.headers as Record<string, string>)).toEqual(first?.delivery);
    expect(first?.headers['webhook-id']).toBe(`sunk/byKind/${t0}/${t0 + hourMs}/0`);
    expect(() => verifier.verify(`${first?.body} `, first?.headers as Record<string, string>)).toThrow();
  });

  it('get changed rows with mode update, and all windows with mode complete', async () => {
    system = await start(['changes', 'whole', 'items']);
    await system.put([
      { data: order(t0 + 1, 'a') },
      { data: order(t0 + 2, 'b') },
      { data: order(t0 + 3, 'b'), shard: 1 },
    ]);
    await system.finalize({});
    await system.deliver();
    await system.put([{ data: order(t0 + 4, 'b') }, { data: order(t0 + 24 * hourMs, 'c') }]);
    await system.finalize({});
    await system.deliver();
    const row = (kind: string, n: number) => ({ key: { kind }, values: { n } });
    const byStart = (deliveries: readonly Delivery[], start: number) =>
      deliveries.filter((one) => one.start === start).map(({ revision, rows }) => [revision, rows]);
    expect(byStart(paths('/changes'), t0)).toEqual([
      [0, [row('a', 1), row('b', 2)]],
      [1, [row('b', 3)]],
    ]);
    const last = paths('/whole').at(-1);
    expect(last?.table?.map(({ start, rows }) => [start, rows])).toEqual([
      [t0, [row('a', 1), row('b', 3)]],
      [t0 + 24 * hourMs, [row('c', 1)]],
    ]);
    const item = (await tableItems()).find(({ query, start }) => query === 'early' && start === t0);
    expect(item).toMatchObject({
      revision: 1,
      rows: [
        { kind: 'a', n: 1 },
        { kind: 'b', n: 3 },
      ],
    });
  });

  it('hold back nobody else when one fails, which gives up, and gets everything by a redrive', async () => {
    system = await start(['hook', 'lines', 'each']);
    receiver.answer = ({ path }) => (path === '/' ? 500 : 200);
    await system.put(hours(5));
    await system.finalize({});
    const reports = await system.deliver();
    const windows = await finals();
    // Two attempts of the three are a second and two apart, which a run waits out, and then the window behind it is
    // tried.
    expect(reports).toMatchObject({
      hook: { delivered: 0, failed: 9, dead: 3, deadLetters: 3 },
      lines: { delivered: 3 },
      each: { delivered: 3 },
    });
    const failing = await status();
    expect(failing).toMatchObject({ hook: { delivered: 0, waiting: 0, dead: 3 }, lines: { delivered: 3, dead: 0 } });
    expect(failing['hook'].deadLetters[0]).toMatchObject({
      query: 'byKind',
      attempts: 3,
      reason: 'Error: the server answers 500',
    });

    receiver.answer = () => 200;
    const redrive = await command([
      'sinks',
      'redrive',
      'hook',
      '--pipeline',
      pipelineFile,
      '--port',
      new URL(system.local.url).port,
    ]);
    expect(redrive).toMatchObject({ code: 0, stdout: 'tidemark: hook: 3 windows are delivered once more\n' });
    expect(await system.deliver()).toMatchObject({ hook: { outcome: 'done', delivered: 3 } });
    expect(paths('/').map(ofDelivery)).toEqual(windows);
    expect(await status('hook')).toMatchObject({ hook: { waiting: 0, dead: 0 } });
  });

  it('lose nothing when the functions are killed while they deliver', async () => {
    system = await start(['hook', 'lines'], 'data');
    await system.put(hours(8));
    let asked = 0;
    const killed = new Promise<void>((resolve) => {
      receiver.answer = () => {
        if (++asked === 3) void system.local.kill('functions').then(resolve);
        return 200;
      };
    });
    await system.finalize({});
    const delivering = system.deliver().catch(() => undefined);
    await killed;
    await system.local.restart('functions');
    await delivering;
    receiver.answer = () => 200;
    const windows = await finals();
    // Whose turn it was is known for as long as it could have run.
    await expect
      .poll(
        async () => {
          await system.deliver();
          return new Set(paths('/').map(({ id }) => id)).size;
        },
        { timeout: 90_000, interval: 500 },
      )
      .toBe(windows.length);
    const latest = new Map(paths('/').map((delivery) => [delivery.id, ofDelivery(delivery)]));
    expect([...latest.values()].sort((left, right) => left.start - right.start)).toEqual(windows);
    expect(files('lines').length).toBe(windows.length);
  });
});

async function streamed(): Promise<readonly Delivery[]> {
  const StreamName = 'tidemark-sunk-sink-records';
  const { ShardIterator } = await system.kinesis.send(
    new GetShardIteratorCommand({ StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const { Records = [] } = await system.kinesis.send(new GetRecordsCommand({ ShardIterator }));
  return Records.map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString()));
}

async function tableItems(): Promise<readonly Record<string, unknown>[]> {
  const client = new DynamoDBClient(
    clientConfig({ port: Number(new URL(system.local.url).port), endpoint: undefined }),
  );
  const { Items = [] } = await client.send(new ScanCommand({ TableName: 'tidemark-sunk-sink-items' }));
  return Items.map((item) => unmarshall(item)).sort((left, right) => (left['window'] < right['window'] ? -1 : 1));
}
