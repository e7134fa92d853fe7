import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeStreamSummaryCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis';
import { GetFunctionConfigurationCommand, InvokeCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionName } from '../../functions/core/deployment/settings.ts';
import { type TableName, tables } from '../../functions/core/deployment/tables.ts';
import { emulatorRegion } from '../../infra/emulators/cdk.ts';
import { streamPermissions, tablePermissions } from '../../infra/functions/permissions.ts';
import { allowUser, assume, changeRole, createUser, isAllowed, streamCalls, tableCalls } from './access.ts';
import { type Keys, signedGet } from './signed-call.ts';
import { bootstrap, cdkOf, clientsOf, deploymentOf, openStack, type Stack } from './stack.ts';
import { readTarget } from './target.ts';

const target = await readTarget(process.env);
const isEnforced = target.iam === 'enforced';
const cdk = cdkOf(target);
const root = clientsOf(target);
const deployment = deploymentOf('first', `i${Date.now().toString(36)}`);
const functionNames = ['aggregate', 'finalize', 'query'] as const;
const outputOf = { aggregate: 'AggregateFunction', finalize: 'FinalizeFunction', query: 'QueryFunction' } as const;
const tableOutputs = { state: 'StateTable', windows: 'WindowsTable', rejects: 'RejectsTable' } as const;

let stack: Stack;
let roles: Readonly<Record<FunctionName, string>>;

beforeAll(async () => {
  if (!isEnforced) return;
  await bootstrap(target, cdk);
  stack = openStack(target, await cdk.deploy(deployment));
  const roleOf = async (name: FunctionName) =>
    (await root.lambda.send(new GetFunctionConfigurationCommand({ FunctionName: stack.outputs[outputOf[name]] })))
      .Role ?? '';
  roles = { aggregate: await roleOf('aggregate'), finalize: await roleOf('finalize'), query: await roleOf('query') };
});
afterAll(async () => {
  if (isEnforced) await cdk.destroy(deployment);
});
beforeEach((context) =>
  context.skip(!isEnforced, 'needs an endpoint that enforces IAM (--target ministack starts one)'),
);

describe('the API', () => {
  const get = async (keys: Keys) => (await signedGet(keys)(new URL(`${stack.url}/v1/health`))).status;

  it('answers nobody who does not sign', async () => {
    expect((await fetch(`${stack.url}/v1/health`)).status).toBe(403);
    expect((await fetch(`${stack.url}/v1/health`, { headers: { authorization: 'Bearer nothing' } })).status).toBe(403);
  });

  it('answers nobody who signs with a wrong secret, or is not entitled, and whoever is', async () => {
    const name = `reader-${deployment.stage}`;
    const keys = await createUser(target, name);
    expect(await get(keys)).toBe(403);
    const Resource = `arn:aws:execute-api:${emulatorRegion}:000000000000:${stack.outputs['ApiId']}/*/GET/*`;
    await allowUser(target, name, { Effect: 'Allow', Action: 'execute-api:Invoke', Resource });
    expect(await get(keys)).toBe(200);
    expect(await get({ ...keys, secretAccessKey: 'x'.repeat(40) })).toBe(403);
  });

  it('needs the rights of its function: without them it fails, so that the role is what decides', async () => {
    const conservation = async () => (await stack.get('conservation')).status;
    expect(await conservation()).toBe(200);
    const restore = await changeRole(target, roles.query, { Effect: 'Deny', Action: 'dynamodb:Query', Resource: '*' });
    expect(await conservation()).toBe(500);
    await restore();
    while ((await conservation()) !== 200) await sleep(100);
  });
});

describe.each(functionNames)('the role of %s', (name) => {
  it.each(Object.keys(tables) as TableName[])('has its actions on the table %s and no others', async (table) => {
    const { dynamodb } = clientsOf(target, await assume(target, roles[name]));
    const allowed: string[] = [];
    for (const [action, call] of Object.entries(tableCalls))
      if (await isAllowed(call(dynamodb, stack.outputs[tableOutputs[table]] ?? '', tables[table])))
        allowed.push(action);
    // Query may update the item of its cursors' secret. ministack does not know the key of a call, so its condition
    // holds for all items.
    const conditional = name === 'query' && table === 'state' ? ['UpdateItem'] : [];
    expect(allowed).toEqual([...tablePermissions[name][table], ...conditional].sort());
  });

  it('has its actions on the stream and no others', async () => {
    const StreamName = stack.outputs['StreamName'] ?? '';
    const { kinesis } = clientsOf(target, await assume(target, roles[name]));
    const { ShardIterator = '' } = await root.kinesis.send(
      new GetShardIteratorCommand({ StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'LATEST' }),
    );
    const { StreamDescriptionSummary } = await root.kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
    const stream = { StreamName, StreamARN: StreamDescriptionSummary?.StreamARN ?? '', ShardIterator };
    const allowed: string[] = [];
    for (const [action, call] of Object.entries(streamCalls))
      if (await isAllowed(call(kinesis, stream))) allowed.push(`kinesis:${action}`);
    expect(allowed).toEqual([...streamPermissions[name]].sort());
  });

  it('invokes finalize if it is the role of aggregate, or of finalize itself, and nothing else', async () => {
    const { lambda } = clientsOf(target, await assume(target, roles[name]));
    const allowed: string[] = [];
    for (const other of functionNames) {
      const FunctionName = stack.outputs[outputOf[other]];
      if (await isAllowed(lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }))))
        allowed.push(other);
    }
    // Aggregate asks for an epoch, and finalize for others that take its tasks.
    expect(allowed).toEqual(name === 'query' ? [] : ['finalize']);
  });
});
