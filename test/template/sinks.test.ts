import { Match } from 'aws-cdk-lib/assertions';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import type { EventTimeAggregationProps } from '../../infra/event-time-aggregation.ts';
import { type Changes, type Synthesized, synth } from './synth.ts';

const pipeline = 'test/template/fixtures/sinks.ts';
const withSinks = (changes: Changes = () => ({})) => synth((stack) => ({ pipeline, ...changes(stack) }));

/** The permissions of each sink besides those of all sinks, written out a second time on purpose. */
const expected: Readonly<Record<string, readonly string[]>> = {
  bus: ['events:PutEvents'],
  stream: ['kinesis:PutRecord'],
  queue: ['sqs:SendMessage'],
  topic: ['sns:Publish'],
  hook: ['secretsmanager:GetSecretValue'],
  bucket: ['s3:PutObject', 's3:GetObject'],
  table: ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
  each: [],
};

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

function statements({ template, stack, counts }: Synthesized, sink: string): readonly Statement[] {
  const { Ref } = stack.resolve(counts.sinks[sink]?.role?.roleName);
  return Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => Properties.Roles.some((role: { Ref: string }) => role.Ref === Ref))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

describe('a pipeline with sinks', () => {
  const made = withSinks();

  it.each(Object.entries(expected))(
    'lets the function of %s do %j at its target, and to the tables what all sinks may',
    (sink, actions) => {
      const own = statements(made, sink).map(({ Action }) => [Action].flat());
      const shared = [
        ['logs:CreateLogStream', 'logs:PutLogEvents'],
        ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
        ['dynamodb:GetItem', 'dynamodb:Query'],
      ];
      expect(own.flat().sort()).toEqual([...shared.flat(), ...actions].sort());
      const state = statements(made, sink).find(({ Condition }) => Condition !== undefined);
      expect(state?.Condition).toEqual({
        'ForAllValues:StringLike': {
          'dynamodb:LeadingKeys': [`sink#${sink}`, `outbox#${sink}#*`, `dead#${sink}#*`, `sent#${sink}#*`],
        },
      });
    },
  );

  it('tells finalize the functions, which it may invoke, and runs each by the minute', () => {
    const { template, stack, counts } = made;
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({
          [environmentNames.finalize]: Match.absent(),
          [environmentNames.sinks]: Match.anyValue(),
        }),
      },
    });
    template.resourcePropertiesCountIs(
      'AWS::Events::Rule',
      { ScheduleExpression: 'rate(1 minute)' },
      1 + Object.keys(expected).length,
    );
    const invoked = Object.values(template.findResources('AWS::IAM::Policy'))
      .filter(({ Properties }) =>
        Properties.Roles.some(
          (role: { Ref: string }) => role.Ref === stack.resolve(counts.functions.finalize.role?.roleName).Ref,
        ),
      )
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .filter(({ Action }) => Action === 'lambda:InvokeFunction');
    // Itself too, for the tasks of an epoch.
    const functions = [...Object.values(counts.sinks), counts.functions.finalize].map(({ functionArn }) =>
      JSON.stringify(stack.resolve(functionArn)),
    );
    const resources = invoked.flatMap(({ Resource }) => Resource).map((one: unknown) => JSON.stringify(one));
    expect(resources.sort()).toEqual(functions.sort());
  });

  it('has alarms for a backlog, for dead letters and for functions that fail', () => {
    expect([...(made.counts.alarms?.byName.keys() ?? [])]).toEqual(
      expect.arrayContaining(['SinkBacklog', 'SinkDeadLetters', 'DeliverErrors']),
    );
  });

  it('delivers to what its sinks are bound to, and makes no other', () => {
    const bound = withSinks((stack) => ({
      sinks: {
        queue: new Queue(stack, 'Mine', { fifo: true }),
        hook: { url: 'https://example.org/other' },
        each: { environment: { PGHOST: 'db' }, vpc: new Vpc(stack, 'Vpc', { natGateways: 0 }) as IVpc },
      },
    }));
    bound.template.resourceCountIs('AWS::SQS::Queue', 1);
    const variables = (of: Readonly<Record<string, unknown>>) => ({ Environment: { Variables: Match.objectLike(of) } });
    bound.template.hasResourceProperties(
      'AWS::Lambda::Function',
      variables({ [environmentNames.sinkTarget]: 'https://example.org/other' }),
    );
    bound.template.hasResourceProperties('AWS::Lambda::Function', {
      ...variables({ PGHOST: 'db' }),
      VpcConfig: Match.anyValue(),
    });
    expect(statements(bound, 'each').flatMap(({ Action }) => Action)).toContain('ec2:CreateNetworkInterface');
  });

  it.each<[string, Partial<EventTimeAggregationProps>]>([
    ['a sink that the pipeline does not have', { sinks: { nobody: {} } }],
    ['a webhook address without TLS', { sinks: { hook: { url: 'http://example.com' } } }],
    ['something else than a queue for one', { sinks: { queue: { url: 'https://example.com' } } }],
    ['a sink that only this machine serves', { pipeline: 'test/fixtures/sinks/pipeline.ts' }],
  ])('refuses %s', (_what, props) => {
    expect(() => withSinks(() => props)).toThrow(TidemarkError);
  });
});

it('has no function, rule, alarm or variable of sinks when the pipeline has none', () => {
  const { template, counts } = synth();
  expect(counts.sinks).toEqual({});
  template.resourceCountIs('AWS::Events::Rule', 1);
  expect(JSON.stringify(template.toJSON())).not.toMatch(/TIDEMARK_SINK|Deliver/);
});
