import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { settingsOf } from '../../infra/app-settings.ts';
import { newApp, stackIn } from './synth.ts';

const root = resolve(import.meta.dirname, '..', '..');
const out = mkdtempSync(join(tmpdir(), 'tidemark-template-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('the settings of the app', () => {
  const settings = (context: Readonly<Record<string, unknown>>) => settingsOf(context, root);

  it('are the sample pipeline and a stage that leaves nothing behind, when nothing is given', () => {
    expect(settings({})).toEqual({
      stackName: 'tidemark-device-actions-dev',
      stage: 'dev',
      operations: true,
      ingest: false,
      functionSettings: {},
      pipeline: join(root, 'pipelines', 'device-actions.ts'),
    });
  });

  it('take a name under pipelines/ and the path of any file alike', () => {
    const byPath = settings({ pipeline: './pipelines/device-actions.ts', stage: 'prod', shards: '4' });
    expect(byPath).toEqual({ ...settings({ pipeline: 'device-actions', stage: 'prod' }), shards: 4 });
  });

  it.each([
    { pipeline: 'no-such-pipeline' },
    { pipeline: 'pipelines/no-such-pipeline.ts' },
    { pipeline: '' },
    { pipeline: true },
    { stage: 'Prod' },
    { stage: '' },
    { operations: 'maybe' },
  ])('refuse %o', (context) => {
    expect(() => settings(context)).toThrow(TidemarkError);
  });
});

describe('the app', () => {
  it('ends in one line that names the pipeline when there is none of this name', () => {
    const { status, stderr } = spawnSync(process.execPath, ['infra/app.mjs'], {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        CDK_CONTEXT_JSON: JSON.stringify({ pipeline: 'no-such-pipeline' }),
        CDK_OUTDIR: join(out, 'app'),
      },
    });
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('no-such-pipeline');
  });

  it('bundles each function with the pipeline it was given, as a module that needs no other file', async () => {
    const app = newApp({}, out);
    stackIn(app);
    app.synth();
    const bundles = readdirSync(out).filter((name) => name.startsWith('asset.'));
    // In this test the three entry files are one, so the three bundles are one, too.
    expect(bundles).toHaveLength(1);
    const bundle: unknown = await import(pathToFileURL(join(out, String(bundles[0]), 'index.mjs')).href);
    expect(await (bundle as { handler(): Promise<string> }).handler()).toBe('device-actions');
  });
});
