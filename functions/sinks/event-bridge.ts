import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { fittingMessage } from './message.ts';
import { type OpenTarget, required, sinkClientConfig } from './setup.ts';

/** EventBridge's limit for an entry with its source and type, 256 KB, less the length of those two. */
const mostBytes = 255 * 1024;

/** An event a pane on a bus. At least once; a bus keeps no order. */
export const openTarget: OpenTarget = (setup) => {
  const client = new EventBridgeClient(sinkClientConfig);
  const EventBusName = required(setup);
  return {
    order: 'unordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      const Detail = fittingMessage(delivery, mostBytes);
      const entry = {
        EventBusName,
        Source: 'tidemark',
        DetailType: 'Tidemark Window',
        Detail,
        Time: new Date(delivery.emittedAt),
      };
      const { FailedEntryCount = 0, Entries = [] } = await client.send(new PutEventsCommand({ Entries: [entry] }));
      if (FailedEntryCount > 0) throw new Error(`EventBridge: ${Entries[0]?.ErrorCode}: ${Entries[0]?.ErrorMessage}`);
    },
  };
};
