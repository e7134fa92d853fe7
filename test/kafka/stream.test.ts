import { Producer } from '@platformatic/kafka';
import { afterAll, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { kafkaStream } from '../../functions/kafka/stream.ts';
import { newTopic, patient, type Topic } from './system.ts';

const topics: Topic[] = [];
afterAll(() => Promise.all(topics.map((topic) => topic.close())));

async function topicWith(partitions: number) {
  const topic = await newTopic(partitions);
  topics.push(topic);
  const stream = kafkaStream({
    topic: topic.topic,
    bootstrapServers: topic.bootstrapServers,
    authentication: 'plaintext',
  });
  return { ...topic, stream, shard: (partition: number) => `${topic.topic}-${partition}` };
}

const value = Buffer.from('{}');

it('lists partitions as shards that never close, and one that was added with the next look', async () => {
  const { stream, shard, addPartitions } = await topicWith(2);
  const listed = async () =>
    (await stream.listShards()).map(({ shardId, closed, parents }) => [shardId, closed, parents]);
  expect(await listed()).toEqual([0, 1].map((partition) => [shard(partition), false, undefined]));
  await addPartitions(3);
  await expect.poll(listed).toEqual([0, 1, 2].map((partition) => [shard(partition), false, undefined]));
});

it('tells a topic from one that was made again under its name', async () => {
  const { stream, topic, admin } = await topicWith(1);
  const first = await stream.identity();
  expect(first).toEqual(await stream.identity());
  expect(first).toMatchObject({ name: topic, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  await admin.deleteTopics({ topics: [topic] });
  await expect
    .poll(() => admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }).then(() => 'made', String))
    .toBe('made');
  await expect.poll(async () => (await stream.identity().catch(() => first)) as unknown).not.toEqual(first);
});

it('says in one line that there is no such topic', async () => {
  const { bootstrapServers } = await topicWith(1);
  const absent = kafkaStream({ topic: 'absent', bootstrapServers, authentication: 'plaintext' });
  await expect(absent.identity()).rejects.toThrow(TidemarkError);
  await expect(absent.listShards()).rejects.toThrow(/absent/);
});

it('proves that nothing comes after the last record, and only then', async () => {
  const { stream, shard, put } = await topicWith(2);
  expect(await stream.tail(shard(0), undefined)).toBe('nothing');
  await put([0, 0, 0].map((partition) => ({ data: '{}', partition })));
  expect(await Promise.all([undefined, '0', '1', '2'].map((after) => stream.tail(shard(0), after)))).toEqual([
    'more',
    'more',
    'more',
    'nothing',
  ]);
  expect(await stream.tail(shard(1), undefined)).toBe('nothing');
});

it('holds what is in a transaction for records to come, and its end for none', async () => {
  const { stream, shard, topic, bootstrapServers } = await topicWith(1);
  const producer = new Producer({
    clientId: 'tests',
    bootstrapBrokers: [...bootstrapServers],
    transactionalId: topic,
    idempotent: true,
    ...patient,
  });
  try {
    const first = await producer.beginTransaction();
    await first.send({ messages: [{ topic, partition: 0, value }] });
    expect(await stream.tail(shard(0), undefined)).toBe('more');
    // A reader of uncommitted records has had it; a reader of committed records may get it yet.
    expect(await stream.tail(shard(0), '0')).toBe('more');
    await first.commit();
    // Offset 1 is the mark of the commit: the end of the partition is 2, and no record comes after 0.
    await expect.poll(() => stream.tail(shard(0), '0')).toBe('nothing');
    expect(await stream.tail(shard(0), undefined)).toBe('more');

    const second = await producer.beginTransaction();
    await second.send({ messages: [{ topic, partition: 0, value }] });
    await second.abort();
    // Offset 2 was aborted, and 3 is the mark. A reader of everything has offset 2 still to come, or nothing when it
    // has read it.
    await expect.poll(() => stream.tail(shard(0), '2')).toBe('nothing');
    expect(await stream.tail(shard(0), '0')).toBe('more');
  } finally {
    await producer.close();
  }
});

it('passes over records that left the topic, and is stopped by a partition that ends before what is committed', async () => {
  const { stream, shard, put, topic, admin } = await topicWith(1);
  await put(Array.from({ length: 5 }, () => ({ data: '{}', partition: 0 })));
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 3n }] }] });
  expect(await stream.tail(shard(0), undefined)).toBe('more');
  expect(await stream.tail(shard(0), '0')).toBe('more');
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 5n }] }] });
  expect(await stream.tail(shard(0), undefined)).toBe('nothing');
  expect(await stream.tail(shard(0), '0')).toBe('nothing');
  // Another topic's progress, or records that the brokers have lost.
  await expect(stream.tail(shard(0), '5')).rejects.toThrow(/ends at offset 5/);
});
