import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { startLocal } from '../../infra/local/local.ts';
import { put } from '../fixtures/local/records.ts';
import { fixture, startTestLocal, type TestLocal, testEntries, testOptions, until } from '../fixtures/local/start.ts';

const folders: string[] = [];
let test: TestLocal | undefined;

afterEach(async () => {
  await test?.stop();
  test = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  folders.push(folder);
  return folder;
}

/** Whether a process has ended. One that nobody has collected yet (state Z) has ended. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && /\) Z /.test(readFileSync(stat, 'utf8'));
}

/** The code of the error with which a start fails. Checks that its message is one line, without a stack. */
async function failure(start: Promise<{ stop(): Promise<void> }>): Promise<string> {
  const error: unknown = await start.then(
    (started) => started.stop(),
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ name: 'LocalError', message: expect.not.stringContaining('\n') });
  return (error as { readonly code: string }).code;
}

describe('the child processes', () => {
  it('end when their parent is killed', async () => {
    const cache = join(findPackageRoot(), 'node_modules', '.cache', 'tidemark');
    mkdirSync(cache, { recursive: true });
    const built = mkdtempSync(join(cache, 'local-test-'));
    folders.push(built);
    const outfile = join(built, 'parent.mjs');
    await build({
      entryPoints: [fixture('parent')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
    const parent = spawn(process.execPath, [outfile, newFolder()], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: parent.stdout }).once('line', resolve),
    );
    const { pids, urls } = JSON.parse(line) as {
      readonly pids: Record<string, number>;
      readonly urls: readonly string[];
    };
    await fetch(urls[0] ?? '');
    expect(Object.values(pids).map(hasEnded)).toEqual([false, false, false]);
    parent.kill('SIGKILL');
    await until(() => Object.values(pids).every(hasEnded));
    for (const url of urls) await expect(fetch(url)).rejects.toThrow();
  });

  it('end with a stop', async () => {
    test = await startTestLocal();
    const pids = Object.values(test.local.pids());
    await test.local.stop();
    expect(pids.map((pid) => hasEnded(pid ?? 0))).toEqual([true, true, true]);
  });

  it('are replaced after each death', async () => {
    test = await startTestLocal();
    const before = test.local.pids();
    for (const kind of ['functions', 'runner'] as const) {
      await test.local.kill(kind);
      await test.local.restart(kind);
    }
    const after = test.local.pids();
    expect(after.emulators).toBe(before.emulators);
    expect([after.functions, after.runner]).not.toEqual([before.functions, before.runner]);
    expect((await fetch(test.local.url)).status).toBe(201);
  });

  it('report the death of emulators that kept their data in memory', async () => {
    test = await startTestLocal();
    const { local } = test;
    const exited = new Promise<unknown>((resolve) => local.onExit(resolve));
    const pids = Object.values(local.pids());
    await local.kill('emulators');
    expect(await exited).toMatchObject({ code: 'processDied' });
    expect(pids.map((pid) => hasEnded(pid ?? 0))).toEqual([true, true, true]);
  });
});

describe('a data folder', () => {
  it('keeps stream, tables and checkpoints over a stop', async () => {
    const dataDir = join(newFolder(), 'data');
    const options = { ...testOptions(newFolder()), dataDir };
    const first = await startLocal({ ...options, shards: 2 });
    await put(first, ['before'], 'one');
    await until(async () =>
      Object.values(
        (
          (await (await fetch(`${first.url}/_tidemark/mapping`)).json()) as {
            shards: Record<string, { checkpoint: unknown }>;
          }
        ).shards,
      ).some((shard) => shard.checkpoint !== null),
    );
    await first.stop();
    const kept = readFileSync(join(dataDir, 'checkpoints.json'), 'utf8');
    const second = await startLocal(options);
    const { shards } = (await (await fetch(`${second.url}/_tidemark/mapping`)).json()) as { shards: object };
    await second.stop();
    expect(Object.keys(shards)).toHaveLength(2);
    expect(readFileSync(join(dataDir, 'checkpoints.json'), 'utf8')).toBe(kept);
  });

  it('is refused while another one uses it', async () => {
    test = await startTestLocal({ data: 'disk' });
    expect(await failure(startLocal({ ...testOptions(newFolder()), dataDir: join(test.folder, 'data') }))).toBe(
      'dataFolderInUse',
    );
  });

  it('is refused when it cannot be written', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    expect(await failure(startLocal({ ...testOptions(newFolder()), dataDir: join(file, 'data') }))).toBe('dataFolder');
  });

  it.each(['{', '{"version":1,"streams":{"s":{"createdAtSeconds":1,"shards":{"a":{"finished":"no"}}}}}'])(
    'is refused when its checkpoints are damaged: %j',
    async (damaged) => {
      const dataDir = newFolder();
      writeFileSync(join(dataDir, 'checkpoints.json'), damaged);
      expect(await failure(startLocal({ ...testOptions(newFolder()), dataDir }))).toBe('checkpoints');
    },
  );

  it('is refused when its checkpoints belong to a stream that is gone', async () => {
    const dataDir = newFolder();
    writeFileSync(
      join(dataDir, 'checkpoints.json'),
      JSON.stringify({ version: 1, streams: { 'tidemark-test': { createdAtSeconds: 1, shards: {} } } }),
    );
    expect(await failure(startLocal({ ...testOptions(newFolder()), dataDir }))).toBe('checkpoints');
  });
});

describe('a start that cannot succeed', () => {
  it('names a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    expect(await failure(startLocal({ ...testOptions(newFolder()), port }))).toBe('portInUse');
    other.close();
  });

  it('names a pipeline file that is missing', async () => {
    expect(await failure(startLocal({ ...testOptions(newFolder()), pipelineFile: 'no-such-file.ts' }))).toBe(
      'pipelineFile',
    );
  });

  it('names the place of a mistake in the pipeline file', async () => {
    const folder = newFolder();
    const pipelineFile = join(folder, 'broken.ts');
    const aggregate = join(folder, 'aggregate.ts');
    writeFileSync(pipelineFile, 'export default {\n  name: "a" "b" };\n');
    writeFileSync(aggregate, "import pipeline from '#pipeline';\nexport const handler = () => pipeline;\n");
    const options = testOptions(folder);
    const start = startLocal({
      ...options,
      pipelineFile,
      entries: { aggregate, finalize: fixture('finalize'), query: fixture('query') },
    });
    await expect(start).rejects.toMatchObject({ code: 'bundle', message: expect.stringContaining('broken.ts:2:') });
  });

  it.each([
    [{ shards: 0 }, 'shards'],
    [{ port: 70_000 }, 'port'],
  ])('names an option without a meaning: %j', async (wrong, code) => {
    expect(await failure(startLocal({ ...testOptions(newFolder()), ...wrong }))).toBe(code);
  });
});

describe('the bundles', () => {
  it('follow every change of a file that they were made from', async () => {
    const folder = newFolder();
    const pipelineFile = join(folder, 'pipeline.ts');
    const query = join(folder, 'query.ts');
    writeFileSync(
      query,
      "import text from '#pipeline';\nexport const handler = async () => ({ statusCode: 200, body: text });\n",
    );
    for (const text of ['first', 'later', 'later']) {
      writeFileSync(pipelineFile, `export default '${text}';\n`);
      test = await startTestLocal({ pipelineFile, entries: { ...testEntries, query } });
      expect(await (await fetch(test.local.url)).text()).toBe(text);
      await test.stop();
    }
  });
});

describe('a pipeline outside this package', () => {
  it('is bundled with the language and with zod', async () => {
    const folder = newFolder();
    const pipelineFile = join(folder, 'pipeline.ts');
    const query = join(folder, 'query.ts');
    writeFileSync(
      pipelineFile,
      "import { count, definePipeline, tumbling } from 'tidemark';\nimport { z } from 'zod';\nexport default definePipeline({ name: 'outside', event: z.object({ time: z.number() }), eventTime: (event) => event.time, watermark: { delay: 0 }, queries: { all: { groupBy: [], window: tumbling('1 hour'), aggregates: { n: count() } } } });\n",
    );
    writeFileSync(
      query,
      "import pipeline from '#pipeline';\nexport const handler = async () => ({ statusCode: 200, body: pipeline.name });\n",
    );
    test = await startTestLocal({
      pipelineFile,
      entries: { aggregate: fixture('aggregate'), finalize: fixture('finalize'), query },
    });
    expect(await (await fetch(test.local.url)).text()).toBe('outside');
  });
});
