import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from '@platformatic/kafka';
import { TidemarkError } from '../program/errors.ts';
import { kafkaClient } from './kafka-client.ts';

/** A topic, and the brokers to ask for it. */
export interface TopicPlace {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
}

/** The time that brokers may take to be reached, in ms. */
export const reach = { connectTimeout: 3_000, timeout: 10_000, retries: 2, retryDelay: 100 } as const;

/** The pause between two questions whether a new topic has its leaders, and the time until they end, both in ms. */
const againAfterMs = 20;
const leadersWithinMs = 10_000;

/**
 * Makes a topic whose records carry the brokers' clock, or takes an empty one as it is. A run over files counts all
 * that the topic holds, so it must not meet records of another run.
 * @throws TidemarkError when the topic holds records, or no broker can be reached
 */
export async function ensureEmptyTopic({
  topic,
  bootstrapServers,
  partitions,
}: TopicPlace & { readonly partitions: number }): Promise<void> {
  const kafka = await kafkaClient();
  const admin = new kafka.Admin({ clientId: 'tidemark', bootstrapBrokers: [...bootstrapServers], ...reach });
  try {
    await admin.metadata({ topics: [] }).catch((error: unknown) => {
      throw new TidemarkError(
        `--bootstrap-servers: no broker answers at ${bootstrapServers.join(', ')}: start it, or correct the address`,
        {
          cause: error,
        },
      );
    });
    const configs = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
    try {
      await admin.createTopics({ topics: [topic], partitions, replicas: -1, configs });
    } catch (error) {
      if (!isThere(error)) throw error;
      const held = await recordsIn(admin, topic);
      if (held > 0n)
        throw new TidemarkError(
          `--topic: ${topic} holds records already (${held}), which would be counted too: name another, or delete it first`,
        );
    }
    await leaders(admin, topic);
  } finally {
    await admin.close();
  }
}

function isThere(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('apiId' in error && error.apiId === 'TOPIC_ALREADY_EXISTS') return true;
  return error instanceof AggregateError && error.errors.some(isThere);
}

async function recordsIn(admin: Admin, topic: string): Promise<bigint> {
  const count = (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.partitionsCount ?? 0;
  const all = (timestamp: bigint) =>
    admin.listOffsets({
      topics: [
        {
          name: topic,
          partitions: Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp })),
        },
      ],
    });
  const sum = (answer: Awaited<ReturnType<typeof all>>) =>
    answer.flatMap(({ partitions }) => partitions).reduce((total, { offset }) => total + offset, 0n);
  const [first, end] = await Promise.all([all(-2n), all(-1n)]);
  return sum(end) - sum(first);
}

/** Waits until the partitions of a topic are led: they are not yet when it has just been made. */
async function leaders(admin: Admin, topic: string): Promise<void> {
  const deadlineMs = performance.now() + leadersWithinMs;
  for (;;) {
    const known = await admin
      .metadata({ topics: [topic], forceUpdate: true, autocreateTopics: false })
      .catch(() => undefined);
    const partitions = known?.topics.get(topic)?.partitions ?? [];
    if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return;
    if (performance.now() > deadlineMs)
      throw new TidemarkError(`topic: the partitions of ${topic} have no leaders: look after the brokers`);
    await delay(againAfterMs);
  }
}
