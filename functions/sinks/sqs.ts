import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { fifoIds, messageAttributes, mostMessageBytes } from './fifo.ts';
import { fittingMessage } from './message.ts';
import { type OpenTarget, required, sinkClientConfig } from './setup.ts';

/**
 * A message a pane. Standard queue: at least once, in no order. FIFO queue: in the order of the query, and once within
 * its five minutes.
 */
export const openTarget: OpenTarget = (setup) => {
  const QueueUrl = required(setup);
  // The queue is of the function's region. Its URL may name a host that only AWS knows.
  const client = new SQSClient({ ...sinkClientConfig, useQueueUrlAsEndpoint: false });
  return {
    order: QueueUrl.endsWith('.fifo') ? 'ordered' : 'unordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      const MessageBody = fittingMessage(delivery, mostMessageBytes);
      await client.send(
        new SendMessageCommand({
          QueueUrl,
          MessageBody,
          MessageAttributes: messageAttributes(delivery),
          ...fifoIds(QueueUrl, delivery),
        }),
      );
    },
  };
};
