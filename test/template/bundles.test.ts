import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib/core';
import { afterAll, describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { type FunctionName, functions } from '../../functions/core/deployment/settings.ts';
import { hasKafkaClient } from '../../infra/bundle/functions.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { EventTimeAggregation, type EventTimeAggregationProps } from '../../infra/event-time-aggregation.ts';
import { kafka } from '../../infra/sources/kafka-source.ts';
import { isMissing } from '../fixtures/needs.ts';
import { newApp } from './synth.ts';

const out = mkdtempSync(join(tmpdir(), 'tidemark-bundles-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/**
 * Bounds in bytes, most of which are the AWS SDK's clients. They are a tenth more than measured, so that an unwanted
 * addition is noticed.
 */
const mostBytes: Readonly<Record<FunctionName, number>> = {
  aggregate: 2_050_000,
  finalize: 2_100_000,
  query: 2_150_000,
};

/**
 * The bytes that the client of Kafka, which is plain JavaScript, adds to a function in place of Kinesis's client. The
 * bound is a tenth more than measured.
 */
const kafkaBytes = 1_000_000;

const clients = {
  kinesis: '// node_modules/@aws-sdk/client-kinesis/',
  kafka: '// node_modules/@platformatic/kafka/',
} as const;

/** The clients in a bundle, by the comments in which esbuild names the files that it took. */
function clientsIn(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  return Object.entries(clients).flatMap(([name, comment]) => (text.includes(comment) ? [name] : []));
}

/** A stack with Tidemark's own functions and a pipeline, bundled. */
function bundled(name: string, pipeline: string, props: Partial<EventTimeAggregationProps> = {}) {
  const app = newApp({ 'aws:cdk:enable-asset-metadata': true }, join(out, name));
  const stack = new Stack(app, 'Tidemark');
  const counts = new EventTimeAggregation(stack, 'Counts', { pipeline, alarms: false, ...props });
  app.synth();
  const { Resources } = Template.fromStack(stack).toJSON();
  const file = (of: FunctionName): string => {
    const { Ref } = stack.resolve(counts.functions[of].functionName);
    return join(out, name, Resources[Ref].Metadata['aws:asset:path'], 'index.mjs');
  };
  return { stack, file };
}

/** A pipeline in a folder outside the package, with the statement that imports zod. */
function pipelineWith(name: string, zodImport: string): string {
  const file = join(out, `${name}.ts`);
  writeFileSync(
    file,
    `import { count, definePipeline, tumbling } from 'tidemark';
${zodImport}
export default definePipeline({
  name: 'outside', event: z.object({ time: z.number() }), eventTime: (event) => event.time, watermark: { delay: 0 },
  queries: { all: { groupBy: [], window: tumbling('1 hour'), aggregates: { n: count() } } },
});
`,
  );
  return file;
}

describe("the functions' bundles", () => {
  const { stack, file } = bundled('own', 'pipelines/device-actions.ts');

  it.each(Object.keys(functions) as FunctionName[])('of %s is small, and its own', (name) => {
    expect(statSync(file(name)).size).toBeLessThan(mostBytes[name]);
    expect(readFileSync(file(name), 'utf8')).toContain(`// functions/${name}.ts\n`);
  });

  it('hold the client of their source and of no other', () => {
    const own = (name: FunctionName) => clientsIn(file(name));
    expect({ aggregate: own('aggregate'), finalize: own('finalize'), query: own('query') }).toEqual({
      aggregate: ['kinesis'],
      finalize: ['kinesis'],
      query: [],
    });
  });

  it.skipIf(isMissing(hasKafkaClient(findPackageRoot()), 'the Kafka client: npm ci under Node 22.19 or newer'))(
    "hold the client of a topic's brokers in place of the stream's",
    () => {
      const clusterArn = 'arn:aws:kafka:us-east-1:123456789012:cluster/orders/abcd1234-abcd-cafe-abab-9876543210ab-4';
      const source = kafka({ topic: 'orders', bootstrapServers: ['b-1.example.com:9098'], clusterArn });
      const { file: ofTopic } = bundled('kafka', 'pipelines/device-actions.ts', { source });
      for (const name of ['aggregate', 'finalize'] as const) {
        expect(clientsIn(ofTopic(name))).toEqual(['kafka']);
        expect(statSync(ofTopic(name)).size).toBeLessThan(mostBytes[name] + kafkaBytes);
      }
      expect(clientsIn(ofTopic('query'))).toEqual([]);
    },
  );

  it("hold none of zod's translations when zod is imported as a namespace", () => {
    Annotations.fromStack(stack).hasNoInfo('*', Match.stringLikeRegexp('zod'));
  });
});

describe('the bundles of a pipeline with sinks', () => {
  const app = newApp({ 'aws:cdk:enable-asset-metadata': true }, join(out, 'sinks'));
  const stack = new Stack(app, 'Tidemark');
  const counts = new EventTimeAggregation(stack, 'Counts', {
    pipeline: 'test/template/fixtures/sinks.ts',
    alarms: false,
  });
  app.synth();
  const { Resources } = Template.fromStack(stack).toJSON();
  const text = (functionName: string) =>
    readFileSync(
      join(out, 'sinks', Resources[stack.resolve(functionName).Ref].Metadata['aws:asset:path'], 'index.mjs'),
      'utf8',
    );
  const holds = (bundle: string) => ({
    clients: [
      ...new Set(
        [...bundle.matchAll(/^\/\/ node_modules\/@aws-sdk\/client-([a-z0-9-]+)\/dist-es\/\w+Client\.js$/gm)].map(
          ([, client]) => client,
        ),
      ),
    ].sort(),
    targets: [
      ...new Set(
        [
          ...bundle.matchAll(
            /^\/\/ functions\/sinks\/(event-bridge|kinesis|sqs|sns|webhook|s3|dynamodb|for-each-window)\.ts$/gm,
          ),
        ].map(([, file]) => file),
      ),
    ],
    each: bundle.includes('only in the function of its own sink'),
  });

  it.each<[string, readonly string[], string]>([
    ['bus', ['dynamodb', 'eventbridge'], 'event-bridge'],
    ['stream', ['dynamodb', 'kinesis'], 'kinesis'],
    ['queue', ['dynamodb', 'sqs'], 'sqs'],
    ['topic', ['dynamodb', 'sns'], 'sns'],
    ['hook', ['dynamodb', 'secrets-manager'], 'webhook'],
    ['bucket', ['dynamodb', 's3'], 's3'],
    ['table', ['dynamodb'], 'dynamodb'],
    ['each', ['dynamodb'], 'for-each-window'],
  ])('%s holds the clients %j and its own target, and no other', (sink, clients, target) => {
    expect(holds(text(counts.sinks[sink]?.functionName ?? ''))).toEqual({
      clients,
      targets: [target],
      each: sink === 'each',
    });
  });

  it('of the other functions hold nothing of any sink', () => {
    for (const own of Object.values(counts.functions))
      expect(holds(text(own.functionName))).toMatchObject({ targets: [], each: false });
    expect(holds(text(counts.functions.finalize.functionName)).clients).toEqual(['dynamodb', 'kinesis', 'lambda']);
  });
});

it("says so when a pipeline takes all of zod's translations along", () => {
  const { stack } = bundled('locales', pipelineWith('locales', "import { z } from 'zod';"));
  Annotations.fromStack(stack).hasInfo('*', Match.stringLikeRegexp("import \\* as z from 'zod'"));
});

it('ends in one line with the place when the pipeline does not compile', () => {
  const broken = () => bundled('broken', pipelineWith('broken', 'import {'));
  expect(broken).toThrow(TidemarkError);
  expect(broken).toThrow(/broken\.ts:3:\d+: [^\n]+$/);
});
