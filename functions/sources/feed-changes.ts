import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Pipeline } from '../core/definition/pipeline.ts';
import { createFeeder, type NotPut } from '../feeder/feeder.ts';
import { linePartitionKey } from '../feeder/partition-key.ts';
import type { ReadLine } from '../formats/lines.ts';
import type { TableChange } from './table-change.ts';

/** The dependencies of {@link feedChanges}. */
export interface FeedChangesOptions {
  readonly pipeline: Pipeline;
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly random: () => number;
  /** Called with each change that no record holds. Its number is its place in the batch, from 1. */
  readonly onNotPut: (line: NotPut) => void;
}

/**
 * Puts changes into the stream. The changes of one item are in their order on one shard, unless the pipeline says
 * otherwise. At least once: a batch that is delivered again is put again, with the same ids.
 * @returns how many were put
 */
export async function feedChanges(changes: readonly TableChange[], options: FeedChangesOptions): Promise<number> {
  const { pipeline, kinesis, streamName, random, onNotPut } = options;
  const [first] = changes;
  if (first === undefined) return 0;
  const itemOf = new Map<Buffer, string>();
  const lines = changes.map((change, i): ReadLine => {
    const line = Buffer.from(JSON.stringify(change));
    itemOf.set(line, JSON.stringify(change.keys));
    return { line, number: i + 1 };
  });
  const byItem = (line: Buffer) => itemOf.get(line);
  const feeder = createFeeder({
    kinesis,
    streamName,
    partitionKey: linePartitionKey(pipeline) ?? byItem,
    random,
    onNotPut,
  });
  await feeder.putLines(batch(lines), `dynamodb:${first.table}/${first.id}`);
  await feeder.flush();
  return feeder.progress().eventsPut;
}

async function* batch(lines: readonly ReadLine[]): AsyncGenerator<readonly ReadLine[]> {
  yield lines;
}
