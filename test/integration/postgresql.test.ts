import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import type { Delivery } from '../../functions/core/definition/sink.ts';
import { freePort } from '../../infra/emulators/free-port.ts';
import { isMissing } from '../fixtures/needs.ts';

/** The folder of PostgreSQL's programs: in the path, or where Debian puts its versions. */
function programs(): string | undefined {
  const debian = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
    : [];
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...debian];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** The user that runs PostgreSQL, which refuses to run as root: then it is its own user, or nobody. */
function user(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const found = spawnSync('id', ['-u', name]);
    if (found.status === 0) return { uid: Number(found.stdout), gid: Number(execFileSync('id', ['-g', name])) };
  }
  return undefined;
}

const bin = programs();

const folder = mkdtempSync(join(tmpdir(), 'tidemark-postgresql-'));
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * A database of this test alone, in its folder, on a port that was free. The folder is its directory of sockets, too.
 */
async function startDatabase(programsFolder: string): Promise<pg.ClientConfig> {
  const as = user();
  if (as !== undefined) execFileSync('chown', [`${as.uid}:${as.gid}`, folder]);
  const data = join(folder, 'data');
  const options = { ...as, cwd: folder, stdio: 'ignore' as const };
  execFileSync(
    join(programsFolder, 'initdb'),
    ['-D', data, '-U', 'tidemark', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    options,
  );
  const port = await freePort();
  const server = spawn(
    join(programsFolder, 'postgres'),
    ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F'],
    options,
  );
  stops.push(async () => {
    server.kill('SIGQUIT');
    await once(server, 'close');
  });
  const config = { host: '127.0.0.1', port, user: 'tidemark', database: 'postgres' };
  for (;;) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    const client = new pg.Client(config);
    try {
      await client.connect();
      await client.query(readFileSync('examples/postgresql/schema.sql', 'utf8'));
      return config;
    } catch (error) {
      // It starts, or reports that it is starting.
      if (
        !(
          error instanceof Error &&
          /ECONNREFUSED|starting up/.test(
            String((error as NodeJS.ErrnoException).code ?? error.message) + error.message,
          )
        )
      )
        throw error;
      await sleep(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

const hourMs = 3_600_000;
const start = Date.parse('2026-01-01T00:00:00Z');
const window = (revision: number, sales: number, revenue: unknown = 12.5): Delivery => ({
  id: `salesPerHour/${start}/${start + hourMs}/${revision}`,
  pipeline: 'sales',
  mode: 'append',
  query: 'salesPerHour',
  start,
  end: start + hourMs,
  status: 'final',
  revision,
  records: sales,
  emittedAt: 0,
  rows: ['north', 'south'].map((shop) => ({
    key: { shop },
    values: { sales, revenue: shop === 'south' ? (revenue as number) : 12.5 },
  })),
});

it.skipIf(isMissing(bin, 'PostgreSQL'))(
  'the example with PostgreSQL has each window once, whole, at its greatest revision',
  async () => {
    const config = await startDatabase(bin ?? '');
    Object.assign(process.env, {
      PGHOST: config.host,
      PGPORT: String(config.port),
      PGUSER: config.user,
      PGDATABASE: config.database,
    });
    const { default: deliver } = await import('../../examples/postgresql/to-postgres.ts');
    const client = new pg.Client(config);
    await client.connect();
    stops.push(() => client.end());
    const rows = async () =>
      (await client.query('SELECT shop, hour, revision, sales, revenue FROM sales_per_hour ORDER BY shop')).rows;
    const expected = (revision: number, sales: string) =>
      ['north', 'south'].map((shop) => ({ shop, hour: new Date(start), revision, sales, revenue: '12.5' }));

    await deliver(window(0, 3));
    await deliver(window(0, 3));
    expect(await rows()).toEqual(expected(0, '3'));
    // Half of it cannot be written: none of it is stored, and the next attempt finds the table unchanged.
    await expect(deliver(window(1, 4, 'not a number'))).rejects.toThrow();
    expect(await rows()).toEqual(expected(0, '3'));
    await deliver(window(1, 4));
    await deliver(window(0, 3));
    expect(await rows()).toEqual(expected(1, '4'));
  },
);
