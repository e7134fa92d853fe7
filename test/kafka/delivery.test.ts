import { Producer } from '@platformatic/kafka';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createFunctionClient } from '../../infra/local/lambda/function-client.ts';
import { startKafkaPoller } from '../../infra/local/mapping/kafka-poller.ts';
import { type System, startSystem, systemFixture } from '../fixtures/system/system.ts';
import {
  finals,
  type KafkaSystem,
  newTopic,
  order,
  patient,
  pipelineFile,
  pipelineName,
  type Sent,
  startKafkaSystem,
  type Topic,
} from './system.ts';

const hour = 3_600_000;
const base = Date.UTC(2026, 0, 5);
const topics: Topic[] = [];
const systems: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(systems.splice(0).map((system) => system.close())));
afterAll(() => Promise.all(topics.map((topic) => topic.close())));

async function started(partitions: number, options: Parameters<typeof startKafkaSystem>[1] = {}): Promise<KafkaSystem> {
  const topic = await newTopic(partitions);
  topics.push(topic);
  const system = await startKafkaSystem(topic, options);
  systems.push(system);
  return system;
}

/** Orders over some hours, out of order by less than the delay, drawn from the seed. */
function disorder(count: number, partitions: number, seed: number): readonly Sent[] {
  let state = seed;
  const random = (most: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  return Array.from({ length: count }, (_, i) => ({
    data: order(base + i * 20_000 + random(500_000), ['a', 'b', 'c'][random(3)] ?? 'a', random(100)),
    partition: random(partitions),
  }));
}

/** The result of one pass over the orders. */
function expected(sent: readonly Sent[]): readonly string[] {
  const rows = new Map<string, { start: number; kind: string; n: number; sum: number }>();
  for (const { data } of sent) {
    const { time, kind, amount } = JSON.parse(String(data));
    const start = Math.floor(time / hour) * hour;
    const row = rows.get(`${start} ${kind}`) ?? { start, kind, n: 0, sum: 0 };
    rows.set(`${start} ${kind}`, { ...row, n: row.n + 1, sum: row.sum + amount });
  }
  return [...rows.values()].map(({ start, kind, n, sum }) => `${start} ${kind} ${n} ${sum}`).sort();
}

/** Final rows, in the form of {@link expected}. */
function found(rows: readonly string[]): readonly string[] {
  return rows
    .map((row) => JSON.parse(row))
    .map(({ start, key, values }) => `${start} ${key.kind} ${values.n} ${values.sum}`)
    .sort();
}

/** The state of each shard, as the API tells it. */
async function states(system: KafkaSystem): Promise<Readonly<Record<string, string>>> {
  const { shards } = (await (await fetch(`${system.local.url}/v1/watermark`)).json()) as {
    shards: { shardId: string; state: string }[];
  };
  return Object.fromEntries(shards.map(({ shardId, state }) => [shardId, state]));
}

async function expectAllCounted(system: KafkaSystem, sent: readonly Sent[]): Promise<void> {
  expect(found(await finals(system))).toEqual(expected(sent));
  const { holds, received, counted } = await system.api.conservation();
  expect({ holds, received, counted }).toEqual({ holds: true, received: sent.length, counted: sent.length });
}

describe('a topic as the stream', () => {
  it('gives the finals of the Kinesis run, late, rejected and all, from two partitions in disorder', async () => {
    const kafka = await started(2);
    const kinesis: System = await startSystem({ pipelineFile, pipelineName });
    systems.push(kinesis);
    const steps: readonly (readonly Sent[])[] = [
      disorder(400, 2, 1),
      [
        { data: order(base + 9 * hour, 'a'), partition: 0 },
        { data: order(base + 9 * hour, 'b'), partition: 1 },
      ],
      // All events are too late, except the last one. Two records are not orders.
      [
        { data: order(base, 'a'), partition: 0 },
        { data: order(base + hour, 'b'), partition: 1 },
        { data: order(base + 9 * hour + 1, 'c'), partition: 1 },
      ],
      [
        { data: 'garbage', partition: 0 },
        { data: '{"time":1}', partition: 1 },
      ],
    ];
    for (const step of steps) {
      await kafka.put(step);
      await kinesis.put(step.map(({ data = '', partition }) => ({ data, shard: partition === 0 ? 0 : 1 })));
      expect((await kafka.finalize({})).watermark).toBe((await kinesis.finalize({})).watermark);
    }
    const rows = await finals(kafka);
    expect(rows.length).toBeGreaterThan(6);
    expect(rows).toEqual(await finals(kinesis));
    const conservation = await kafka.api.conservation();
    expect(conservation).toMatchObject({ holds: true, received: 407, late: 2, rejected: 2 });
    expect(conservation).toEqual(await kinesis.api.conservation());
  });

  it('rejects a tombstone and goes on', async () => {
    const system = await started(1);
    await system.put([
      { data: order(base, 'a'), partition: 0 },
      { data: undefined, partition: 0 },
      { data: order(base, 'a'), partition: 0 },
    ]);
    expect(await system.api.conservation()).toMatchObject({ holds: true, received: 3, counted: 2, rejected: 1 });
  });

  it('holds the watermark for a partition that was added until it has an event, and counts what comes to it', async () => {
    // Usually an hour without an event makes a partition idle, but not here.
    const system = await started(1, { pipelineFile: systemFixture('pipeline'), pipelineName: 'orders' });
    const first = disorder(100, 1, 2);
    await system.put(first);
    const { watermark } = await system.finalize({});
    expect(watermark).not.toBeNull();
    await system.topic.addPartitions(2);
    const added = `${system.topic.topic}-1`;
    await expect.poll(async () => (await system.finalize({})).heldBy).toBe(added);
    const later = { data: order(base + 20 * hour, 'a'), partition: 0 };
    await system.put([later]);
    // The watermark never moves back, and does not go on here.
    expect(await system.finalize({})).toMatchObject({ watermark, heldBy: added });
    await system.put([{ data: order(base + 15 * hour, 'b'), partition: 1 }]);
    expect((await system.finalize({})).watermark).toBe(base + 14 * hour);
    const { holds, received, counted } = await system.api.conservation();
    expect({ holds, received, counted }).toEqual({ holds: true, received: 102, counted: 102 });
  });

  it('holds the watermark for what a transaction has under way, however long, and lets it pass a partition that is proven idle', async () => {
    const system = await started(2);
    const { topic, bootstrapServers } = system.topic;
    const producer = new Producer({
      clientId: 'tests',
      bootstrapBrokers: [...bootstrapServers],
      transactionalId: topic,
      idempotent: true,
      ...patient,
    });
    try {
      await system.put([{ data: order(base + 2 * hour, 'a'), partition: 0 }]);
      const transaction = await producer.beginTransaction();
      await transaction.send({ messages: [{ topic, partition: 1, value: Buffer.from(order(base + hour, 'b')) }] });
      const empty = `${topic}-1`;
      expect(await system.finalize({})).toMatchObject({ watermark: null, heldBy: empty });
      // Both were seen at the same moment, so the time of one is also the time of the other, and proves nothing.
      await expect
        .poll(async () => ({ held: await system.finalize({}), states: await states(system) }))
        .toMatchObject({
          held: { watermark: null, heldBy: empty },
          states: { [`${topic}-0`]: 'idle', [empty]: 'holding' },
        });
      await transaction.commit();
      await system.settled(new Map([[empty, '0']]));
      await expect.poll(async () => (await system.finalize({})).watermark).toBe(base + 2 * hour - 600_000);
      expect(await system.api.conservation()).toMatchObject({ received: 2, counted: 2 });
    } finally {
      await producer.close();
    }
  });

  it('rises past a partition to which nothing ever came, once that was so for the idle time', async () => {
    const system = await started(2);
    await system.put([{ data: order(base + 2 * hour, 'a'), partition: 0 }]);
    expect((await system.finalize({})).watermark).toBeNull();
    await expect.poll(async () => (await system.finalize({})).watermark).toBe(base + 2 * hour - 600_000);
  });
});

describe('at least once becomes exactly once', () => {
  it('when a second poller joins and leaves, and batches are delivered twice', async () => {
    const system = await started(4);
    const { topic, groupId } = system;
    const sent = disorder(1_200, 4, 4);
    await topic.put(sent.slice(0, 300));
    const client = createFunctionClient(Number(new URL(system.local.endpoints.lambda).port), () => undefined);
    const shards = new Set<string>();
    const other = startKafkaPoller({
      topic: topic.topic,
      bootstrapServers: topic.bootstrapServers,
      groupId,
      delivery: { batchSize: 50, batchBytes: 6 * 1024 * 1024, batchWindowMs: 0 },
      // The batch is delivered, but the answer is lost, so the same batch comes again.
      async invoke(event) {
        await client.invoke(system.local.functionNames.aggregate, event);
        return client.invoke(system.local.functionNames.aggregate, event);
      },
      onDelivered: (shardId) => shards.add(shardId),
    });
    await other.joined;
    await expect.poll(() => other.status().shards.length).toBe(2);
    let last: ReadonlyMap<string, string> = new Map();
    for (let from = 300; from < 900; from += 100)
      last = new Map([...last, ...(await topic.put(sent.slice(from, from + 100)))]);
    await expect.poll(() => shards.size).toBe(2);
    await other.stop();
    client.close();
    last = new Map([...last, ...(await topic.put(sent.slice(900)))]);
    await system.settled(last);
    await expectAllCounted(system, sent);
  });

  it('when the functions and the runner are killed in the middle of batches', async () => {
    const system = await started(2, { batchSize: 100 });
    const sent = disorder(3_000, 2, 5);
    let last: ReadonlyMap<string, string> = new Map();
    for (const [i, kind] of (['functions', 'runner', 'functions'] as const).entries()) {
      last = new Map([...last, ...(await system.topic.put(sent.slice(i * 1_000, (i + 1) * 1_000)))]);
      const before = (await system.api.conservation()).received;
      // Some batches of the thousand are done, and others are not.
      await expect
        .poll(async () => (await system.api.conservation()).received, { interval: 5 })
        .toBeGreaterThan(before);
      await system.local.kill(kind);
      await system.local.restart(kind);
    }
    await system.settled(last);
    await expectAllCounted(system, sent);
  });
});

it('refuses a topic that was made again under its name, in finalize, with both ids', async () => {
  const system = await started(1);
  await system.put([{ data: order(base, 'a'), partition: 0 }]);
  await system.finalize({});
  const { topic, admin } = system.topic;
  await admin.deleteTopics({ topics: [topic] });
  await expect
    .poll(() => admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }).then(() => 'made', String))
    .toBe('made');
  await expect
    .poll(() => system.finalize({}).then(() => 'fine', String))
    .toMatch(/created with the id .* created with the id /);
});
