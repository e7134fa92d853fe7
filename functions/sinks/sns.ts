import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { fifoIds, messageAttributes, mostMessageBytes } from './fifo.ts';
import { fittingMessage } from './message.ts';
import { type OpenTarget, required, sinkClientConfig } from './setup.ts';

/**
 * A message a pane on a topic. Standard topic: at least once, in no order. FIFO topic: in the order of the query, and
 * once within its five minutes.
 */
export const openTarget: OpenTarget = (setup) => {
  const TopicArn = required(setup);
  const client = new SNSClient(sinkClientConfig);
  return {
    order: TopicArn.endsWith('.fifo') ? 'ordered' : 'unordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      const Message = fittingMessage(delivery, mostMessageBytes);
      await client.send(
        new PublishCommand({
          TopicArn,
          Message,
          MessageAttributes: messageAttributes(delivery),
          ...fifoIds(TopicArn, delivery),
        }),
      );
    },
  };
};
