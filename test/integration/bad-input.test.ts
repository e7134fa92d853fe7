import { createHash } from 'node:crypto';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/endpoint.ts';
import { encodeAggregated } from '../../cli/feeder/kpl-record.ts';
import { findPackageRoot } from '../../infra/local/package-root.ts';
import { until } from '../fixtures/local/start.ts';
import { order, type Sent, type Stored, type System, startSystem } from '../fixtures/system/system.ts';

const t0 = Date.parse('2026-01-01T00:00:00Z');
let system: System;
const startedAt = Date.now();

beforeAll(async () => {
  const pipelineFile = `${findPackageRoot()}/test/fixtures/bad-input/pipeline.ts`;
  // One shard, so that everything that follows a bad record shows that the shard goes on; and finalize by schedule, as deployed.
  system = await startSystem({ pipelineFile, pipelineName: 'bad-input', shards: 1, finalizeEveryMs: 200 });
});
afterAll(async () => {
  await system.close();
});

interface Side {
  readonly reason: string;
  readonly detail: string;
  readonly sequenceNumber: string;
  readonly subRecord: number;
  readonly payload: string;
  readonly payloadBytes: number;
}

type Counters = Readonly<Record<'received' | 'counted' | 'late' | 'rejected' | 'filtered', number>> & { readonly holds: boolean };

const counters = async () => (await system.get('conservation')).body as unknown as Counters;
const late = (from = startedAt) => system.api.late({ from, to: Date.now() + 1000 });

/** Puts records and tells what they changed: the classes they ended in, and what the side output holds of them. */
async function outcomeOf(...records: readonly Sent[]) {
  const before = await counters();
  // Arrival times have whole milliseconds at best; a second is enough for any clock.
  const from = Date.now() - 1000;
  const stored = await system.put(records);
  const after = await counters();
  expect(after.holds).toBe(true);
  const numbers = new Set(stored.map(({ sequenceNumber }) => sequenceNumber));
  const side = (await late(from)).filter(({ sequenceNumber }) => numbers.has(sequenceNumber));
  const grown = (name: keyof Omit<Counters, 'holds'>) => after[name] - before[name];
  return {
    received: grown('received'),
    counted: grown('counted'),
    rejected: grown('rejected'),
    filtered: grown('filtered'),
    reasons: side.map(({ reason }) => reason),
    side,
  };
}

async function valuesOf(kind: string) {
  const { body } = await system.get('queries/byKind/totals', { by: 'kind' });
  return (body['totals'] as readonly { key: { kind: string }; values: Readonly<Record<string, unknown>> }[]).find(({ key }) => key.kind === kind)
    ?.values;
}

const magic = Buffer.from('f3899ac2', 'hex');
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();
const aggregated = (...events: readonly (string | Buffer)[]) =>
  encodeAggregated(
    events.map((event) => Buffer.from(event)),
    'key',
    '0',
  );
const good = order(t0, 'good', 1);

/** A valid aggregated record with its content changed and its digest made right again. */
function damaged(change: (content: Buffer) => Buffer): Buffer {
  const content = change(aggregated(good, good).subarray(4, -16));
  return Buffer.concat([magic, content, md5(content)]);
}

const bad: readonly (readonly [name: string, reason: string, data: string | Buffer])[] = [
  ['a line that is no JSON', 'unparsable', '{"time":'],
  ['text', 'unparsable', 'Hello'],
  ['an empty line', 'unparsable', '\n'],
  ['two events where there should be one', 'unparsable', `${good}\n${good}`],
  ['a trailing comma', 'unparsable', '{"time":1,}'],
  ['NaN', 'unparsable', `{"time":${t0},"kind":"good","amount":NaN}`],
  ['null', 'schema', 'null'],
  ['a list', 'schema', '[]'],
  ['a field of the wrong type', 'schema', order(t0, 'good').replace('"good"', '5')],
  ['a missing field', 'schema', `{"time":${t0}}`],
  ['a number that JSON reads as infinite', 'schema', `{"time":${t0},"kind":"good","amount":1e999}`],
  ['no event time', 'no-event-time', '{"kind":"good"}'],
  ['a null event time', 'no-event-time', order(null, 'good')],
  ['an event time in seconds where milliseconds are due', 'no-event-time', order(1_767_225_600, 'good')],
  ['an event time without a zone', 'no-event-time', order('2026-01-01T00:00:00', 'good')],
  ['an event time that is no time', 'no-event-time', order('yesterday', 'good')],
  ['an event time beyond all calendars', 'no-event-time', order(1e300, 'good')],
  ['an event time beyond the future guard', 'future', order('2100-01-01T00:00:00Z', 'good')],
  ['a group key of more than 1,024 bytes', 'group-key', order(t0, 'é'.repeat(600))],
  ['binary data', 'encoding', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3])],
  ['valid JSON with a byte that is no UTF-8', 'encoding', Buffer.from(good.replace('good', 'g\u0000d'), 'latin1').fill(0xe9, 20, 21)],
  ['a zip file', 'encoding', Buffer.from('504b03041400080008009c', 'hex')],
  ['UTF-16', 'encoding', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(good, 'utf16le')])],
  ['a byte order mark', 'unparsable', `\uFEFF${good}`],
  ['an aggregated record with a wrong digest', 'corrupt-aggregate', Buffer.concat([aggregated(good, good).subarray(0, -1), Buffer.from([0])])],
  ['an aggregated record that was cut', 'corrupt-aggregate', aggregated(good, good).subarray(0, 40)],
  ['an aggregated record whose protobuf ends early', 'corrupt-aggregate', damaged((content) => content.subarray(0, -9))],
  ['an aggregated record whose protobuf is none', 'corrupt-aggregate', damaged(() => Buffer.alloc(64, 0xff))],
  ['an aggregated record that claims an event of 4 GB', 'corrupt-aggregate', damaged(() => Buffer.from('1affffffff0f', 'hex'))],
  ['the magic bytes of an aggregated record alone', 'encoding', magic],
  ['the magic bytes and less than a digest', 'encoding', Buffer.concat([magic, Buffer.alloc(15, 0x20)])],
  ['the magic bytes and a wrong digest of nothing', 'corrupt-aggregate', Buffer.concat([magic, Buffer.alloc(16)])],
  ['a schema that throws', 'schema', order(t0, 'schema-throws')],
  ['a schema that leaves a promise behind, which fails', 'schema', order(t0, 'schema-rejects-later')],
  ['an event time function that throws', 'pipeline-threw', order(t0, 'event-time-throws')],
  ['a where that throws null', 'pipeline-threw', order(t0, 'where-throws')],
  ['brackets nested beyond any parser', 'unparsable', '['.repeat(200_000)],
];

describe('a bad record', () => {
  let before: Counters;
  let stored: readonly Stored[];
  let side: readonly Side[];

  beforeAll(async () => {
    before = await counters();
    // A good one behind each.
    stored = await system.put(bad.flatMap(([, , data]) => [{ data }, { data: good }]));
    side = await late();
  });

  it('does not stop the shard: all that came with it is counted', async () => {
    const after = await counters();
    expect(after).toMatchObject({
      received: before.received + 2 * bad.length,
      counted: before.counted + bad.length,
      rejected: bad.length,
      holds: true,
    });
    expect(side).toHaveLength(bad.length);
  });

  it.each(bad.map(([name, reason, data], i) => [name, reason, data, i] as const))(
    'ends as rejected with its reason: %s',
    (_name, reason, data, i) => {
      expect(side.filter(({ sequenceNumber }) => sequenceNumber === stored[2 * i]?.sequenceNumber)).toMatchObject([
        { reason, detail: expect.stringMatching(/./), subRecord: 0, payloadBytes: Buffer.from(data).length },
      ]);
    },
  );

  it('of 1 MB is rejected with its reason and its length, and kept as far as it can be', async () => {
    const data = `{"time":${t0},"kind":"${'x'.repeat(1_000_000)}`;
    const outcome = await outcomeOf({ data }, { data: good });
    expect(outcome.reasons).toEqual(['unparsable']);
    expect(outcome.side[0]?.payloadBytes).toBe(data.length);
    expect(data.startsWith(outcome.side[0]?.payload ?? '-')).toBe(true);
  });
});

const legal: readonly (readonly [name: string, line: (kind: string) => string])[] = [
  ['a number beyond 2^53', (kind) => `{"time":${t0},"kind":"${kind}","amount":9007199254740993}`],
  ['a number with 400 digits of fraction', (kind) => `{"time":${t0},"kind":"${kind}","amount":0.${'3'.repeat(400)}}`],
  ['a record of 1 MB', (kind) => JSON.stringify({ time: t0, kind, note: 'n'.repeat(1_040_000) })],
  ['a key that is given twice: the last one counts', (kind) => `{"time":1,"kind":"other","time":${t0},"kind":"${kind}"}`],
  ['a key named __proto__', (kind) => `{"time":${t0},"kind":"${kind}","__proto__":{"kind":"other"}}`],
  ['a key named constructor', (kind) => `{"time":${t0},"kind":"${kind}","constructor":{"prototype":{"kind":"other"}}}`],
  ['deep nesting', (kind) => `{"time":${t0},"kind":"${kind}","any":${'['.repeat(2000)}${']'.repeat(2000)}}`],
  ['an escaped key', (kind) => `{"\\u0074ime":${t0},"k\\u0069nd":"${kind}"}`],
  ['a line end', (kind) => `${order(t0, kind)}\r\n`],
  ['spaces', (kind) => `  { "time" : ${t0} , "kind" : "${kind}" }  `],
  ['an event time in ISO 8601 with a zone', (kind) => order('2026-01-01T01:00:00+01:00', kind)],
  ['a lone surrogate', (kind) => `{"time":${t0},"kind":"${kind}","note":"\\ud800"}`],
];

const keys = ['__proto__', 'constructor', 'toString', '', ' ', '\u0000', '"', '\u2028', '😀', '#', 'x'.repeat(1020)];

describe('an unusual record that is legal', () => {
  let outcome: Awaited<ReturnType<typeof outcomeOf>>;

  beforeAll(async () => {
    outcome = await outcomeOf(
      ...legal.map(([name, line]) => ({ data: line(name) })),
      ...keys.flatMap((kind) => [{ data: order(t0, kind, 2) }, { data: order(t0, kind, 3) }]),
    );
  });

  it('is rejected in no case', () => {
    expect(outcome.side).toEqual([]);
    expect(outcome).toMatchObject({ rejected: 0, counted: legal.length + 2 * keys.length, filtered: 0 });
  });

  it.each(legal.map(([name]) => name))('is counted: %s', async (name) => {
    expect(await valuesOf(name)).toMatchObject({ n: 1 });
  });

  it.each(keys)('is grouped by a name like any other: %j', async (kind) => {
    expect(await valuesOf(kind)).toMatchObject({ n: 2, sum: 5, most: 3 });
  });

  it('adds up to more than a double holds, which is shown and not null, and becomes finite again', async () => {
    await outcomeOf({ data: order(t0, 'great', 1.7e308) }, { data: order(t0, 'great', 1.7e308) }, { data: order(t0, 'small', -1.7e308) });
    await outcomeOf({ data: order(t0, 'small', -1.7e308) });
    expect(await valuesOf('great')).toEqual({ n: 2, sum: 'Infinity', mean: 1.7e308, most: 1.7e308 });
    expect(await valuesOf('small')).toMatchObject({ sum: '-Infinity', mean: -1.7e308 });
    await outcomeOf({ data: order(t0, 'great', -1.7e308) });
    expect(await valuesOf('great')).toMatchObject({ n: 3, sum: 1.7e308 });
  });

  it('is filtered when no query wants it', async () => {
    expect(await outcomeOf({ data: order(t0, 'filtered') })).toMatchObject({ received: 1, counted: 0, rejected: 0, filtered: 1, reasons: [] });
  });
});

describe('an aggregated record', () => {
  it('of 500 events is 500 events', async () => {
    const data = aggregated(...Array.from({ length: 500 }, (_, i) => order(t0 + i, 'packed', i)));
    expect(await outcomeOf({ data })).toMatchObject({ received: 500, counted: 500, rejected: 0 });
    expect(await valuesOf('packed')).toMatchObject({ n: 500, sum: 124_750, mean: 249.5, most: 499 });
  });

  it('has its bad events rejected one by one, each with its place', async () => {
    const data = aggregated(
      order(t0, 'mixed', 1),
      'bad',
      order(t0, 'filtered'),
      Buffer.from([0xff]),
      order(t0, 'mixed', 2),
      '',
      order(null, 'mixed'),
    );
    const { side, ...counted } = await outcomeOf({ data });
    expect(counted).toMatchObject({ received: 7, counted: 2, rejected: 4, filtered: 1 });
    expect(side.map(({ subRecord, reason }) => [subRecord, reason])).toEqual([
      [1, 'unparsable'],
      [3, 'encoding'],
      [5, 'unparsable'],
      [6, 'no-event-time'],
    ]);
    expect(await valuesOf('mixed')).toMatchObject({ n: 2, sum: 3 });
  });

  it('of no events is none', async () => {
    expect(await outcomeOf({ data: aggregated() }, { data: good })).toMatchObject({ received: 1, counted: 1, rejected: 0 });
  });
});

describe('an empty batch', () => {
  it('is done, and nothing of it is counted', async () => {
    const before = await counters();
    const lambda = new LambdaClient(clientConfig({ port: Number(new URL(system.local.url).port), endpoint: undefined }));
    const answer = await lambda.send(new InvokeCommand({ FunctionName: system.local.functionNames.aggregate, Payload: '{"Records":[]}' }));
    lambda.destroy();
    expect(answer.FunctionError).toBeUndefined();
    expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toEqual({ batchItemFailures: [] });
    expect(await counters()).toEqual(before);
  });
});

describe('a side output larger than an answer', () => {
  it('is given in pages that join to the whole', async () => {
    const data = `{"time":${t0},"kind":${'"\\"'.repeat(10_000)}`;
    const stored = await system.put(Array.from({ length: 150 }, () => ({ data })));
    const whole: Side[] = [];
    let pages = 0;
    for (let cursor: unknown = undefined; cursor !== null && pages < 100; pages++) {
      const { status, body } = await system.get('late', { limit: '10000', ...(cursor === undefined ? {} : { cursor: String(cursor) }) });
      expect(status).toBe(200);
      whole.push(...(body['events'] as readonly Side[]));
      cursor = body['cursor'];
    }
    expect(pages).toBeGreaterThan(1);
    const own = whole.filter(({ payloadBytes }) => payloadBytes === data.length).map(({ sequenceNumber }) => sequenceNumber);
    expect(own).toEqual(stored.map(({ sequenceNumber }) => sequenceNumber));
    const { rejected, late: lateOnes } = await counters();
    expect(new Set(whole.map(({ sequenceNumber, subRecord }) => `${sequenceNumber}#${subRecord}`)).size).toBe(rejected + lateOnes);
  });
});

describe('the end', () => {
  it('is reached by the schedule alone: what was counted is final, what is not finite too', async () => {
    const open = await valuesOf('small');
    await outcomeOf({ data: order(t0 + 3 * 3_600_000, 'last') });
    const final = await until(async () => {
      const windows = (await system.get('queries/byKind/windows', { status: 'final' })).body['windows'] as readonly { rows: readonly unknown[] }[];
      return windows[0];
    });
    expect(final.rows).toContainEqual({ key: { kind: 'small' }, values: open });
    expect(final.rows).toContainEqual({ key: { kind: '__proto__' }, values: expect.objectContaining({ n: 2 }) });
    expect(await valuesOf('small')).toEqual(open);
  });

  it('has not cost an execution environment: no event ended its process', async () => {
    const logs = (await (await fetch(`${system.local.url}/_tidemark/logs`)).json()) as Readonly<Record<string, unknown>>;
    expect(JSON.stringify(logs[system.local.functionNames.aggregate])).not.toContain('Uncaught');
  });
});
