import path from 'node:path';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { App, Stack } from 'aws-cdk-lib/core';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { addDeployment } from '../../infra/deployment.ts';
import { EventTimeAggregation } from '../../infra/event-time-aggregation.ts';
import { kafka } from '../../infra/sources/kafka-source.ts';

/** A stack whose template is checked. */
export interface LintedStack {
  readonly name: string;
  /** Adds the stack to an app. @param root the package's folder */
  add(app: App, root: string): void;
  readonly context: Readonly<Record<string, string>>;
}

const deployed = (name: string, context: Readonly<Record<string, string>>): LintedStack => ({
  name,
  context,
  add: (app, root) => void addDeployment(app, root),
});

const account = '111111111111';

/**
 * Stacks that together have every resource that the app and the construct make: both kinds of stream, all sources, all
 * sinks, a table that is there already, and no operations.
 */
export const lintedStacks: readonly LintedStack[] = [
  deployed('the usual one', {}),
  deployed('production with every source', {
    pipeline: 'pipelines/sales.ts',
    stage: 'prod',
    shards: '4',
    streamRetention: '3 days',
    tracing: 'true',
    ingest: 'true',
    alarmTopic: `arn:aws:sns:us-east-1:${account}:alarms`,
    objectsBucket: 'incoming',
    objectsPrefix: 'orders/',
    changesStream: `arn:aws:dynamodb:us-east-1:${account}:table/orders/stream/2026-01-01T00:00:00.000`,
  }),
  deployed('every sink', { pipeline: 'test/template/fixtures/sinks.ts' }),
  deployed('a sink of its own', { pipeline: 'examples/postgresql/pipeline.ts', architecture: 'x86_64' }),
  deployed('a restored table, without operations', {
    pipeline: 'pipelines/clicks-by-session.ts',
    windowsTable: 'restored',
    operations: 'false',
    objectsBucket: 'incoming',
    objectsNotifiedBy: 'app',
  }),
  { name: 'a topic of MSK, and one of another cluster', context: {}, add: addKafka },
];

/** Two pipelines in one stack, with the construct as docs/SOURCES.md shows it. */
function addKafka(app: App, root: string): void {
  const stack = new Stack(app, 'Kafka');
  // The CDK's own classes do not match its interfaces for a compiler that distinguishes missing from undefined.
  const vpc = new Vpc(stack, 'Vpc', { natGateways: 1 }) as IVpc;
  const secret = (id: string) => new Secret(stack, id) as ISecret;
  const topic = { topic: 'orders', bootstrapServers: ['b-1.example.com:9098', 'b-2.example.com:9098'] };
  const clusterArn = `arn:aws:kafka:us-east-1:${account}:cluster/orders/abcd1234-abcd-cafe-abab-9876543210ab-4`;
  new EventTimeAggregation(stack, 'Msk', {
    pipeline: path.join(root, 'pipelines/device-actions.ts'),
    source: kafka({ ...topic, clusterArn, vpc }),
  });
  new EventTimeAggregation(stack, 'SelfManaged', {
    pipeline: path.join(root, 'pipelines/leaderboard.ts'),
    source: kafka({
      ...topic,
      authentication: 'scram-512',
      secret: secret('User'),
      rootCertificate: secret('Authority'),
      vpc,
      securityGroups: [new SecurityGroup(stack, 'Pollers', { vpc })],
    }),
  });
}

/**
 * Writes the templates of a stack. Functions are not bundled: nothing of a template depends on their code.
 * @returns the files of the templates
 */
export function templatesOf({ context, add }: LintedStack, root: string, outdir: string): readonly string[] {
  const app = new App({
    context: { ...cdkJson.context, ...context, 'aws:cdk:bundling-stacks': [] },
    builtinCloudFormationValidation: false,
    treeMetadata: false,
    outdir,
  });
  add(app, root);
  return app.synth().stacks.map(({ templateFullPath }) => templateFullPath);
}
