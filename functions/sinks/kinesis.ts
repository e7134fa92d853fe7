import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import { fittingMessage } from './message.ts';
import { type OpenTarget, required, sinkClientConfig } from './setup.ts';

/** Kinesis's limit for a record with its partition key, 1 MB, less the longest key. */
const mostBytes = 1024 * 1024 - 256;

/** A record a pane. The query is its partition key, so a query's panes go to one shard, in order. At least once. */
export const openTarget: OpenTarget = (setup) => {
  const client = new KinesisClient(sinkClientConfig);
  const StreamName = required(setup);
  return {
    order: 'ordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      await client.send(
        new PutRecordCommand({
          StreamName,
          PartitionKey: delivery.query,
          Data: Buffer.from(fittingMessage(delivery, mostBytes)),
        }),
      );
    },
  };
};
