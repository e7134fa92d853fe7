import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { knownBundle, noteBundle } from '../../cli/program/bundle-index.ts';

const root = mkdtempSync(path.join(tmpdir(), 'tidemark-index-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A folder with a pipeline of two files, bundled an hour after they were written. */
function bundled(name: string) {
  const own = path.join(root, name);
  const sources = path.join(own, 'app', 'src');
  const cache = path.join(own, 'cache');
  for (const folder of [sources, cache]) mkdirSync(folder, { recursive: true });
  const [file, imported] = [path.join(sources, 'pipeline.ts'), path.join(sources, 'size.ts')];
  for (const source of [file, imported]) writeFileSync(source, 'export default 1;\n');
  const bundle = path.join(cache, 'pipeline-1.mjs');
  writeFileSync(bundle, '');
  const note = (startedMs = Date.now() + 3_600_000) => noteBundle(cache, file, bundle, [file, imported], startedMs);
  return { own, sources, cache, file, imported, bundle, note, known: () => knownBundle(cache, file) };
}

test('a bundle is known until one of its sources changes', () => {
  const { imported, bundle, note, known } = bundled('change');
  expect(known()).toBeUndefined();
  note();
  expect(known()).toBe(bundle);
  writeFileSync(imported, 'export default 22;\n');
  expect(known()).toBeUndefined();
  note();
  expect(known()).toBe(bundle);
  utimesSync(imported, new Date(0), new Date(0));
  expect(known()).toBeUndefined();
});

test('a bundle is not known any more when its file is gone', () => {
  const { bundle, note, known } = bundled('gone');
  note();
  rmSync(bundle);
  expect(known()).toBeUndefined();
});

test.each(['package.json', 'tsconfig.json'])(
  'a bundle is not known any more when there is a new %s above it',
  (name) => {
    const { own, note, known } = bundled(`new-${name}`);
    note();
    writeFileSync(path.join(own, 'app', name), '{}');
    expect(known()).toBeUndefined();
  },
);

test('a bundle is not known any more when a package is installed above it', () => {
  const { own, note, known } = bundled('installed');
  note();
  mkdirSync(path.join(own, 'node_modules', 'zod'), { recursive: true });
  expect(known()).toBeUndefined();
});

test('a bundle is not known any more when a file is put beside a source, which an import may mean instead', () => {
  const { sources, note, known } = bundled('beside');
  note();
  writeFileSync(path.join(sources, 'size.js'), '');
  expect(known()).toBeUndefined();
});

test('a source that was written after bundling began is not noted', () => {
  const { note, known } = bundled('meanwhile');
  note(0);
  expect(known()).toBeUndefined();
});
