// npm run sizes: what each audience installs, as the table of docs/packages.md. Each audience gets an empty folder and an
// empty cache of npm, so the seconds are those of somebody who has never installed anything: they depend on the network.
//
//   node test/package/sizes.mjs                  the table, with the figures before the packages were split
//   node test/package/sizes.mjs --write          the same, into docs/packages.md
//   node test/package/sizes.mjs --json [TGZ...]  the bare figures, of these tarballs or of the ones packed here
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const { 'aws-cdk-lib': cdk, constructs } = manifest.devDependencies;
const words = process.argv.slice(2);
const given = words.filter((word) => !word.startsWith('--'));
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-sizes-'));

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return { stdout, stderr };
}

/** The two tarballs, packed here; older packages were one. */
function packed() {
  if (given.length > 0) return given.map((file) => path.resolve(file));
  const pack = (args) =>
    path.join(folder, run('npm', ['pack', '--silent', '--pack-destination', folder, ...args], root).stdout.trim());
  return [pack([]), pack(['--workspace', 'tidemark-local'])];
}

/** The figures of one installation. `own` are the packages that it would not have without Tidemark. */
function figures(name, place, install) {
  mkdirSync(place, { recursive: true });
  const cache = mkdtempSync(path.join(folder, 'cache-'));
  const begunMs = performance.now();
  const { stderr } = run('npm', [...install, '--no-audit', '--no-fund', '--cache', cache], place);
  const seconds = (performance.now() - begunMs) / 1000;
  rmSync(cache, { recursive: true, force: true });
  const { packages } = JSON.parse(readFileSync(path.join(place, 'node_modules', '.package-lock.json'), 'utf8'));
  const installed = Object.entries(packages).filter(([, { link }]) => link !== true);
  return {
    audience: name,
    packages: installed.length,
    megabytes: Math.round(Number(run('du', ['-sk', 'node_modules'], place).stdout.split('\t')[0]) / 1024),
    seconds: Math.round(seconds * 10) / 10,
    installScripts: installed
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([at]) => at.replace(/^.*node_modules\//, '')),
    engineWarnings: stderr.split('EBADENGINE Unsupported engine').length - 1,
    listIsClean: spawnSync('npm', ['ls', '--all'], { cwd: place }).status === 0,
  };
}

function cloned(place) {
  const files = run('git', ['ls-files'], root).stdout.trim().split('\n');
  for (const file of files.filter((name) => /(^|\/)package(-lock)?\.json$/.test(name)))
    cpSync(path.join(root, file), path.join(place, file));
  return place;
}

function measured() {
  const tarballs = packed();
  const [tidemark] = tarballs;
  const at = (name) => {
    const place = path.join(folder, name);
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, 'package.json'), '{ "private": true }');
    return place;
  };
  const cdkItself = [`aws-cdk-lib@${cdk}`, `constructs@${constructs}`];
  return {
    tarballKilobytes: tarballs.map((file) => Math.round(statSync(file).size / 1024)),
    audiences: [
      figures('`aws-cdk-lib` and `constructs` alone', at('cdk'), ['install', ...cdkItself]),
      figures('a CDK app with `tidemark/cdk`', at('app'), ['install', tidemark, ...cdkItself]),
      figures('`tidemark batch`', at('batch'), ['install', tidemark]),
      figures('`tidemark up`, `stream`, `demo`', at('up'), ['install', ...tarballs]),
      figures('a clone, `npm ci`', cloned(path.join(folder, 'clone')), ['ci', '--ignore-scripts']),
    ],
  };
}

function table(before, after) {
  const scripts = (names) => (names.length === 0 ? '0' : `${names.length}: ${names.join(', ')}`);
  const rows = after.audiences.map((now) => {
    const then = before.audiences.find(({ audience }) => audience === now.audience);
    const pair = (of) => (then === undefined ? `${of(now)}` : `${of(then)} → ${of(now)}`);
    return `| ${now.audience} | ${[
      pair(({ packages }) => packages),
      pair(({ megabytes }) => megabytes),
      pair(({ seconds }) => seconds),
      pair(({ installScripts }) => scripts(installScripts)),
      pair(({ engineWarnings }) => engineWarnings),
    ].join(' | ')} |`;
  });
  return [
    '| Who | packages | MB | seconds | install scripts | engine warnings |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `Tarballs: ${before.tarballKilobytes.join(' + ')} KB before, ${after.tarballKilobytes.join(' + ')} KB after.`,
  ].join('\n');
}

try {
  const now = { node: process.version, ...measured() };
  if (words.includes('--json')) process.stdout.write(`${JSON.stringify(now, null, 2)}\n`);
  else {
    const before = JSON.parse(readFileSync(path.join(import.meta.dirname, 'sizes-before.json'), 'utf8'));
    const text = table(before, now);
    process.stdout.write(`${text}\n`);
    if (words.includes('--write')) {
      const page = path.join(root, 'docs', 'packages.md');
      const old = readFileSync(page, 'utf8');
      writeFileSync(
        page,
        old.replace(/(?<=<!-- sizes -->\n).*?(?=<!-- end -->)/s, () => `${text}\n`),
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
