// npm run provenance: reads of the npm registry, for each package that is named by a package.json of this repository, its
// licence, its repository, the date of the version that is used and the date of its last release. With --write it
// writes them into docs/dependencies.md. A test (test/unit/dependencies.test.ts) holds the table against the manifests.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');
const manifests = ['package.json', 'infra/local/package.json', 'test/kafka/client/package.json'];
const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];

/** Exact versions go before ranges: a peer of a range is pinned as a development dependency. */
function used() {
  const found = new Map();
  for (const file of manifests) {
    const manifest = JSON.parse(readFileSync(path.join(root, file), 'utf8'));
    for (const kind of kinds)
      for (const [name, version] of Object.entries(manifest[kind] ?? {}))
        if (!/^tidemark/.test(name) && (!found.has(name) || /^\d/.test(version))) found.set(name, version);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

function repositoryOf(repository) {
  const text = typeof repository === 'string' ? repository : (repository?.url ?? '');
  const address = text
    .replace(/^git\+/, '')
    .replace(/^git:\/\//, 'https://')
    .replace(/^(ssh:\/\/)?git@github\.com[:/]/, 'https://github.com/')
    .replace(/^github:/, 'https://github.com/')
    .replace(/\.git$/, '');
  if (address === '') return 'none named';
  return address.startsWith('http') ? address.replace(/^http:/, 'https:') : `https://github.com/${address}`;
}

/** What the registry of this machine's npm says. */
function view(spec, ...fields) {
  const { status, stdout, stderr } = spawnSync('npm', ['view', spec, ...fields, '--json'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm view ${spec} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function provenance([name, version]) {
  const {
    license = 'none named',
    repository,
    time,
    'dist-tags': tags,
  } = view(`${name}@${version}`, 'license', 'repository', 'time', 'dist-tags');
  const day = (of) => (time[of] ?? 'unknown').slice(0, 10);
  const last = `${tags.latest}, ${day(tags.latest)}`;
  return `| \`${name}\` | ${version} | ${day(version)} | ${last} | ${license} | ${repositoryOf(repository)} |`;
}

const table = [
  '| Package | Used | of | Last release | Licence | Repository |',
  '| --- | --- | --- | --- | --- | --- |',
  ...used().map(provenance),
].join('\n');
process.stdout.write(`${table}\n`);
if (process.argv.includes('--write')) {
  const page = path.join(root, 'docs', 'dependencies.md');
  const old = readFileSync(page, 'utf8');
  const today = new Date().toISOString().slice(0, 10);
  const text = `Read from the registry on ${today} by \`npm run provenance -- --write\`.\n\n${table}\n`;
  writeFileSync(
    page,
    old.replace(/(?<=<!-- provenance -->\n).*?(?=<!-- end -->)/s, () => text),
  );
}
