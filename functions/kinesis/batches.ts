import type { Batches } from '../edge/batches.ts';
import { type StreamSource, sourceOf } from '../edge/config.ts';
import { kinesisBatch } from './event.ts';
import { streamRecords } from './records.ts';

/** The batches of an event source mapping from Kinesis: each is of one shard. */
export function openBatches(config: StreamSource): Batches {
  const { stream } = sourceOf('kinesis', config);
  return {
    of(event) {
      const batch = kinesisBatch(event, stream);
      return batch === undefined
        ? []
        : [{ shardId: batch.shardId, records: streamRecords(batch.records), arrivalBy: 'stream' }];
    },
    answer: (resumeAt) => ({ batchItemFailures: resumeAt.map((itemIdentifier) => ({ itemIdentifier })) }),
  };
}
