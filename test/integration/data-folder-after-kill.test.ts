import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dynalite from 'dynalite';
import { afterAll, describe, expect, it } from 'vitest';
import { createAwsJson } from '../../infra/local/account/aws-json.ts';
import { prepareDataFolder, takeDataFolder } from '../../infra/local/emulators/data-folder.ts';
import { keepDynaliteStore } from '../../infra/local/emulators/interrupted-changes.ts';
import { until } from '../fixtures/local/start.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-after-kill-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => join(root, `${folders++}`);

/** Longer than the test: an operation that begins never ends, as if the process had been killed before. */
const never = 3_600_000;

async function serving<T>(
  server: Server,
  use: (call: ReturnType<typeof createAwsJson>['call']) => Promise<T>,
): Promise<T> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createAwsJson('dynamodb', (server.address() as AddressInfo).port);
  try {
    return await use(client.call);
  } finally {
    client.close();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('what a kill -9 interrupted', () => {
  it('is a table being made: it is gone, and those that were made stay', async () => {
    const path = newFolder();
    const table = (TableName: string) => ({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    });
    type Description = { readonly Table: { readonly TableStatus: string } };
    await serving(dynalite({ path, createTableMs: 0 }), async (call) => {
      await call('CreateTable', table('made'));
      await until(
        async () => (await call<Description>('DescribeTable', { TableName: 'made' })).Table.TableStatus === 'ACTIVE',
      );
    });
    await serving(dynalite({ path, createTableMs: never }), (call) => call('CreateTable', table('half')));
    const store = keepDynaliteStore();
    const again = dynalite({ path, createTableMs: 0 });
    await store.undoInterruptedChanges();
    await serving(again, async (call) => {
      expect(await call('ListTables', {})).toEqual({ TableNames: ['made'] });
      await call('CreateTable', table('half'));
      await until(
        async () => (await call<Description>('DescribeTable', { TableName: 'half' })).Table.TableStatus === 'ACTIVE',
      );
    });
  });
});

describe('a data folder whose lock outlives the process that took it', () => {
  /** A process that holds the lock of a folder's database until its input ends. */
  async function holder(folder: string) {
    const code = `const { createRequire } = require('node:module'); const { Level } = createRequire(require.resolve('dynalite'))('level');
      const db = new Level(${JSON.stringify(folder)}); db.open().then(() => console.log('held')); process.stdin.on('end', () => process.exit()).resume();`;
    const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return child;
  }

  async function endedProcess(): Promise<number> {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    return child.pid ?? 0;
  }

  it('is waited for: its children are about to end', async () => {
    const path = newFolder();
    const folder = prepareDataFolder(path);
    await takeDataFolder(path, folder, await endedProcess());
    const orphan = await holder(folder.dynamodb);
    const taking = takeDataFolder(path, folder, process.pid);
    orphan.stdin.end();
    await taking;
    expect(Number(readFileSync(folder.leader, 'utf8'))).toBe(process.pid);
  });

  it('is not waited for while that process lives', async () => {
    const path = newFolder();
    const folder = prepareDataFolder(path);
    await takeDataFolder(path, folder, process.pid);
    const other = await holder(folder.dynamodb);
    await expect(takeDataFolder(path, folder, process.pid)).rejects.toMatchObject({ code: 'dataFolderInUse' });
    other.stdin.end();
    await once(other, 'exit');
  });
});
