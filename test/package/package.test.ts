import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { isMissing } from '../fixtures/needs.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-package-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command for the app. Nothing of this repository, and nothing of a person's AWS settings, reaches it. */
function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly environment?: NodeJS.ProcessEnv } = {},
): string {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, ...options.environment };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: options.cwd ?? folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

const npm = ['--silent', '--no-audit', '--no-fund'];

function registryAnswers(): boolean {
  return spawnSync('npm', ['ping', '--silent', '--fetch-retries=0', '--fetch-timeout=10000']).status === 0;
}

const pipeline = `import { count, definePipeline, tumbling } from 'tidemark';
import * as z from 'zod';

export default definePipeline({
  name: 'somebody-elses',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 's' },
  watermark: { delay: '1 hour' },
  queries: { all: { groupBy: [], window: tumbling('1 hour'), aggregates: { eventsOfSomebodyElse: count() } } },
});
`;

const app = `import { App, Stack } from 'aws-cdk-lib';
import { EventTimeAggregation } from 'tidemark/cdk';

const app = new App();
const stack = new Stack(app, 'Own');
new EventTimeAggregation(stack, 'Counts', { pipeline: 'pipeline.ts', shards: 2 });
app.synth();
`;

const { 'aws-cdk-lib': cdk, constructs, typescript, '@types/node': nodeTypes } = manifest.devDependencies;

/** The output of the app: its template and, by logical id, the bundle of each function. */
function synthesized(file: string): { readonly template: Template; readonly bundles: ReadonlyMap<string, string> } {
  const out = `out-${path.extname(file).slice(1)}`;
  const context = JSON.stringify({ 'aws:cdk:enable-asset-metadata': true });
  run(process.execPath, [file], { environment: { CDK_OUTDIR: out, CDK_CONTEXT_JSON: context } });
  const template = JSON.parse(readFileSync(path.join(folder, out, 'Own.template.json'), 'utf8'));
  const functions = Object.entries<{ Type: string; Metadata?: Record<string, string> }>(template.Resources).filter(
    ([, { Type }]) => Type === 'AWS::Lambda::Function',
  );
  const bundleOf = (metadata: Record<string, string> | undefined) =>
    readFileSync(path.join(folder, out, String(metadata?.['aws:asset:path']), 'index.mjs'), 'utf8');
  return {
    template: Template.fromJSON(template),
    bundles: new Map(functions.map(([id, { Metadata }]) => [id, bundleOf(Metadata)])),
  };
}

describe.skipIf(isMissing(registryAnswers(), 'the npm registry'))(
  'the packed package, in an app of somebody else',
  () => {
    beforeAll(() => {
      const packed = run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root }).trim();
      writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
      const packages = [
        `./${packed}`,
        `aws-cdk-lib@${cdk}`,
        `constructs@${constructs}`,
        `typescript@${typescript}`,
        `@types/node@${nodeTypes}`,
      ];
      run('npm', ['install', ...npm, ...packages]);
      writeFileSync(path.join(folder, 'pipeline.ts'), pipeline);
      writeFileSync(path.join(folder, 'app.mjs'), app);
      writeFileSync(path.join(folder, 'app.cjs'), app.replace(/^import (.*) from (.*);$/gm, 'const $1 = require($2);'));
      writeFileSync(path.join(folder, 'app.mts'), app);
    });

    it.each(['app.mjs', 'app.cjs'])(
      'synthesizes from %s, with no context, the functions with the pipeline of that app',
      (file) => {
        const { template, bundles } = synthesized(file);
        template.resourceCountIs('AWS::DynamoDB::Table', 3);
        template.hasResourceProperties('AWS::Kinesis::Stream', {
          ShardCount: 2,
          StreamEncryption: { EncryptionType: 'KMS' },
        });
        template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
          StartingPosition: 'TRIM_HORIZON',
          ParallelizationFactor: 1,
        });
        template.hasResourceProperties('AWS::ApiGateway::Method', { AuthorizationType: 'AWS_IAM' });
        template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 minute)' });
        expect(bundles.size).toBe(3);
        expect(new Set(bundles.values()).size).toBe(3);
        for (const bundle of bundles.values()) expect(bundle).toContain('eventsOfSomebodyElse');
      },
    );

    it('type-checks under strict settings', () => {
      const options = [
        '--strict',
        '--noEmit',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--lib',
        'es2023',
        '--types',
        'node',
      ];
      // The needs of aws-cdk-lib's own declarations do not concern this package. The types that an app uses are checked
      // all the same.
      run(process.execPath, [
        path.join('node_modules', 'typescript', 'bin', 'tsc'),
        ...options,
        '--skipLibCheck',
        'app.mts',
        'pipeline.ts',
      ]);
      writeFileSync(path.join(folder, 'wrong.mts'), app.replace('shards: 2', "shards: 'two'"));
      expect(() =>
        run(process.execPath, [
          path.join('node_modules', 'typescript', 'bin', 'tsc'),
          ...options,
          '--skipLibCheck',
          'wrong.mts',
        ]),
      ).toThrow(/shards|string/);
    });

    it('has a command line that runs a pipeline of that app over files', () => {
      writeFileSync(path.join(folder, 'events.json'), '{"time":1469501107}\n{"time":1469501108}\n');
      expect(run('npx', ['--no-install', 'tidemark', '--help'])).toContain('batch');
      const [row] = run('npx', [
        '--no-install',
        'tidemark',
        'batch',
        'events.json',
        '--pipeline',
        'pipeline.ts',
        '--json',
      ]).split('\n');
      expect(JSON.parse(String(row))).toMatchObject({
        query: 'all',
        values: { eventsOfSomebodyElse: 2 },
        status: 'final',
      });
    });

    it('has a command line that streams the same events through the embedded system', () => {
      const rows = run('npx', [
        '--no-install',
        'tidemark',
        'stream',
        'events.json',
        '--pipeline',
        'pipeline.ts',
        '--json',
      ]);
      expect(JSON.parse(String(rows.split('\n')[0]))).toMatchObject({
        query: 'all',
        values: { eventsOfSomebodyElse: 2 },
        status: 'final',
      });
    });
  },
);
