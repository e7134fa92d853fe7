import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Stream, StreamEncryption } from 'aws-cdk-lib/aws-kinesis';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, it } from 'vitest';
import { kafka } from '../../infra/sources/kafka-source.ts';
import { type Changes, newApp, stackIn } from './synth.ts';

const out = mkdtempSync(join(tmpdir(), 'tidemark-nag-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** The rules that cdk-nag finds broken and that nobody has acknowledged. */
function findings(name: string, changes: Changes): readonly string[] {
  const folder = join(out, name);
  const app = newApp({ 'aws:cdk:bundling-stacks': [] }, folder);
  stackIn(app, changes);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  // Synthesis ends with an error when a rule of weight is broken. The report lists all of them.
  try {
    app.synth();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ValidationFailed')) throw error;
  }
  const report: { pluginReports: { violations: { ruleName: string }[] }[] } = JSON.parse(
    readFileSync(join(folder, 'validation-report.json'), 'utf8'),
  );
  return report.pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
}

it('leaves no finding of cdk-nag open', () => {
  expect(findings('plain', () => ({}))).toEqual([]);
});

it('leaves no finding of cdk-nag open about the sinks that it makes', () => {
  expect(findings('sinks', () => ({ pipeline: 'test/template/fixtures/sinks.ts' }))).toEqual([]);
});

it('leaves none open of a topic in a VPC, with secrets', () => {
  const found = findings('kafka', (stack) => {
    const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-1',
      availabilityZones: ['a'],
      privateSubnetIds: ['subnet-1'],
      privateSubnetRouteTableIds: ['rtb-1'],
    });
    const secret = Secret.fromSecretCompleteArn(
      stack,
      'User',
      'arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_user-abcdef',
    );
    const clusterArn = 'arn:aws:kafka:us-east-1:123456789012:cluster/orders/abcd1234-abcd-cafe-abab-9876543210ab-4';
    return {
      source: kafka({
        topic: 'orders',
        bootstrapServers: ['b-1.example.com:9096'],
        clusterArn,
        authentication: 'scram-512',
        secret,
        vpc,
      }),
    };
  });
  expect(found).toEqual([]);
});

it('leaves no finding of cdk-nag open about its sources', () => {
  const found = findings('sources', (stack) => ({
    ingest: true,
    // The app judges its own buckets and the CDK's function that notifies.
    objects: { bucket: Bucket.fromBucketName(stack, 'Bucket', 'theirs'), prefix: 'in/', notifiedBy: 'app' },
    changes: {
      table: Table.fromTableAttributes(stack, 'Table', {
        tableName: 'orders',
        tableStreamArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/x',
      }),
    },
  }));
  expect(found).toEqual([]);
});

it('leaves the findings about other resources to their owners', () => {
  const unencrypted = findings('stream', (stack) => {
    new Stream(stack, 'Plain', { encryption: StreamEncryption.UNENCRYPTED });
    return {};
  });
  expect(unencrypted).toEqual(['AwsSolutions-KDS1']);
});
