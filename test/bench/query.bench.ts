import path from 'node:path';
import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import autocannon from 'autocannon';
import { packageRoot } from '../../cli/program/package-root.ts';
import { createFold } from '../../functions/core/fold/fold.ts';
import { inputsOf } from '../../functions/core/fold/partial.ts';
import { noPatience } from '../../functions/state/table/patience.ts';
import { openTables } from '../../functions/state/table/tables.ts';
import { type Local, startLocal } from '../../infra/local/local.ts';
import { writePane } from '../fixtures/written-pane.ts';
import { type Figure, median, yardstick } from './figure.ts';
import pipeline from './query-pipeline.ts';

const windows = 1000;
const keys = 100;
const minuteMs = 60_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
const repetitions = 7;
const loadSeconds = 8;

/**
 * Measures reads of results through the API of the embedded system: totals over many windows, and requests under load.
 */
export async function benchQuery(say: (line: string) => void): Promise<readonly Figure[]> {
  say('starting the embedded AWS');
  const local = await startLocal({
    pipelineFile: path.join(packageRoot, 'test', 'bench', 'query-pipeline.ts'),
    pipelineName: pipeline.name,
    shards: 1,
    finalizeEveryMs: null,
  });
  const config = {
    endpoint: local.endpoints.dynamodb,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  };
  const client = new DynamoDBClient(config);
  try {
    say(`writing ${windows} final windows of ${keys} keys`);
    await writeWindows(local, config);
    return [await benchTotals(local, client, say), ...(await benchLoad(local, say))];
  } finally {
    client.destroy();
    await local.stop();
  }
}

async function writeWindows(
  { tableNames }: Local,
  config: ConstructorParameters<typeof DynamoDBClient>[0],
): Promise<void> {
  const tables = openTables(tableNames, noPatience, config);
  const [query] = pipeline.queries;
  if (query === undefined) throw new Error('no query');
  for (let minute = 0; minute < windows; minute++) {
    const start = t0 + minute * minuteMs;
    const fold = createFold();
    for (let key = 0; key < keys; key++) {
      const inputs = inputsOf(query, { time: start, key: `key ${key}`, amount: key + minute / 10 }, start);
      if (!('refused' in inputs)) fold.add(query, JSON.stringify([`key ${key}`]), inputs, start);
    }
    const [slice] = fold.slices;
    const partials = new Map([...(slice?.keys ?? [])].map(([key, { states }]) => [key, states] as const));
    await writePane(tables.windows, query, { start, end: start + minuteMs }, { partials, records: keys, nowMs: start });
  }
}

/** Measures totals beside a read of the same items with the SDK that does nothing with them. */
async function benchTotals(
  { url, tableNames }: Local,
  client: DynamoDBClient,
  say: (line: string) => void,
): Promise<Figure> {
  say(`${repetitions} times the totals of all windows, and as often the same items raw`);
  const totalsMs: number[] = [];
  const rawMs: number[] = [];
  for (let i = 0; i <= repetitions; i++) {
    const startedMs = performance.now();
    const answer = (await (await fetch(`${url}/v1/queries/perMinute/totals?status=final`)).json()) as {
      readonly totals: readonly unknown[];
    };
    if (answer.totals.length !== keys) throw new Error(`${answer.totals.length} totals, not ${keys}`);
    const readMs = performance.now();
    const items = await readRaw(client, tableNames.windows);
    if (items !== windows) throw new Error(`${items} items, not ${windows}`);
    if (i === 0) continue; // the first one starts an environment
    totalsMs.push(readMs - startedMs);
    rawMs.push(performance.now() - readMs);
  }
  const value = median(totalsMs);
  return {
    name: `totals over ${windows} windows of ${keys} keys, p50`,
    value,
    better: 'lower',
    unit: 'ms',
    yardsticks: [yardstick({ value, better: 'lower' }, 'the same items, raw', median(rawMs))],
    target: { text: 'under 1 s', met: value < 1000 },
    details: { repetitions, mostMs: Math.max(...totalsMs) },
  };
}

async function readRaw(client: DynamoDBClient, TableName: string): Promise<number> {
  let items = 0;
  let ExclusiveStartKey: Record<string, { S: string }> | undefined;
  do {
    const answer = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: '#q = :q',
        ExpressionAttributeNames: { '#q': 'query' },
        ExpressionAttributeValues: { ':q': { S: 'perMinute' } },
        ConsistentRead: true,
        ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
      }),
    );
    items += answer.Items?.length ?? 0;
    ExclusiveStartKey = answer.LastEvaluatedKey as typeof ExclusiveStartKey;
  } while (ExclusiveStartKey !== undefined);
  return items;
}

/**
 * Measures the requests that people and pages make, from ten connections at a time, beside the least that the API can
 * answer.
 */
async function benchLoad({ url }: Local, say: (line: string) => void): Promise<readonly Figure[]> {
  const load = async (target: string) => {
    say(`${loadSeconds} s of ${target}`);
    const result = await autocannon({ url: `${url}${target}`, connections: 10, duration: loadSeconds });
    if (result.non2xx > 0 || result.errors > 0)
      throw new Error(`${target}: ${result.non2xx} answers are not a success, ${result.errors} errors`);
    return result;
  };
  const least = await load('/v1/health');
  const figures: Figure[] = [];
  for (const [name, target] of [
    ['a window of 100 rows', `/v1/queries/perMinute/windows/${t0}`],
    ['a page of 10 final windows, 1,000 rows', '/v1/queries/perMinute/windows?status=final&limit=10'],
    ['watermark', '/v1/watermark'],
  ] as const) {
    const { requests, latency } = await load(target);
    figures.push({
      name: `${name}, requests`,
      value: requests.average,
      better: 'higher',
      unit: '1/s',
      yardsticks: [
        yardstick({ value: requests.average, better: 'higher' }, 'health, which reads nothing', least.requests.average),
      ],
      details: { p50Ms: latency.p50, p99Ms: latency.p99, connections: 10 },
    });
  }
  return figures;
}
