import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { Key } from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { type FunctionName, functions } from '../../functions/core/deployment/settings.ts';
import { type Synthesized, synth } from './synth.ts';

/** The metrics of an account have no resources. */
const history = ['cloudwatch:GetMetricData'];

/** The permissions, written out a second time on purpose: a larger grant has to be written in two places. */
const expected: Readonly<Record<FunctionName, Readonly<Record<string, readonly string[]>>>> = {
  aggregate: {
    log: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    finalize: ['lambda:InvokeFunction'],
    state: ['dynamodb:BatchWriteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
    rejects: ['dynamodb:BatchWriteItem'],
    stream: [
      'kinesis:DescribeStream',
      'kinesis:DescribeStreamSummary',
      'kinesis:GetRecords',
      'kinesis:GetShardIterator',
      'kinesis:ListShards',
    ],
  },
  finalize: {
    log: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    // Invocations of its own, which take tasks beside it.
    finalize: ['lambda:InvokeFunction'],
    state: [
      'dynamodb:BatchWriteItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ],
    windows: [
      'dynamodb:BatchWriteItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
    ],
    stream: ['kinesis:DescribeStreamSummary', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'],
    rejects: ['dynamodb:Query', 'dynamodb:UpdateItem'],
  },
  query: {
    '"*"': history,
    log: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    // It updates one partition only, see below.
    state: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
    windows: ['dynamodb:GetItem', 'dynamodb:Query'],
    rejects: ['dynamodb:Query'],
  },
};

const plain = synth();
const withKey = synth((stack) => ({ stream: new Stream(stack, 'Own', { encryptionKey: new Key(stack, 'Key') }) }));

describe('the permissions', () => {
  it.each(Object.keys(functions) as FunctionName[])('of %s are these actions on these resources', (name) => {
    expect(permissionsOf(plain, name)).toEqual(expected[name]);
  });

  it('name every action and resource, and no policy of others', () => {
    for (const { Action, Resource } of statements(plain))
      if (JSON.stringify([Action].flat()) !== JSON.stringify(history))
        expect(JSON.stringify([Action, Resource])).not.toContain('*');
    const roles = Object.values(plain.template.findResources('AWS::IAM::Role'));
    const ofOthers = roles.filter(({ Properties }) => Properties.ManagedPolicyArns !== undefined);
    // This is the role with which API Gateway writes logs. It is not a role of a function.
    expect(ofOthers.map(({ Properties }) => Properties.AssumeRolePolicyDocument.Statement[0].Principal)).toEqual([
      { Service: 'apigateway.amazonaws.com' },
    ]);
  });

  it('let query write what its cursors are signed with, and nothing else', () => {
    const own = statements(plain, String(plain.stack.resolve(plain.counts.functions.query.role?.roleName)['Ref']));
    const writes = own.filter(({ Action }) =>
      [Action].flat().some((action) => /Put|Update|Delete|Write/.test(action) && action.startsWith('dynamodb:')),
    );
    expect(writes.map(({ Action, Condition }) => [Action, Condition])).toEqual([
      ['dynamodb:UpdateItem', { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['secret'] } }],
    ]);
  });

  it.each(['aggregate', 'finalize'] as const)(
    "let %s decrypt a stream that is encrypted with the user's key",
    (name) => {
      expect(permissionsOf(withKey, name)['key']).toEqual(['kms:Decrypt']);
    },
  );

  it("do not let query use the user's key", () => {
    expect(permissionsOf(withKey, 'query')['key']).toBeUndefined();
  });
});

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

function statements({ template }: Synthesized, role?: string): readonly Statement[] {
  return Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => role === undefined || Properties.Roles.some((ref: { Ref: string }) => ref.Ref === role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

/**
 * Allowed actions by the name of the resource in this file, sorted. An unknown resource is named by its JSON, so that
 * the test fails.
 */
function permissionsOf(synthesized: Synthesized, name: FunctionName): Record<string, string[]> {
  const { stack, counts } = synthesized;
  const grantee = counts.functions[name];
  const names = new Map(
    Object.entries({
      log: grantee.logGroup.logGroupArn,
      finalize: counts.functions.finalize.functionArn,
      state: counts.tables.state.tableArn,
      windows: counts.tables.windows.tableArn,
      rejects: counts.tables.rejects.tableArn,
      stream: counts.stream.streamArn,
      ...(counts.stream.encryptionKey === undefined ? {} : { key: counts.stream.encryptionKey.keyArn }),
    }).map(([label, arn]) => [JSON.stringify(stack.resolve(arn)), label]),
  );
  const found: Record<string, string[]> = {};
  for (const { Effect, Action, Resource } of statements(synthesized, stack.resolve(grantee.role?.roleName).Ref)) {
    expect(Effect).toBe('Allow');
    for (const resource of [Resource].flat()) {
      const label = names.get(JSON.stringify(resource)) ?? JSON.stringify(resource);
      found[label] = [...(found[label] ?? []), ...[Action].flat()].sort();
    }
  }
  return found;
}
