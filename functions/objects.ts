import { S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Context, SQSEvent } from 'aws-lambda';
import pipeline from '#pipeline';
import { valueText } from './core/arguments/error.ts';
import { readObjectsConfig } from './edge/config.ts';
import { surviveOrphanRejections } from './edge/orphan-rejections.ts';
import { runPatience } from './edge/run-patience.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { type FedObject, feedObject, ObjectGone } from './sources/feed-object.ts';
import { sourceKinesis } from './sources/kinesis-client.ts';
import { continuation, type NotifiedObject, notifiedObjects } from './sources/object-notification.ts';
import { openObject } from './sources/s3-object.ts';
import { openTable } from './state/table/tables.ts';

const config = readObjectsConfig();
const { logger, measured } = createTelemetry(config.deployment ?? pipeline.name, 'objects', config.logLevel);
surviveOrphanRejections((reason) =>
  logger.warn('The pipeline left a promise behind that was rejected', { reason: String(reason) }),
);

const patience = runPatience();
const { table: state, meter } = openTable('state', config.stateTable, patience);
const kinesis = sourceKinesis({ requestTimeoutMs: 30_000, maxAttempts: 5 });
const s3 = new S3Client({
  forcePathStyle: config.bucketIn === 'path',
  requestHandler: new NodeHttpHandler({ connectionTimeout: 5_000 }),
});
// The queue is of the function's region. Its URL may name a host that only AWS knows.
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

type Outcome = FedObject['outcome'] | 'gone';

async function feed(
  object: NotifiedObject,
  owner: string,
  context: Context,
): Promise<Omit<FedObject, 'outcome'> & { readonly outcome: Outcome }> {
  try {
    return await feedObject(object, {
      pipeline,
      kinesis,
      streamName: config.stream,
      state,
      open: () => openObject(s3, object),
      owner,
      attempt: context.awsRequestId,
      now: () => Date.now(),
      remainingMs: () => context.getRemainingTimeInMillis(),
      random: Math.random,
      onNotPut: ({ number, bytes }) =>
        logger.error('A line is longer than a record of Kinesis may be', { ...object, line: number, bytes }),
    });
  } catch (error) {
    if (!(error instanceof ObjectGone)) throw error;
    logger.warn('An object was deleted or replaced before it was read', { ...object });
    return { outcome: 'gone', events: 0, lines: 0 };
  }
}

/**
 * Feeds the objects of the messages, one after the other. Objects that there is not enough time for become a message of
 * their own, whose receives are counted anew. An error gives the messages back to the queue, which moves them to its
 * dead letters after some receives.
 */
export async function handler(event: SQSEvent, context: Context): Promise<void> {
  patience.begin(context);
  return measured(meter, context, async () => {
    const counts = { objects: 0, objectEvents: 0, objectsGone: 0 };
    for (const { body, messageId } of event.Records) {
      const objects = notifiedObjects(body);
      if (objects.length === 0) logger.info('A message about no new object', { body: valueText(body) });
      for (const [i, object] of objects.entries()) {
        const { outcome, events, lines } = await feed(object, messageId, context);
        logger.info('An object was fed', { ...object, outcome, events, lines });
        counts.objectEvents += events;
        if (outcome === 'done') counts.objects++;
        if (outcome === 'gone') counts.objectsGone++;
        if (outcome !== 'paused') continue;
        // When not even one line was put, another invocation would fare no better. So that is an error, which the queue
        // counts.
        if (lines === 0)
          throw new Error(
            `${object.key}: the time of an invocation did not suffice to put anything: is the stream throttled?`,
          );
        await sqs.send(
          new SendMessageCommand({ QueueUrl: config.queueUrl, MessageBody: continuation(objects.slice(i)) }),
        );
        break;
      }
    }
    return { answer: undefined, counts, milliseconds: {} };
  });
}
