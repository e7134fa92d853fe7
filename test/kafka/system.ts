import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Admin, Producer } from '@platformatic/kafka';
import { inject } from 'vitest';
import { resultRows } from '../../cli/deployment/api-client.ts';
import { ensureEmptyTopic } from '../../cli/feeder/kafka-topic.ts';
import { type Embedded, embedded } from '../../cli/stream/embedded.ts';
import { partitionShard } from '../../functions/core/definition/kafka-source.ts';
import type { SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { startLocal } from '../../infra/local/local.ts';
import type { LocalOptions } from '../../infra/local/local-options.ts';

export const pipelineFile = join(findPackageRoot(), 'test', 'kafka', 'pipeline.ts');
export const pipelineName = 'kafka-orders';

/**
 * Client options for a busy machine. The client's `timeout` also limits its transactions: the brokers abort them after
 * it. The default of 5 s is too short for a busy machine.
 */
export const patient = { timeout: 300_000 } as const;

/** A record as a test puts it: the line of an order, and a partition. */
export interface Sent {
  readonly data: string | Buffer | undefined;
  readonly partition: number;
}

/** A topic of the tests' broker. */
export interface Topic {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  readonly admin: Admin;
  /** Puts records in order; returns the last offset of each partition. */
  put(records: readonly Sent[]): Promise<ReadonlyMap<string, SequenceNumber>>;
  addPartitions(count: number): Promise<void>;
  close(): Promise<void>;
}

/** A topic that no other test has, whose records carry the broker's clock. */
export async function newTopic(partitions: number): Promise<Topic> {
  const topic = `orders-${randomUUID()}`;
  const bootstrapServers = [inject('broker')];
  await ensureEmptyTopic({ topic, bootstrapServers, partitions });
  const client = { bootstrapBrokers: bootstrapServers, metadataMaxAge: 500 };
  const admin = new Admin({ clientId: 'tests', ...client });
  const producer = new Producer({ clientId: 'tests', ...client, acks: -1, idempotent: true });
  return {
    topic,
    bootstrapServers,
    admin,
    async put(records) {
      const messages = records.map(({ data, partition }) => ({
        topic,
        partition,
        ...(data !== undefined && { value: Buffer.from(data) }),
      }));
      const { offsets = [] } = await producer.send({ messages: messages as never });
      const counts = new Map<number, bigint>();
      for (const { partition } of records) counts.set(partition, (counts.get(partition) ?? 0n) + 1n);
      return new Map(
        offsets.map(
          ({ partition, offset }) =>
            [partitionShard(topic, partition), String(offset + (counts.get(partition) ?? 1n) - 1n)] as const,
        ),
      );
    },
    async addPartitions(count) {
      await admin.createPartitions({ topics: [{ name: topic, count }] });
      await producer.metadata({ topics: [topic], forceUpdate: true });
    },
    async close() {
      await Promise.all([admin.close(), producer.close()]);
    },
  };
}

/** The whole system behind a topic. Finalize runs only on request. */
export interface KafkaSystem extends Embedded {
  readonly topic: Topic;
  readonly groupId: string;
  /** Puts records and waits until they are committed. */
  put(records: readonly Sent[]): Promise<void>;
  /** Waits until records are committed. */
  settled(upTo: ReadonlyMap<string, SequenceNumber>): Promise<void>;
}

export async function startKafkaSystem(topic: Topic, options: Partial<LocalOptions> = {}): Promise<KafkaSystem> {
  const groupId = `group-${topic.topic}`;
  const { bootstrapServers } = topic;
  const kafka = { topic: topic.topic, bootstrapServers, groupId };
  const fixed = { pipelineFile, pipelineName, shards: 1, batchWindowMs: 0, finalizeEveryMs: null };
  const system = embedded(await startLocal({ ...fixed, kafka, ...options }));
  const settled = (upTo: ReadonlyMap<string, SequenceNumber>) => system.committed(upTo, new AbortController().signal);
  return { ...system, topic, groupId, settled, put: async (records) => settled(await topic.put(records)) };
}

/** An order, as a line. */
export function order(time: number, kind: string, amount = 1): string {
  return JSON.stringify({ time, kind, amount, id: randomUUID() });
}

/** Drains and returns all final rows, as lines. */
export async function finals(system: Embedded): Promise<readonly string[]> {
  while (!(await system.finalize({ request: 'drain' })).drained);
  return resultRows(await system.api.windows('byKind', { status: 'final' })).map((row) => JSON.stringify(row));
}
