import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../cli/program/package-root.ts';
import { command } from '../fixtures/system/command-line.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-permissions-'));
const file = join(folder, 'events.json');
const other = join(folder, 'other.json');
let system: System;
let server: Server;
let seen: Set<string>;

/** Passes every request on to the embedded AWS, and notes its action. */
beforeAll(async () => {
  for (const name of [file, other]) writeFileSync(name, `${order(Date.parse('2026-01-01T00:00:00Z'), 'a', 1)}\n`);
  system = await startSystem({
    pipelineFile: systemFixture('backfilled-version'),
    pipelineName: 'versions',
    shards: 1,
  });
  server = createServer((incoming, outgoing) => {
    seen.add(actionOf(incoming.headers['x-amz-target'], incoming.url ?? ''));
    const passed = request(
      new URL(incoming.url ?? '', system.local.url),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.close();
  await system.close();
  rmSync(folder, { recursive: true, force: true });
});

function actionOf(target: string | string[] | undefined, path: string): string {
  if (typeof target === 'string')
    return target.replace(/^Kinesis_\d+\./, 'kinesis:').replace(/^DynamoDB_\d+\./, 'dynamodb:');
  return path.includes('/invocations') ? 'lambda:InvokeFunction' : 'execute-api:Invoke';
}

/** The permissions that a command needs, according to docs/OPERATIONS.md. */
function documented(name: string): readonly string[] {
  const rows = readFileSync(join(packageRoot, 'docs', 'OPERATIONS.md'), 'utf8').split('\n');
  const cells = rows
    .map((row) => row.split('|').map((cell) => cell.trim()))
    .filter((row) => row[1]?.includes(`\`${name}\``));
  const actions = cells.flatMap((row) =>
    [...(row[2] ?? '').matchAll(/`([a-z-]+:\w+)`/g)].map(([, action]) => action ?? ''),
  );
  expect(cells, `the rows of ${name}`).toHaveLength(1);
  return actions.sort();
}

describe('docs/OPERATIONS.md, permissions', () => {
  const pipeline = ['--pipeline', systemFixture('backfilled-version')];
  it.each<readonly [named: string, words: readonly string[]]>([
    ['put', ['put', ...pipeline]],
    ['replay', ['replay', file, ...pipeline]],
    ['replay --resume', ['replay', other, '--resume', ...pipeline]],
    ['drain', ['drain', ...pipeline]],
    ['backfill FILES', ['backfill', file, ...pipeline]],
    ['backfill', ['backfill', '--until', '2026-01-01T01:00:00Z', ...pipeline]],
    ['alias', ['alias', 'perKind@1', ...pipeline]],
    ['late replay', ['late', 'replay', '--query', 'perKind', ...pipeline]],
    ['remove', ['remove', 'perKind@3', ...pipeline]],
    ['sinks', ['sinks', 'status', ...pipeline]],
  ])('%s takes the actions that the page says, and no others', async (named, words) => {
    seen = new Set();
    const { port } = server.address() as { readonly port: number };
    const ended = await command(
      [...words, '--endpoint', `http://127.0.0.1:${port}`],
      `${order(Date.parse('2026-01-01T03:00:00Z'), 'a', 1)}\n`,
    );
    expect(ended.code, ended.stderr).toBe(0);
    expect([...seen].sort()).toEqual(documented(named));
  });

  it.each([['windows'], ['totals'], ['top'], ['status'], ['sql', 'from perKind']])(
    '%s takes the actions that the page says, and no others',
    async (name = '', ...words) => {
      seen = new Set();
      const { port } = server.address() as { readonly port: number };
      const ended = await command([name, ...words, '--api', `http://127.0.0.1:${port}`]);
      expect(ended.code, ended.stderr).toBe(0);
      expect([...seen].sort()).toEqual(documented(name));
    },
  );
});
