import { createHash } from 'node:crypto';
import type { Delivery } from '../core/definition/sink.ts';

/**
 * What a FIFO queue or topic knows a pane by: in the order of its query, once within five minutes. Other targets are
 * told nothing.
 */
export function fifoIds(
  target: string,
  { pipeline, id, query }: Delivery,
): { MessageGroupId?: string; MessageDeduplicationId?: string } {
  if (!target.endsWith('.fifo')) return {};
  // An id may be longer than the 128 characters that there are for it.
  return {
    MessageGroupId: query,
    MessageDeduplicationId: createHash('sha256').update(`${pipeline}/${id}`).digest('hex'),
  };
}

/** What subscribers can filter by. */
export function messageAttributes({ query, status, revision, id, pipeline }: Delivery) {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  return {
    id: text(id),
    pipeline: text(pipeline),
    query: text(query),
    status: text(status),
    revision: { DataType: 'Number', StringValue: String(revision) },
  };
}

/** SQS's and SNS's limit for a message with its attributes, 256 KB, less those. */
export const mostMessageBytes = 255 * 1024;
