import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, it } from 'vitest';
import { generateOpenClose, openCloseDefaults } from '../../cli/sample/open-close.ts';
import { until } from '../fixtures/local/start.ts';
import { isMissing } from '../fixtures/needs.ts';
import { folderWithPackage, type NpxRun, runNpx } from '../fixtures/system/npx.ts';

const missing = isMissing(
  spawnSync('npx', ['--version']).status === 0 && spawnSync('ps', ['-A']).status === 0,
  'npx and ps',
);
const folder = folderWithPackage();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sample = generateOpenClose({ ...openCloseDefaults, quality: 'clean' });
const files = sample.files.map(({ name, bytes }) => {
  writeFileSync(join(folder, name), bytes);
  return name;
});

let running: NpxRun | undefined;
afterEach(() => {
  if (running !== undefined && running.left().length > 0) process.kill(-(running.npx.pid ?? 0), 'SIGKILL');
});

type Sent = readonly [signal: NodeJS.Signals, to: 'npx' | 'group'];

/** npx puts a shell between itself and the command. A terminal sends its signals to all of them, `kill` to npx alone. */
describe.skipIf(missing)('of npx tidemark nothing is left', () => {
  const up = ['up', '--port', '0', '--finalize-every', '3600'];
  it.each<readonly [name: string, sent: Sent, ready: RegExp, words: readonly string[]]>([
    ['kill of up', ['SIGTERM', 'npx'], /is up at/, up],
    ['kill -9 of up', ['SIGKILL', 'npx'], /is up at/, up],
    ['Ctrl-C of up', ['SIGINT', 'group'], /is up at/, [...up, '--data', 'kept']],
    ['the end of the terminal of up', ['SIGHUP', 'group'], /is up at/, up],
    ['kill of all of up', ['SIGTERM', 'group'], /is up at/, up],
    ['kill of stream', ['SIGTERM', 'npx'], /^stream /m, ['stream', ...files, '--max-files-per-trigger', '1']],
    ['Ctrl-C of stream', ['SIGINT', 'group'], /^stream /m, ['stream', ...files, '--max-files-per-trigger', '1']],
    ['kill of demo', ['SIGTERM', 'npx'], /watch it/, ['demo']],
    ['kill of page', ['SIGTERM', 'npx'], /the page is at/, ['page', '--api', 'http://127.0.0.1:9', '--listen', '0']],
    [
      'kill of status --watch',
      ['SIGKILL', 'npx'],
      /HTTP clients refuse/,
      ['status', '--watch', '--api', 'http://127.0.0.1:9'],
    ],
    [
      'kill of put --listen',
      ['SIGKILL', 'npx'],
      /listening/,
      ['put', '--listen', '0', '--stream', 's', '--endpoint', 'http://127.0.0.1:9'],
    ],
  ])('after %s', async (_name, [signal, to], ready, words) => {
    running = runNpx(folder, words);
    const { npx, said, left } = running;
    await said(ready);
    process.kill(to === 'group' ? -(npx.pid ?? 0) : (npx.pid ?? 0), signal);
    await until(() => left().length === 0);
  });
});
