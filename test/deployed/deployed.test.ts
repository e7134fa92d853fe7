import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteTableCommand, DescribeTableCommand, ScanCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteStreamCommand, DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { beforeAll, describe, expect, it } from 'vitest';
import { openApi } from '../../cli/deployment/api-options.ts';
import type { WindowJson } from '../../functions/api/window-json.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { Counters } from '../../functions/core/events/counters.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import { EmulatorError } from '../../infra/emulators/emulator-error.ts';
import { eventJson } from '../../infra/local/mapping/kinesis-event.ts';
import { allowIterators } from './access.ts';
import { beginMs, event, hourMs, ordinary, poison, type Sent } from './events.ts';
import { expectedOf, plain } from './oracle.ts';
import changedCode from './pipelines/changed-code/deployed.ts';
import changedQueries from './pipelines/changed-queries/deployed.ts';
import first from './pipelines/first/deployed.ts';
import { aggregateInvocations, redeliver } from './redelivery.ts';
import { bootstrap, cdkOf, clientsOf, deploymentOf, openStack, type Stack } from './stack.ts';
import { readTarget } from './target.ts';

const target = await readTarget(process.env);
const cdk = cdkOf(target);
const clients = clientsOf(target);
const random = seededRandom(5);
/** The stage of this run alone, because other stacks may be there. Only stage prod keeps anything. */
const stage = `t${Date.now().toString(36)}`;
const since = Date.now();

let stack: Stack;
let withdraw: () => Promise<void>;
/** The events that were put: those in time, and the number of each other outcome. */
const put = { inTime: [] as string[], late: 0, rejected: 0 };

async function putInTime(records: readonly Sent[]): Promise<void> {
  await stack.put(records);
  put.inTime.push(...records.map(({ data }) => data));
}

/** The counters expected once everything put is committed. */
function countersExpected(pipeline: Pipeline): Counters {
  const { counters } = expectedOf(pipeline, put.inTime);
  const { late, rejected } = put;
  return {
    ...counters,
    received: counters.received + late + rejected,
    late: counters.late + late,
    rejected: counters.rejected + rejected,
  };
}

/** Waits until all events that were put have been received, and checks that each is where it belongs. */
async function settled(pipeline: Pipeline): Promise<void> {
  const expected = countersExpected(pipeline);
  await until(async () => (await stack.api.conservation()).received >= expected.received);
  expect(await stack.api.conservation()).toMatchObject({ ...expected, holds: true });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(250);
}

async function snapshot() {
  const queries = await stack.api.queries();
  const windows = await Promise.all(queries.map(({ name }) => stack.api.windows(name, {})));
  return {
    windows,
    conservation: await stack.api.conservation(),
    late: await stack.api.late({ from: since - hourMs, to: since + 24 * hourMs }),
  };
}

const finals = async () => (await stack.api.windows('byKind', { status: 'final' })).map(plain);
const windowsExpected = (pipeline: Pipeline, through = Number.POSITIVE_INFINITY) =>
  expectedOf(pipeline, put.inTime).windows.filter(({ query, end }) => query === 'byKind' && end <= through);

const json = async (path: string) =>
  (await (await stack.get(path)).json()) as { windows: WindowJson[]; cursor: string | null };

beforeAll(() => bootstrap(target, cdk));

describe(`deployed to ${target.kind}, IAM ${target.iam}`, () => {
  it('deploys from nothing, and answers', async () => {
    stack = openStack(target, await cdk.deploy(deploymentOf('first', stage)));
    const answer = await stack.get('health');
    expect(await answer.json()).toMatchObject({ pipeline: 'deployed', status: 'ok', keyed: false });
    expect(await stack.api.conservation()).toMatchObject({ received: 0, holds: true, shards: 0 });
    const { Configuration } = await clients.lambda.send(
      new GetFunctionCommand({ FunctionName: stack.outputs['FinalizeFunction'] }),
    );
    withdraw = await allowIterators(target, Configuration?.Role ?? '');
  });

  it('counts what is put, and shows open windows as one pass over the events gives them', async () => {
    await putInTime([...ordinary(random, beginMs, 6, 2000), { data: event(beginMs + 8 * hourMs, 'a'), shard: 0 }]);
    await settled(first);
    expect((await stack.api.windows('byKind', {})).map(plain)).toEqual(windowsExpected(first));
  });

  it('emits the finals of what both shards have passed', async () => {
    // One shard is at eight hours, the other one just before six, less ten minutes.
    await until(async () => (await finals()).length >= 5);
    expect((await finals()).slice(0, 5)).toEqual(windowsExpected(first, beginMs + 5 * hourMs));
  });

  it('emits the finals of a stream in which nothing comes any more, by the schedule', async () => {
    await until(async () => (await finals()).length >= 6);
    expect(await finals()).toEqual(windowsExpected(first, beginMs + 7 * hourMs));
    expect((await stack.api.watermark()).watermark).toBe(beginMs + 8 * hourMs - 600_000);
  });

  it('leaves finals alone when late events come, which go to the side output', async () => {
    const before = await finals();
    await stack.put([1, 2, 3].map((hour) => ({ data: event(beginMs + hour * hourMs, 'a', 1000), shard: 0 })));
    put.late += 3;
    await settled(first);
    expect(await finals()).toEqual(before);
    const { late } = await snapshot();
    expect(late.map(({ reason, query, eventTime }) => [reason, query, eventTime])).toEqual(
      [1, 2, 3].map((hour) => ['late', 'byKind', beginMs + hour * hourMs]),
    );
  });

  it('answers through API Gateway: ranges, pages, totals, problems', async () => {
    const page = await json('queries/byKind/windows?limit=2&status=final');
    expect(page.windows).toHaveLength(2);
    const rest = await json(`queries/byKind/windows?limit=4&status=final&cursor=${page.cursor}`);
    expect([...page.windows, ...rest.windows].map(plain)).toEqual(windowsExpected(first, beginMs + 6 * hourMs));
    const encoded = encodeURIComponent('{"kind":"b"}');
    const one = await json(`queries/byKind/windows?key=${encoded}&to=2026-01-01T01%3A00%3A00Z`);
    expect(one.windows.map(({ rows }) => rows.map(({ key }) => key))).toEqual([[{ kind: 'b' }]]);
    const [total] = await stack.api.totals('byKind', { by: '' });
    expect(total?.values['n']).toBe(countersExpected(first).counted);
    expect(await (await openApi({ port: undefined, endpoint: undefined, api: stack.url })).conservation()).toEqual(
      await stack.api.conservation(),
    );
    const refused = await stack.get('queries/byKind/windows?from=yesterday');
    expect([refused.status, refused.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(await refused.json()).toMatchObject({ parameter: 'from', instance: '/v1/queries/byKind/windows' });
    expect((await stack.get('queries/nobody/windows')).status).toBe(404);
  });

  it('counts nothing twice when batches are delivered again', async () => {
    const before = await snapshot();
    for (const records of await stack.records()) {
      expect(records.length).toBeGreaterThan(0);
      for (const batch of [records, records.slice(0, 7), records.slice(3), records.slice(-1)])
        expect(await stack.invoke('aggregate', eventJson(batch))).toEqual({ batchItemFailures: [] });
    }
    expect(await snapshot()).toEqual(before);
  });

  it('counts nothing twice when an update of the event source mapping has everything delivered again in other batches', async () => {
    const before = await snapshot();
    const groups = [
      (await clients.lambda.send(new GetFunctionCommand({ FunctionName: stack.outputs['AggregateFunction'] })))
        .Configuration?.LoggingConfig?.LogGroup,
    ];
    const invocations = () =>
      aggregateInvocations(
        target,
        stack,
        groups.filter((name) => name !== undefined),
      );
    const already = await invocations();
    const batchSize = 33;
    const records = (await stack.records()).flat().length;
    const redelivery = await redeliver(target, clients.lambda, stack, batchSize);
    await until(async () => (await invocations()) - already >= Math.floor(records / batchSize));
    await redelivery.end();
    expect(await snapshot()).toEqual(before);
    await putInTime([0, 1].map((shard) => ({ data: event(beginMs + 9 * hourMs, 'b'), shard: shard as 0 | 1 })));
    await settled(first);
  });

  it('sets poison records aside with their reason, and goes on', async () => {
    const from = Date.now() - 60_000;
    await stack.put(poison.map(([data]) => ({ data, shard: 1 })));
    put.rejected += poison.length;
    await putInTime([{ data: event(beginMs + 9 * hourMs, 'c'), shard: 1 }]);
    await settled(first);
    const aside = (await stack.api.late({ from, to: Date.now() + 60_000 })).filter(({ query }) => query === null);
    expect(aside.map(({ payload, reason }) => [payload, reason])).toEqual(poison);
  });

  it('is redeployed with changed code while events come, and loses and doubles nothing', async () => {
    await stack.put([{ data: event(beginMs + 9 * hourMs, 'd'), shard: 0 }]);
    put.rejected++;
    await settled(first);
    let deploying = true;
    const deployed = cdk.deploy(deploymentOf('changed-code', stage)).finally(() => {
      deploying = false;
    });
    for (let hour = 9; deploying && hour < 16; hour++) {
      await putInTime(ordinary(random, beginMs + hour * hourMs, 1, 50));
      await sleep(500);
    }
    stack = openStack(target, await deployed);
    await putInTime([{ data: event(beginMs + 16 * hourMs, 'd'), shard: 0 }]);
    await settled(changedCode);
    expect((await stack.api.windows('byKind', {})).map(plain)).toEqual(windowsExpected(changedCode));
  });

  it('is not redeployed with a changed window under the name of a query', async () => {
    const before = await snapshot();
    await expect(cdk.deploy(deploymentOf('incompatible', stage))).rejects.toBeInstanceOf(EmulatorError);
    expect(await snapshot()).toEqual(before);
  });

  it('is redeployed with more queries, which count from then on beside what was there', async () => {
    const before = await snapshot();
    stack = openStack(target, await cdk.deploy(deploymentOf('changed-queries', stage)));
    expect((await stack.api.queries()).map(({ name }) => name)).toEqual(changedQueries.queries.map(({ name }) => name));
    expect(await stack.api.windows('byKind', {})).toEqual(before.windows[0]);
    const more = ordinary(random, beginMs + 16 * hourMs, 1, 100);
    await putInTime(more);
    await settled(changedQueries);
    expect((await stack.api.windows('byKind', {})).map(plain)).toEqual(windowsExpected(changedQueries));
    const { windows } = expectedOf(
      changedQueries,
      more.map(({ data }) => data),
    );
    for (const name of ['byKind@2', 'perDay'])
      expect((await stack.api.windows(name, {})).map(plain)).toEqual(windows.filter(({ query }) => query === name));
  });

  it('lets the name of a query stand for its second version, and for the first again', async () => {
    // Asks as a reader does; the client of the command line always names a version.
    const rows = async (query: string) => {
      const { windows } = (await (await stack.get(`queries/${query}/windows?limit=1000`)).json()) as {
        readonly windows: readonly WindowJson[];
      };
      return windows.map(({ start, end, rows: held }) => ({ start, end, rows: held }));
    };
    const [first, second] = [await rows('byKind@1'), await rows('byKind@2')];
    expect(second).not.toEqual(first);
    await stack.invoke('finalize', '{"request":"alias","query":"byKind@2"}');
    expect(await rows('byKind')).toEqual(second);
    await stack.invoke('finalize', '{"request":"alias","query":"byKind@1"}');
    expect(await rows('byKind')).toEqual(first);
  });

  it('makes every window final when the stream ends', async () => {
    await until(async () => ((await stack.invoke('finalize', '{"request":"drain"}')) as { drained: boolean }).drained);
    expect(await finals()).toEqual(windowsExpected(changedQueries));
  });

  it('leaves nothing of a stage for development when it is destroyed', async () => {
    await withdraw();
    await cdk.destroy(deploymentOf('changed-queries', stage));
    const { StateTable, WindowsTable, RejectsTable, StreamName, AggregateFunction } = stack.outputs;
    for (const TableName of [StateTable, WindowsTable, RejectsTable])
      await expect(clients.dynamodb.send(new DescribeTableCommand({ TableName }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    await expect(clients.kinesis.send(new DescribeStreamSummaryCommand({ StreamName }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(
      clients.lambda.send(new GetFunctionCommand({ FunctionName: AggregateFunction })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('keeps the stream and the tables of stage prod with their content when it is destroyed', async () => {
    const prod = deploymentOf('first', 'prod');
    stack = openStack(target, await cdk.deploy(prod));
    await stack.put([{ data: event(beginMs, 'a'), shard: 0 }]);
    await until(async () => (await stack.api.conservation()).counted === 1);
    await cdk.destroy(prod);
    const { StateTable, WindowsTable, RejectsTable, StreamName, AggregateFunction } = stack.outputs;
    await expect(
      clients.lambda.send(new GetFunctionCommand({ FunctionName: AggregateFunction })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    expect((await stack.records()).flat()).toHaveLength(1);
    expect((await clients.dynamodb.send(new ScanCommand({ TableName: StateTable }))).Count).toBeGreaterThan(0);
    await clients.kinesis.send(new DeleteStreamCommand({ StreamName }));
    // Both are protected from deletion: ministack refuses it, LocalStack does not look.
    for (const TableName of [StateTable, WindowsTable])
      await clients.dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    for (const TableName of [StateTable, WindowsTable, RejectsTable])
      await clients.dynamodb.send(new DeleteTableCommand({ TableName }));
  });
});
