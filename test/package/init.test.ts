import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cannotRun, emptyFolder, install, pack, remove, run } from './audience.ts';

const folder = emptyFolder();
const project = path.join(folder, 'my-counts');
afterAll(() => remove(folder));

/** A newcomer with the tarball, an empty folder and the commands that `tidemark init` prints. */
describe.skipIf(cannotRun())('a project that tidemark init writes', () => {
  beforeAll(() => {
    install(folder, [pack(folder).tidemark]);
    const { next } = JSON.parse(run(folder, 'npx', ['--no-install', 'tidemark', 'init', 'my-counts', '--json']));
    expect(next).toEqual(['cd my-counts', 'npm install', 'npm test', 'npm run batch', 'npm run synth']);
    // The project has to work by itself.
    rmSync(path.join(folder, 'node_modules'), { recursive: true });
    run(project, 'npm', ['install', '--silent', '--no-audit', '--no-fund']);
  });

  it('passes its test', () => {
    expect(run(project, 'npm', ['test'])).toMatch(/4 passed/);
  });

  it('passes its test on the runner of Node too, as a bundle', () => {
    const test = readFileSync(path.join(project, 'pipeline.test.ts'), 'utf8');
    const own = test
      .slice(0, test.indexOf('\n\n'))
      .replace(
        "import { expect, test } from 'vitest';",
        "import assert from 'node:assert';\nimport test from 'node:test';",
      );
    writeFileSync(
      path.join(project, 'node-runner.ts'),
      `${own}
test('counts a sale', async () => {
  await using run = testPipeline(pipeline);
  await run.put([{ time: '2026-01-05T10:05:00Z', shop: 'Aarhus', amount: 3 }]);
  await run.end();
  assert.deepEqual(run.rows('salesPerHour')[0]?.values, { sales: 1, revenue: 3 });
  assert.equal((await runPipeline(pipeline, { events: [] })).conservation.received, 0);
});
`,
    );
    const bundle = ['node-runner.ts', '--bundle', '--platform=node', '--format=esm', '--packages=external'];
    run(project, 'npx', ['--no-install', 'esbuild', ...bundle, '--target=node20', '--outfile=node-runner.test.mjs']);
    expect(run(project, process.execPath, ['--test', 'node-runner.test.mjs'])).toMatch(/pass 1/);
    for (const name of ['node-runner.ts', 'node-runner.test.mjs']) rmSync(path.join(project, name));
  });

  it('type-checks, and notices a query that the pipeline does not have', () => {
    run(project, 'npm', ['run', 'typecheck']);
    // A library of pipelines has declarations, which can name all types that they need.
    const declarations = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', 'cdk.out/types'];
    run(project, 'npx', ['--no-install', 'tsc', ...declarations]);
    const wrong = path.join(project, 'wrong.ts');
    writeFileSync(
      wrong,
      "import { testPipeline } from 'tidemark/testing';\nimport pipeline from './pipeline.ts';\n" +
        "testPipeline(pipeline).rows('salesPerHuor');\n",
    );
    expect(() => run(project, 'npm', ['run', 'typecheck'])).toThrow(/wrong\.ts\(3,.*salesPerHuor/);
    rmSync(wrong);
  });

  it('counts its events', () => {
    const words = ['batch', 'events.ndjson', '--pipeline', 'pipeline.ts', '--json'];
    const rows = run(project, 'npx', ['--no-install', 'tidemark', ...words]);
    const [first] = rows.split('\n');
    expect(JSON.parse(String(first))).toMatchObject({ key: { shop: 'Aarhus' }, values: { sales: 3, revenue: 37.25 } });
  });

  it('synthesizes the stack that deploys it', () => {
    run(project, 'npx', ['--no-install', 'cdk', 'synth', '--quiet']);
    const [template] = readdirSync(path.join(project, 'cdk.out')).filter((name) => name === 'my-counts.template.json');
    const { Resources } = JSON.parse(readFileSync(path.join(project, 'cdk.out', String(template)), 'utf8'));
    const types = Object.values<{ readonly Type: string }>(Resources).map(({ Type }) => Type);
    expect(types).toContain('AWS::Kinesis::Stream');
    expect(types.filter((type) => type === 'AWS::DynamoDB::Table')).toHaveLength(3);
  });
});
