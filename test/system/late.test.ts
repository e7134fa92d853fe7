import { DynamoDBClient, QueryCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { command } from '../fixtures/system/command-line.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
let system: System;
let dynamodb: DynamoDBClient;

beforeAll(async () => {
  system = await startSystem({ pipelineFile: systemFixture('first-version'), pipelineName: 'versions' });
  dynamodb = new DynamoDBClient(clientConfig({ port: Number(new URL(system.local.url).port), endpoint: undefined }));
  await system.put([
    { data: order(t0 + 5, 'a', 1), shard: 0 },
    { data: order(t0 + 2 * hourMs, 'a', 1), shard: 0 },
    { data: order(t0 + 2 * hourMs, 'a', 1), shard: 1 },
  ]);
  await system.finalize({});
  // Events that are late for a window with records, late for a window without records, and in time.
  await system.put([
    { data: order(t0 + 6, 'a', 1), shard: 0 },
    { data: order(t0 + 7, 'b', 1), shard: 1 },
    { data: order(t0 + hourMs, 'c', 1), shard: 1 },
    { data: order(t0 + 2 * hourMs + 1, 'a', 1), shard: 1 },
  ]);
  // A shard that did not know yet how far windows are closed has registered itself for a closed window. The next run
  // removes that entry.
  await system.finalize({});
});
afterAll(() => system.close());

const late = async (...words: readonly string[]) => {
  const where = ['--port', new URL(system.local.url).port];
  const ended = await command(['late', ...words, ...where, '--json']);
  expect(ended.code, ended.stderr).toBe(0);
  return ended.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
};
const windows = async () =>
  ((await system.get('queries/perKind/windows')).body['windows'] as readonly Readonly<Record<string, unknown>>[]).map(
    ({ start, status, revision, records, rows }) => [start, status, revision, records, rows],
  );
const rows = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).map(([kind, n]) => ({ key: { kind }, values: { n } }));
const open = [t0 + 2 * hourMs, 'open', null, 3, rows({ a: 3 })];

/** The tests build on one another. */
describe('late events', () => {
  it('are listed with what was done about them', async () => {
    expect(await late('list')).toMatchObject([
      { eventTime: t0 + 6, settled: null },
      { eventTime: t0 + 7, settled: null },
      { eventTime: t0 + hourMs, settled: null },
    ]);
    expect(await windows()).toEqual([[t0, 'final', 0, 1, rows({ a: 1 })], open]);
  });

  it('are put into the windows of one start only, once, whoever does it at the same time', async () => {
    const words = ['replay', '--window', new Date(t0).toISOString(), '--by', 'tester'];
    const answers = (await Promise.all([late(...words), late(...words), late(...words)])).flat();
    expect(await windows()).toEqual([[t0, 'final', expect.any(Number), 3, rows({ a: 2, b: 1 })], open]);
    const corrected = answers.flatMap((answer) => answer.windows as readonly { readonly records: number }[]);
    expect(corrected.reduce((total, { records }) => total + records, 0)).toBe(2);
    expect(await late('list')).toMatchObject([{ settled: 'replayed' }, { settled: 'replayed' }, { settled: null }]);
    expect(await late(...words)).toMatchObject([{ settled: 0, windows: [], done: true }]);
  });

  it('are told of as an operation that is done, beside how far epochs are', async () => {
    const { body } = await system.get('operations');
    const { elected, gathered, emitted, commands } = body as {
      readonly elected: { readonly epoch: number };
      readonly gathered: number;
      readonly emitted: unknown;
      readonly commands: readonly Readonly<Record<string, unknown>>[];
    };
    expect(gathered).toBe(elected.epoch);
    expect(emitted).toMatchObject({ perKind: { epoch: gathered } });
    expect(commands.length).toBeGreaterThan(0);
    for (const one of commands)
      expect(one).toMatchObject({ kind: 'replay', query: 'perKind', by: 'tester', stage: 'done', written: 1, left: 0 });
    expect(body).toMatchObject({ backfills: [], removals: [] });
  });

  it('stay counted once though nobody noted that they were replayed', async () => {
    const TableName = system.local.tableNames.rejects;
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName }));
    for (const { pk, sk } of Items)
      await dynamodb.send(
        new UpdateItemCommand({
          TableName,
          Key: { pk: pk ?? { S: '' }, sk: sk ?? { S: '' } },
          UpdateExpression: 'REMOVE settled',
        }),
      );
    const before = await windows();
    expect(await late('replay', '--window', String(t0))).toMatchObject([{ settled: 2, windows: [] }]);
    expect(await windows()).toEqual(before);
  });

  it('make a window that held nothing', async () => {
    expect(await late('replay')).toMatchObject([
      { settled: 1, windows: [{ start: t0 + hourMs, revision: 0, records: 1 }] },
    ]);
    expect((await windows())[1]).toEqual([t0 + hourMs, 'final', 0, 1, rows({ c: 1 })]);
  });

  it('leave an audit beside the window: who, when, and which records', async () => {
    const { Items = [] } = await dynamodb.send(
      new QueryCommand({
        TableName: system.local.tableNames.windows,
        KeyConditionExpression: '#q = :q',
        ExpressionAttributeNames: { '#q': 'query' },
        ExpressionAttributeValues: {
          ':q': { S: 'perKind#2026-01-01T00:00:00.000Z/2026-01-01T01:00:00.000Z#corrections' },
        },
      }),
    );
    const logged = Items.map((item) => unmarshall(item));
    expect(new Set(logged.map(({ by }) => by))).toEqual(new Set(['tester']));
    expect(new Set(logged.flatMap(({ records }) => records as readonly string[])).size).toBe(2);
  });

  it('can be left out for good', async () => {
    await system.put([{ data: order(t0 + 8, 'a', 1), shard: 0 }]);
    const before = await windows();
    expect(await late('discard')).toMatchObject([{ settled: 1, windows: [] }]);
    expect(await late('replay')).toMatchObject([{ settled: 0, windows: [] }]);
    expect(await windows()).toEqual(before);
    expect((await system.get('conservation')).body).toMatchObject({ received: 8, counted: 4, late: 4, holds: true });
  });
});
