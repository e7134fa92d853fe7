import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasKafkaClient } from '../../infra/bundle/functions.ts';
import manifest from '../../package.json' with { type: 'json' };
import { isMissing } from '../fixtures/needs.ts';
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
} from './audience.ts';

const place = emptyFolder();
const folder = path.join(place, 'app');
afterAll(() => remove(place));

/** A pipeline with a sink of each kind that has a client of its own, and a function in a file of its own. */
const sinksPipeline = ownPipeline
  .replace('tumbling }', 'dynamodb, eventBridge, forEachWindow, kinesis, s3, sns, sqs, tumbling, webhook }')
  .replace(
    '  queries:',
    `  sinks: {
    bus: eventBridge(), stream: kinesis(), queue: sqs(), topic: sns(), table: dynamodb(),
    bucket: s3({ format: 'parquet' }), hook: webhook({ url: 'https://example.com/' }), each: forEachWindow('./each.ts'),
  },
  queries:`,
  );

const eachWindow = `export default async (): Promise<void> => {
  process.emitWarning('theFunctionOfSomebodyElse');
};
`;

const app = `import { App, Stack } from 'aws-cdk-lib';
import { EventTimeAggregation } from 'tidemark/cdk';

const app = new App();
const stack = new Stack(app, 'Own');
new EventTimeAggregation(stack, 'Counts', { pipeline: 'pipeline.ts', shards: 2 });
app.synth();
`;

/** Everything that a deployment can choose. */
const wholeApp = `import { App, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { EventTimeAggregation, kafka } from 'tidemark/cdk';

const app = new App();
const stack = new Stack(app, 'Own');
const bucket = Bucket.fromBucketName(stack, 'Bucket', 'a-bucket');
new EventTimeAggregation(stack, 'Counts', { pipeline: 'sinks.ts', ingest: true, objects: { bucket, prefix: 'in/' } });
const clusterArn = 'arn:aws:kafka:us-east-1:123456789012:cluster/orders/abcd1234-abcd-cafe-abab-9876543210ab-4';
const source = kafka({ topic: 'orders', bootstrapServers: ['b-1.example.com:9098'], clusterArn });
new EventTimeAggregation(stack, 'Orders', { pipeline: 'pipeline.ts', source });
app.synth();
`;

const { 'aws-cdk-lib': cdk, constructs, typescript, '@types/node': nodeTypes } = manifest.devDependencies;

interface FunctionResource {
  readonly Type: string;
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly Properties: { readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> } };
}

/** A function of a template: the file of its bundle, and its variables, of which some refer to other resources. */
interface Synthesized {
  readonly file: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The output of an app: its template and, by logical id, its functions. */
function synthesized(file: string, cwd = folder) {
  const out = path.join(cwd, `out-${file}`);
  const context = JSON.stringify({ 'aws:cdk:enable-asset-metadata': true });
  run(cwd, process.execPath, [file], { CDK_OUTDIR: out, CDK_CONTEXT_JSON: context });
  const template = JSON.parse(readFileSync(path.join(out, 'Own.template.json'), 'utf8'));
  const functions = new Map<string, Synthesized>();
  for (const [id, resource] of Object.entries<FunctionResource>(template.Resources)) {
    const asset = resource.Metadata?.['aws:asset:path'];
    if (resource.Type !== 'AWS::Lambda::Function' || asset === undefined) continue;
    functions.set(id, {
      file: path.join(out, asset, 'index.mjs'),
      variables: resource.Properties.Environment?.Variables ?? {},
    });
  }
  return { template: Template.fromJSON(template), functions };
}

/** What a function exports, loaded by a Node that finds no package. */
function exportsOf({ file, variables }: Synthesized): string {
  const environment = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, typeof value === 'string' ? value : '{}']),
  );
  const program = `console.log(Object.keys(await import(${JSON.stringify(file)})).join())`;
  return run(path.dirname(file), process.execPath, ['--input-type=module', '--eval', program], {
    AWS_REGION: 'us-east-1',
    ...environment,
  }).trim();
}

const ids = (functions: ReadonlyMap<string, Synthesized>) =>
  [...functions.keys()].map((id) => id.replace(/[0-9A-F]{8}$/, ''));

const isWithoutKafka = isMissing(hasKafkaClient(root), 'the Kafka client: npm ci under Node 22.19 or newer');

describe.skipIf(cannotRun())('the packed package, in a CDK app of somebody else', () => {
  beforeAll(() => {
    const { tidemark } = pack(place);
    install(folder, [
      tidemark,
      `aws-cdk-lib@${cdk}`,
      `constructs@${constructs}`,
      `typescript@${typescript}`,
      `@types/node@${nodeTypes}`,
    ]);
    writeFileSync(path.join(folder, 'pipeline.ts'), ownPipeline);
    writeFileSync(path.join(folder, 'sinks.ts'), sinksPipeline);
    writeFileSync(path.join(folder, 'each.ts'), eachWindow);
    writeFileSync(path.join(folder, 'app.mjs'), app);
    writeFileSync(path.join(folder, 'app.cjs'), app.replace(/^import (.*) from (.*);$/gm, 'const $1 = require($2);'));
    writeFileSync(path.join(folder, 'app.mts'), app);
    writeFileSync(path.join(folder, 'whole.mjs'), wholeApp);
  });

  it('brings no client of AWS, no emulator and nothing that runs when it is installed, but esbuild', () => {
    const names = installed(folder);
    expect(names.filter((name) => /^@aws-sdk|^@smithy|kinesalite|dynalite|level|hono|kafka/.test(name))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['tidemark', 'esbuild', 'zod']));
  });

  it.each(['app.mjs', 'app.cjs'])(
    'synthesizes from %s, with no context, the functions with the pipeline of that app',
    (file) => {
      const { template, functions } = synthesized(file);
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
      const bundles = [...functions.values()].map((each) => readFileSync(each.file, 'utf8'));
      expect(new Set(bundles).size).toBe(3);
      for (const bundle of bundles) expect(bundle).toContain('eventsOfSomebodyElse');
    },
  );

  it('puts the pipeline language into each function once, so that it is the one that the pipeline was made with', () => {
    for (const { file } of synthesized('app.mjs').functions.values())
      expect(readFileSync(file, 'utf8').match(/^function definePipeline\b/gm)).toHaveLength(1);
  });

  it.skipIf(isWithoutKafka)('synthesizes all that a deployment can choose, into functions that load anywhere', () => {
    const { functions } = synthesized('whole.mjs');
    expect(ids(functions).filter((id) => id.startsWith('CountsSinks'))).toHaveLength(8);
    for (const name of ['CountsAggregate', 'CountsFinalize', 'CountsQuery', 'CountsSourcesIngest', 'OrdersAggregate'])
      expect(ids(functions).some((id) => id.startsWith(name))).toBe(true);
    for (const each of functions.values()) expect(exportsOf(each)).toBe('handler');
    const [, ofEach] = [...functions].find(([id]) => id.startsWith('CountsSinkseach')) ?? [];
    expect(readFileSync(String(ofEach?.file), 'utf8')).toContain('theFunctionOfSomebodyElse');
  });

  it.runIf(isWithoutKafka)('says that it was packed without the functions of a topic of Kafka', () => {
    const { status, stderr } = attempt(folder, process.execPath, ['whole.mjs']);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('source is kafka: this package') });
  });

  it('gives the assets of the same pipeline the same hashes, wherever the app lies', () => {
    const other = path.join(place, 'elsewhere', 'deeper');
    install(other, [
      path.join(place, `tidemark-${manifest.version}.tgz`),
      `aws-cdk-lib@${cdk}`,
      `constructs@${constructs}`,
    ]);
    writeFileSync(path.join(other, 'pipeline.ts'), ownPipeline);
    writeFileSync(path.join(other, 'app.mjs'), app);
    const hashes = (cwd: string) =>
      [...synthesized('app.mjs', cwd).functions.values()].map(({ file }) => path.basename(path.dirname(file)));
    expect(hashes(other)).toEqual(hashes(folder));
  });

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
    run(folder, process.execPath, [
      path.join('node_modules', 'typescript', 'bin', 'tsc'),
      ...options,
      '--skipLibCheck',
      'app.mts',
      'pipeline.ts',
    ]);
    writeFileSync(path.join(folder, 'wrong.mts'), app.replace('shards: 2', "shards: 'two'"));
    expect(() =>
      run(folder, process.execPath, [
        path.join('node_modules', 'typescript', 'bin', 'tsc'),
        ...options,
        '--skipLibCheck',
        'wrong.mts',
      ]),
    ).toThrow(/shards|string/);
  });
});
