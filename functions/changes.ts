import type { Context } from 'aws-lambda';
import pipeline from '#pipeline';
import { readSourceConfig } from './edge/config.ts';
import { surviveOrphanRejections } from './edge/orphan-rejections.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { feedChanges } from './sources/feed-changes.ts';
import { sourceKinesis } from './sources/kinesis-client.ts';
import { tableChanges } from './sources/table-change.ts';

const config = readSourceConfig();
const { logger, measured } = createTelemetry(config.deployment ?? pipeline.name, 'changes', config.logLevel);
surviveOrphanRejections((reason) =>
  logger.warn('The pipeline left a promise behind that was rejected', { reason: String(reason) }),
);

const kinesis = sourceKinesis({ requestTimeoutMs: 20_000, maxAttempts: 3 });

/**
 * Puts a batch of changes of a table into the stream. An error of it has Lambda deliver the batch again, until DynamoDB
 * has forgotten it after a day.
 */
export async function handler(event: unknown, context: Context): Promise<void> {
  return measured(undefined, context, async () => {
    const received = tableChanges(event);
    let changesTooLarge = 0;
    const changes = await feedChanges(received, {
      pipeline,
      kinesis,
      streamName: config.stream,
      random: Math.random,
      onNotPut: ({ number, bytes }) => {
        changesTooLarge++;
        const { id, keys } = received[number - 1] ?? {};
        logger.error(
          'A change is longer than a record of Kinesis may be: leave the old images out of the stream of the table',
          { id, keys, bytes },
        );
      },
    });
    return { answer: undefined, counts: { changes, changesTooLarge }, milliseconds: {} };
  });
}
