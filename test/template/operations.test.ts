import { readFileSync } from 'node:fs';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { expect, it } from 'vitest';
import { synth } from './synth.ts';

const runbook = readFileSync('docs/OPERATIONS.md', 'utf8');

it('each alarm has its section in the runbook, and each section of an alarm an alarm', () => {
  const { counts, template } = synth((stack) => ({
    pipeline: 'test/template/fixtures/sinks.ts',
    ingest: true,
    objects: { bucket: Bucket.fromBucketName(stack, 'Bucket', 'objects'), notifiedBy: 'app' },
    changes: {
      table: Table.fromTableAttributes(stack, 'Table', {
        tableName: 'orders',
        tableStreamArn: 'arn:aws:dynamodb:us-east-1:0:table/orders/stream/x',
      }),
    },
  }));
  const names = [...(counts.alarms?.byName.keys() ?? [])];
  const alarms = [...new Set(names.map((name) => name.split(' ')[0] ?? name))];
  const [, section = ''] = /## Alarms\n([\s\S]*?)\n## /.exec(runbook) ?? [];
  expect([...section.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)).toEqual(alarms);
  for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm')))
    expect(Properties.AlarmDescription).toMatch(
      new RegExp(`docs/OPERATIONS\\.md#(${alarms.join('|').toLowerCase()})$`),
    );
});

it.each([
  ['grantPut', ['kinesis:ListShards', 'kinesis:PutRecord', 'kinesis:PutRecords']],
  ['grantOperate', 'lambda:InvokeFunction'],
  ['grantIngest', 'execute-api:Invoke'],
  ['grantInvoke', 'execute-api:Invoke'],
  ['grantRead', ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query']],
] as const)('%s allows what the runbook says, on one resource', (grant, actions) => {
  const { stack, counts } = synth();
  const person = new Role(stack, 'Operator', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  counts[grant](person);
  const statement = person.node
    .findChild('DefaultPolicy')
    .node.findAll()
    .flatMap((node) => ('document' in node ? [stack.resolve(node.document)] : []))[0]?.Statement;
  expect(statement).toHaveLength(1);
  expect(statement[0]).toMatchObject({ Effect: 'Allow', Action: actions });
});

it('an alarm looks at the late share of each query, of what that query wants', () => {
  const { template, counts } = synth(() => ({ pipeline: 'test/template/fixtures/two-queries.ts' }));
  const names = [...(counts.alarms?.byName.keys() ?? [])].filter((name) => name.startsWith('LateShare'));
  expect(names).toEqual(['LateShare byHour', 'LateShare byDay']);
  const looked = Object.values(template.findResources('AWS::CloudWatch::Alarm'))
    .map(({ Properties }) => Properties.Metrics ?? [])
    .map((metrics) => metrics.map(({ MetricStat }: { MetricStat?: { Metric: object } }) => MetricStat?.Metric))
    .filter((metrics) => JSON.stringify(metrics).includes('pairsLate'))
    .map((metrics) =>
      metrics.flatMap((metric?: { MetricName: string; Dimensions: { Name: string; Value: string }[] }) =>
        metric === undefined
          ? []
          : `${metric.MetricName} ${metric.Dimensions.find(({ Name }) => Name === 'query')?.Value}`,
      ),
    );
  expect(looked.map((metrics) => metrics.sort())).toEqual([
    ['pairsCounted byHour', 'pairsLate byHour'],
    ['pairsCounted byDay', 'pairsLate byDay'],
  ]);
});
