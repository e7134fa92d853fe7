import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeProject } from '../../cli/init/project.ts';
import template from '../../cli/init/template/package.json' with { type: 'json' };
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import manifest from '../../package.json' with { type: 'json' };
import { command } from '../fixtures/system/command-line.ts';

const root = findPackageRoot();
const top = mkdtempSync(path.join(tmpdir(), 'tidemark-init-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(top, 'case-'));
});

const textOf = (file: string) => readFileSync(path.join(folder, 'my-counts', file), 'utf8');

/** A package as npm installs it. @param resolved where npm says that it comes from */
function installed(resolved: string): string {
  const modules = path.join(folder, 'node_modules');
  const place = path.join(modules, 'tidemark');
  mkdirSync(path.join(place, 'cli', 'init'), { recursive: true });
  cpSync(path.join(root, 'cli', 'init', 'template'), path.join(place, 'cli', 'init', 'template'), { recursive: true });
  writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name: 'tidemark', version: '1.2.3' }));
  const lock = { packages: { 'node_modules/tidemark': { resolved } } };
  writeFileSync(path.join(modules, '.package-lock.json'), JSON.stringify(lock));
  return place;
}

describe('tidemark init', () => {
  it('writes a project whose folder, package, pipeline and stack have its name', async () => {
    const { files } = await writeProject('my-counts', folder, root);
    expect(files).toEqual(readdirSync(path.join(folder, 'my-counts')).sort());
    expect(files).toEqual(
      expect.arrayContaining(['.gitignore', 'pipeline.ts', 'pipeline.test.ts', 'app.mjs', 'cdk.json']),
    );
    for (const file of ['pipeline.ts', 'app.mjs']) expect(textOf(file)).toContain("'my-counts'");
    expect(JSON.parse(textOf('package.json'))).toMatchObject({ name: 'my-counts' });
    for (const file of files) expect(textOf(file)).not.toContain('sales-by-shop');
  });

  it.each([
    ['file:tidemark-1.2.3.tgz', 'file:../tidemark-1.2.3.tgz'],
    ['file:../packed/tidemark-1.2.3.tgz', 'file:../../packed/tidemark-1.2.3.tgz'],
    ['https://registry.npmjs.org/tidemark/-/tidemark-1.2.3.tgz', '1.2.3'],
  ])('needs the package that was installed from %s', async (resolved, needed) => {
    const { next } = await writeProject('my-counts', folder, installed(resolved));
    expect(JSON.parse(textOf('package.json')).dependencies.tidemark).toBe(needed);
    expect(next[0]).toBe('cd my-counts');
  });

  it('needs the version of a package of which npm says nothing', async () => {
    const place = installed('');
    rmSync(path.join(folder, 'node_modules', '.package-lock.json'));
    await writeProject('my-counts', folder, place);
    expect(JSON.parse(textOf('package.json')).dependencies.tidemark).toBe('1.2.3');
  });

  it('needs a tarball of the clone, and says how it is made', async () => {
    const { next } = await writeProject('my-counts', folder, root);
    expect(JSON.parse(textOf('package.json')).dependencies.tidemark).toBe(`file:tidemark-${manifest.version}.tgz`);
    const clone = path.relative(folder, root);
    expect(next[0]).toBe(`npm pack --silent ${clone} ${clone}/infra/local --pack-destination my-counts`);
  });

  it('takes an empty folder, and no other', async () => {
    mkdirSync(path.join(folder, 'my-counts'));
    await writeProject('my-counts', folder, root);
    await expect(writeProject('my-counts', folder, root)).rejects.toThrow(/my-counts holds \.gitignore/);
  });

  it.each(['My-counts', '../up', 'a/b', '1st', '-x', 'tidemark', 'x'.repeat(41)])(
    'refuses the name %s',
    async (name) => {
      const { code, stdout, stderr } = await command(['init', '--', name]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^tidemark: NAME is .*\n$/);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('takes one name', async () => {
    expect(await command(['init'])).toMatchObject({ code: 2, stderr: expect.stringContaining('NAME') });
    expect(await command(['init', 'a', 'b'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('the template', () => {
  it('names the versions that this repository is tested with', () => {
    const known: Readonly<Record<string, string>> = { ...manifest.dependencies, ...manifest.devDependencies };
    const { tidemark, ...others } = { ...template.dependencies, ...template.devDependencies };
    expect(tidemark).toBe(manifest.version);
    for (const [name, version] of Object.entries(others)) expect([name, known[name]]).toEqual([name, version]);
  });
});
