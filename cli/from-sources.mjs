/**
 * The command line of a clone, bundled from its sources. It is started from the cache folder, from where Node resolves
 * the packages: see infra/bundle/cache-folder.mjs.
 *
 * A bundle is a folder named by the hash of its contents. One rename puts it in place, so concurrent runs never see
 * half of one. `index.json` names the newest bundle with the size and the time of each of its sources. Folders that
 * were not used for a day are removed.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheFolder } from '../infra/bundle/cache-folder.mjs';

const indexName = 'index.json';
const dayMs = 24 * 3600 * 1000;

/** `[file, size, time of change]` of each file, relative to the package: equal lists mean an unchanged program. */
function fingerprint(root, files) {
  return files.map((file) => {
    const { size, mtimeMs } = statSync(path.join(root, file));
    return [file, size, mtimeMs];
  });
}

/**
 * The newest bundle, if none of its sources has changed since. package.json is one of them: it decides the packages.
 */
function current(root, cache) {
  try {
    const index = path.join(cache, indexName);
    const { sources, folder } = JSON.parse(readFileSync(index, 'utf8'));
    const now = fingerprint(
      root,
      sources.map(([file]) => file),
    );
    const bundle = path.join(cache, folder);
    if (JSON.stringify(now) !== JSON.stringify(sources) || !existsSync(path.join(bundle, 'main.mjs'))) return undefined;
    utimesSync(bundle, new Date(), new Date());
    return bundle;
  } catch {
    return undefined;
  }
}

async function bundle(root, cache) {
  const { build } = await import('esbuild');
  const result = await build({
    absWorkingDir: root,
    entryPoints: { main: 'cli/main.ts' },
    outdir: cache,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'inline',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const hash = createHash('sha256');
  for (const file of result.outputFiles) hash.update(path.basename(file.path)).update(file.contents);
  const folder = `cli-${hash.digest('hex').slice(0, 16)}`;
  const place = path.join(cache, folder);
  if (!existsSync(path.join(place, 'main.mjs'))) {
    const draft = path.join(cache, `draft-${randomUUID()}`);
    try {
      mkdirSync(draft);
      for (const file of result.outputFiles) writeFileSync(path.join(draft, path.basename(file.path)), file.contents);
      renameSync(draft, place);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(place)) throw error; // else another run was first, with the same bytes
    }
  }
  const sources = fingerprint(root, [...Object.keys(result.metafile.inputs), 'package.json']);
  const draft = path.join(cache, `draft-${randomUUID()}.json`);
  writeFileSync(draft, JSON.stringify({ folder, sources }));
  renameSync(draft, path.join(cache, indexName));
  removeStale(cache, folder);
  return place;
}

function removeStale(cache, keep) {
  for (const name of readdirSync(cache)) {
    if (!/^(cli|draft|pipeline)-/.test(name) || name === keep) continue;
    const file = path.join(cache, name);
    try {
      if (Date.now() - statSync(file).mtimeMs > dayMs) rmSync(file, { recursive: true, force: true });
    } catch {
      // another run removed it
    }
  }
}

/** The module of the command line, from a bundle that is as new as its sources. */
export async function fromSources(root) {
  const cache = cacheFolder(root);
  return import(pathToFileURL(path.join(current(root, cache) ?? (await bundle(root, cache)), 'main.mjs')).href);
}
