import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { apiClient } from '../../cli/deployment/api-client.ts';
import { chosenQueries } from '../../cli/deployment/api-options.ts';
import { until } from '../fixtures/local/start.ts';
import { command } from '../fixtures/system/command-line.ts';
import { ask, clientOf } from '../fixtures/system/finalize-request.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-versions-'));

let system: System | undefined;
afterEach(async () => system?.close());
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Deploys a version of the pipeline over the state that the previous version left. */
async function deploy(version: string): Promise<System> {
  system = await startSystem({ dataDir, pipelineFile: systemFixture(version), pipelineName: 'versions', shards: 1 });
  return system;
}
const windows = async ({ get }: System, query: string) => {
  const { status, body } = await get(`queries/${query}/windows`);
  return status === 200
    ? (body['windows'] as readonly Readonly<Record<string, unknown>>[]).map(({ start, rows }) => [start, rows])
    : status;
};
const row = (values: object) => ({ key: { kind: 'a' }, values });

/** The tests build on one another, on one data folder. */
describe('a changed query', () => {
  it('is refused under the same name by every function, and nothing is lost', async () => {
    const first = await deploy('first-version');
    await first.put([{ data: order(t0, 'a', 1) }]);
    await first.close();
    const changed = await deploy('changed-version');
    await expect(ask(changed, {})).rejects.toThrow(
      /queries\.perKind: "perKind" has changed: window was tumbling 3600000 ms and is tumbling 7200000 ms/,
    );
    await changed.kinesis.send(
      new (await import('@aws-sdk/client-kinesis')).PutRecordCommand({
        StreamName: changed.local.streamName,
        PartitionKey: 'p',
        Data: Buffer.from(order(t0 + 1, 'a', 2)),
      }),
    );
    const refused = await until(async () => {
      const status = (await (await fetch(`${changed.local.url}/_tidemark/mapping`)).json()) as {
        readonly shards: Readonly<Record<string, { readonly lastError: string | null }>>;
      };
      return Object.values(status.shards).find(({ lastError }) => lastError !== null)?.lastError;
    });
    expect(refused).toContain('has changed');
    // The API says so, and `status` does, too. `up` does before it prints an address.
    expect((await changed.get('watermark')).body['refusals']).toEqual([expect.stringMatching(/perKind.*NAME@2/)]);
    const status = await command(['status', '--port', new URL(changed.local.url).port]);
    expect(status.code).toBe(1);
    expect(status.stderr).toMatch(/perKind.*tumbling 7200000 ms.*NAME@2/);
    await changed.close();
    const up = await command(['up', '--port', '0', '--data', dataDir, '--pipeline', systemFixture('changed-version')]);
    expect(up).toMatchObject({ code: 1, stdout: '' });
    expect(up.stderr).toMatch(/^tidemark: [^\n]*perKind[^\n]*NAME@2[^\n]*\n$/);
  });

  it('ends a stream of files before anything is put', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-versions-files-'));
    try {
      const file = join(folder, 'orders.jsonl');
      writeFileSync(file, `${order(t0, 'a', 1)}\n`);
      const stream = (version: string) =>
        command(['stream', file, '--pipeline', systemFixture(version), '--data', join(folder, 'data'), '--resume']);
      expect((await stream('first-version')).code).toBe(0);
      const changed = await stream('changed-version');
      expect(changed).toMatchObject({ code: 1, stdout: '' });
      expect(changed.stderr).toMatch(/^tidemark: [^\n]*perKind[^\n]*NAME@2[^\n]*\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('counts beside the first version from when it is deployed, and the name stays with the first until it is switched', async () => {
    const both = await deploy('two-versions');
    await both.put([{ data: order(t0 + hourMs, 'a', 5) }]);
    const first = [
      [t0, [row({ n: 2 })]],
      [t0 + hourMs, [row({ n: 1 })]],
    ];
    expect(await windows(both, 'perKind')).toEqual(first);
    expect(await windows(both, 'perKind@1')).toEqual(first);
    // The refused record came after the second version was deployed.
    const second = [
      [t0, [row({ n: 1, total: 2 })]],
      [t0 + hourMs, [row({ n: 1, total: 5 })]],
    ];
    expect(await windows(both, 'perKind@2')).toEqual(second);
    expect(await ask(both, { request: 'alias', query: 'perKind@2' })).toEqual({ serves: 'perKind@2' });
    expect(await windows(both, 'perKind')).toEqual(second);
    expect((await both.get('queries')).body).toMatchObject({
      queries: [
        { name: 'perKind', serves: null },
        { name: 'perKind@2', serves: 'perKind' },
      ],
    });
    const chosen = async (name: string) =>
      (await chosenQueries(apiClient(both.local.url), name)).map((query) => query.name);
    expect([await chosen('perKind'), await chosen('perKind@1'), await chosen('perKind@2')]).toEqual([
      ['perKind@2'],
      ['perKind'],
      ['perKind@2'],
    ]);
    expect(await ask(both, { request: 'alias', query: 'perKind@1' })).toEqual({ serves: 'perKind' });
    expect(await windows(both, 'perKind')).toEqual(first);
    await expect(ask(both, { request: 'alias', query: 'perKind@3' })).rejects.toThrow(
      /"perKind@3" is not a version.*use perKind, perKind@2/,
    );
    await expect(ask(both, { request: 'remove', query: 'perKind@1' })).rejects.toThrow(
      /is in the pipeline that is deployed/,
    );
    expect(await windows(both, 'perKind@3')).toBe(404);
    expect((await both.get('conservation')).body).toMatchObject({ received: 3, counted: 3, holds: true });
    await ask(both, {});
  });

  it('takes the name when the first version is gone, all of which is removed by a command', async () => {
    const alone = await deploy('second-version');
    await alone.put([{ data: order(t0 + 3 * hourMs, 'a', 7) }]);
    await ask(alone, {});
    expect(await windows(alone, 'perKind')).toHaveLength(3);
    expect(await windows(alone, 'perKind@1')).toBe(404);
    const dynamodb = new DynamoDBClient(clientOf(alone));
    const kept = async () => {
      const { Items } = await dynamodb.send(
        new QueryCommand({
          TableName: alone.local.tableNames.windows,
          KeyConditionExpression: '#q = :q',
          ExpressionAttributeNames: { '#q': 'query' },
          ExpressionAttributeValues: { ':q': { S: 'perKind' } },
        }),
      );
      return Items?.length;
    };
    expect(await kept()).toBe(1);
    expect(await ask(alone, { request: 'remove', query: 'perKind@1' })).toEqual({
      removed: 'perKind',
      windows: 1,
      epoch: expect.any(Number),
      done: true,
    });
    expect(await kept()).toBe(0);
    expect(await ask(alone, { request: 'remove', query: 'perKind@1' })).toEqual({
      removed: 'perKind',
      windows: 0,
      epoch: null,
      done: true,
    });
    expect(await windows(alone, 'perKind')).toHaveLength(3);
  });
});
