import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasKafkaClient } from '../../infra/bundle/functions.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { isMissing } from '../fixtures/needs.ts';
import { command, type Ended, launch } from '../fixtures/system/command-line.ts';
import { files, type Invocation, invocations, launched, servers } from './invocations.ts';

let folder: string;
const running: Server[] = [];
/** The values of the names in braces. */
const places = new Map<string, string>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-corpus-'));
  places.set('folder', folder);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content);
    places.set(name, join(folder, name));
  }
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
  symlinkSync(join(folder, 'none'), join(folder, 'dangling'));
  // A folder as `up --data` leaves it behind.
  mkdirSync(join(folder, 'up', 'kinesis'), { recursive: true });
  for (const [name, [status, type, body]] of Object.entries(servers)) {
    const server = createServer((_request, response) => response.writeHead(status, { 'content-type': type }).end(body));
    running.push(server);
    places.set(name, `http://127.0.0.1:${await listening(server)}`);
  }
  places.set('html as https', String(places.get('html')).replace('http:', 'https:'));
  const closed = createServer();
  places.set('closed', `http://127.0.0.1:${await listening(closed)}`);
  closed.close();
  await once(closed, 'close');
});
afterAll(() => {
  for (const server of running) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const here = (text: string) => text.replace(/\{([^{}]+)\}/g, (_all, name: string) => places.get(name) ?? `no ${name}`);

function expectOutcome({ code, stdout, stderr }: Ended, expected: Invocation): void {
  expect(stderr).toMatch(/^tidemark: [^\n]{1,600}\n$/);
  expect(stderr).toContain(here(expected.names));
  expect(stderr).not.toMatch(/ {4}at |--debug/);
  expect({ code, stdout }).toEqual({ code: expected.code, stdout: '' });
}

describe('a hostile command line', () => {
  const withoutKafka = isMissing(
    hasKafkaClient(findPackageRoot()),
    'the Kafka client: npm ci under Node 22.19 or newer',
  );
  const tried = withoutKafka ? invocations.filter(({ name }) => name !== 'no broker') : invocations;
  it.each(tried.map((invocation) => [invocation.name, invocation] as const))(
    'ends in one line and with its one exit code: %s',
    async (_name, invocation) => {
      expectOutcome(await command(invocation.words.map(here), invocation.stdin), invocation);
    },
  );

  it.each(launched.map((invocation) => [invocation.name, invocation] as const))(
    'ends as a process of its own: %s',
    async (_name, invocation) => {
      expectOutcome(await launch(invocation.words.map(here)).ended, invocation);
    },
  );
});
