import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import {
  attempt,
  cannotRun,
  emptyFolder,
  install,
  installed,
  ownPipeline,
  pack,
  remove,
  root,
  run,
  type Tarballs,
} from './audience.ts';

const place = emptyFolder();
const light = path.join(place, 'light');
const whole = path.join(place, 'whole');
afterAll(() => remove(place));

const tidemark = (folder: string, ...words: string[]) => attempt(folder, 'npx', ['--no-install', 'tidemark', ...words]);

/** The first line that a command wrote, as JSON. */
const firstRow = (text: string): unknown => JSON.parse(String(text.split('\n')[0]));

const bothEvents = { query: 'all', values: { eventsOfSomebodyElse: 2 }, status: 'final' };

function writeProject(folder: string): void {
  writeFileSync(path.join(folder, 'pipeline.ts'), ownPipeline);
  writeFileSync(path.join(folder, 'events.json'), '{"time":1469501107}\n{"time":1469501108}\n');
  writeFileSync(path.join(folder, 'events.csv'), 'time\n1469501107\n1469501108\n');
}

describe.skipIf(cannotRun())('the command line of the packed packages', () => {
  let tarballs: Tarballs;
  beforeAll(() => {
    tarballs = pack(place);
    install(light, [tarballs.tidemark]);
    install(whole, [tarballs.tidemark, tarballs.local]);
    writeProject(light);
    writeProject(whole);
  });

  describe('alone', () => {
    it('is five packages, of which esbuild is one for each platform', () => {
      const names = installed(light).filter((name) => !name.startsWith('@esbuild/'));
      expect(names.sort()).toEqual(['@standard-schema/spec', 'esbuild', 'tidemark', 'zod']);
    });

    it.each(['events.json', 'events.csv'])('counts %s', (file) => {
      const { stdout } = tidemark(light, 'batch', file, '--pipeline', 'pipeline.ts', '--json');
      expect(firstRow(stdout)).toMatchObject(bothEvents);
    });

    it('has the pipelines that are named, and samples for them', () => {
      tidemark(light, 'sample', 'open-close', '--out', 'sample', '--clean');
      const { stdout } = tidemark(light, 'batch', 'sample/events-00.json', '--pipeline', 'device-actions', '--json');
      expect(stdout).toContain('actionsPerHour');
    });

    it.each(['--help', 'lock --pipeline pipeline.ts', 'cost', 'delay events.json --pipeline pipeline.ts'])(
      'runs tidemark %s',
      (words) => {
        expect(tidemark(light, ...words.split(' '))).toMatchObject({ status: 0 });
      },
    );

    const version = (name: keyof typeof manifest.peerDependencies) =>
      `npm i -D ${name}@${manifest.peerDependencies[name]}`;
    it.each([
      [['up'], version('tidemark-local')],
      [['demo'], version('tidemark-local')],
      [['stream', 'events.json', '--pipeline', 'pipeline.ts'], version('tidemark-local')],
      [['batch', 'events.parquet', '--pipeline', 'pipeline.ts'], version('@duckdb/node-api')],
    ])('says in one line what %j needs', (words, remedy) => {
      writeFileSync(path.join(light, 'events.parquet'), 'PAR1');
      const { status, stderr } = tidemark(light, ...words);
      expect(status).toBe(1);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toMatch(/^tidemark: /);
      expect(stderr).toContain(remedy);
    });
  });

  describe('with tidemark-local', () => {
    it('streams the events through the embedded system', () => {
      const { stdout } = tidemark(whole, 'stream', 'events.json', '--pipeline', 'pipeline.ts', '--json');
      expect(firstRow(stdout)).toMatchObject(bothEvents);
    });

    it('says in one line what a topic of Kafka needs', () => {
      const words = ['--source', 'kafka', '--bootstrap-servers', '127.0.0.1:1'];
      const { stderr } = tidemark(whole, 'stream', 'events.json', '--pipeline', 'pipeline.ts', ...words);
      expect(stderr).toContain(`npm i -D @platformatic/kafka@${manifest.peerDependencies['@platformatic/kafka']}`);
    });

    it('serves the API and the page, and ends', async () => {
      const launcher = path.join(whole, 'node_modules', 'tidemark', 'cli', 'tidemark.mjs');
      const words = ['up', '--port', '0', '--pipeline', 'pipeline.ts', '--json'];
      const child = spawn(process.execPath, [launcher, ...words], { cwd: whole, stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        const [line] = await once(createInterface(child.stdout), 'line');
        const { url } = JSON.parse(String(line));
        const queries = await (await fetch(new URL('/v1/queries', url))).text();
        expect(queries).toContain('eventsOfSomebodyElse');
        expect(await (await fetch(url, { headers: { accept: 'text/html' } })).text()).toContain('<title>');
      } finally {
        const ended = once(child, 'exit');
        child.kill('SIGINT');
        await ended;
      }
    });

    it('lists without a complaint of npm', () => {
      expect(attempt(whole, 'npm', ['ls', '--all']).status).toBe(0);
    });
  });

  it('holds nothing of an emulator in the package that needs none', () => {
    const held = run(place, 'tar', ['xzOf', tarballs.tidemark, 'package/dist/third-party-licenses.txt']);
    expect(held).toContain('@aws-sdk/client-dynamodb ');
    expect(held).not.toMatch(/^(dynalite|kinesalite|classic-level|level) /m);
  });

  it('resolves each link of the README inside the package', () => {
    const files = run(place, 'tar', ['tzf', tarballs.tidemark])
      .split('\n')
      .map((name) => name.replace(/^package\//, ''));
    const text = readFileSync(path.join(root, 'README.md'), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)|(?:src|href|srcset)="([^"#]+)/g)].map(
      ([, a, b]) => a ?? b ?? '',
    );
    const relative = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(relative.length).toBeGreaterThan(3);
    const missing = relative.filter(
      (link) => !files.some((name) => name === link || name.startsWith(`${link.replace(/\/$/, '')}/`)),
    );
    expect(missing).toEqual([]);
  });
});
