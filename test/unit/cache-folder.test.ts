import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../infra/bundle/cache-folder.mjs';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { isMissing } from '../fixtures/needs.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-cache-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * A package installed in a project, with packages beside it and below it. A file in the place of the cache's folder
 * prevents everybody, root included, from making that folder.
 */
function installed(name: string): string {
  const root = join(folder, name, 'node_modules', 'tidemark');
  for (const [at, dependency] of [
    [join(folder, name), 'beside'],
    [root, 'below'],
  ] as const) {
    const place = join(at, 'node_modules', dependency);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name: dependency, main: 'index.js' }));
    writeFileSync(join(place, 'index.js'), '');
  }
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'tidemark' }));
  writeFileSync(join(root, 'node_modules', '.cache'), '');
  return root;
}

describe('the folder of bundled programs', () => {
  it('is in the package', () => {
    const root = installed('writable');
    rmSync(join(root, 'node_modules', '.cache'));
    expect(cacheFolder(root, {})).toBe(join(root, 'node_modules', '.cache', 'tidemark'));
  });

  it('is one of the user where the package cannot be written, and Node finds there what it finds in the package', () => {
    const root = installed('read-only');
    const environment = { XDG_CACHE_HOME: join(folder, 'xdg') };
    const cache = cacheFolder(root, environment);
    expect(cache.startsWith(join(folder, 'xdg', 'tidemark'))).toBe(true);
    expect(cacheFolder(root, environment)).toBe(cache);
    const bundle = join(cache, 'cli-1', 'main.mjs');
    mkdirSync(join(cache, 'cli-1'));
    writeFileSync(bundle, '');
    const { resolve } = createRequire(bundle);
    expect(resolve('below')).toBe(join(root, 'node_modules', 'below', 'index.js'));
    expect(resolve('beside')).toBe(join(folder, 'read-only', 'node_modules', 'beside', 'index.js'));
    expect(findPackageRoot(pathToFileURL(bundle).href)).toBe(root);
  });

  it('is another one for another installation', () => {
    const environment = { XDG_CACHE_HOME: join(folder, 'xdg') };
    expect(cacheFolder(installed('one'), environment)).not.toBe(cacheFolder(installed('two'), environment));
  });

  it.skipIf(isMissing(process.getuid, 'user ids'))('is not one that others can write', () => {
    const shared = join(folder, 'shared');
    mkdirSync(join(shared, 'tidemark'), { recursive: true });
    chmodSync(join(shared, 'tidemark'), 0o777);
    expect(cacheFolder(installed('guarded'), { XDG_CACHE_HOME: shared }).startsWith(shared)).toBe(false);
  });
});

/**
 * Runs the launcher of a read-only installation in a mount namespace of its own. Nothing of the namespace outlives the
 * process.
 */
function runReadOnly(environment: NodeJS.ProcessEnv, before = 'true') {
  const place = join(folder, 'installation');
  mkdirSync(place, { recursive: true });
  const script = `mount --bind "$ROOT" "$PLACE" && mount -o remount,bind,ro "$PLACE" && ${before} &&
    exec "$NODE" "$PLACE/cli/tidemark.mjs" --version`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], {
    env: { PATH: process.env.PATH, ROOT: findPackageRoot(), PLACE: place, NODE: process.execPath, ...environment },
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { status, stdout, stderr };
}

const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status === 0;

describe.skipIf(isMissing(canMount, 'root on Linux, to mount a file system'))('a read-only installation', () => {
  it('starts, with its programs in a folder of the user', () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    expect(runReadOnly({ HOME: home })).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(home, '.cache', 'tidemark'))).toBe(true);
  });

  it('says in one line what to do where nothing can be written', () => {
    expect(runReadOnly({ HOME: '/dev/null', TMPDIR: '/dev/null' })).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^tidemark: [^\n]*XDG_CACHE_HOME[^\n]*\n$/),
    });
  });

  it('says in one line that the disk is full', () => {
    const small = join(folder, 'small');
    mkdirSync(small);
    const mounted = 'mount -t tmpfs -o size=256k tmpfs "$XDG_CACHE_HOME"';
    expect(runReadOnly({ HOME: folder, XDG_CACHE_HOME: small }, mounted)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^tidemark: [^\n]*no space left[^\n]*\n$/),
    });
  });
});
