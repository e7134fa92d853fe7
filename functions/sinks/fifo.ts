import { createHash } from 'node:crypto';
import type { Delivery } from '../core/definition/sink.ts';

/**
 * The group and the id of a pane in a FIFO queue or topic: in the order of its query, once within five minutes. Other
 * targets get neither.
 */
export function fifoIds(
  target: string,
  { pipeline, id, query }: Delivery,
): { MessageGroupId?: string; MessageDeduplicationId?: string } {
  if (!target.endsWith('.fifo')) return {};
  // An id may be longer than the 128 characters that there is room for.
  return {
    MessageGroupId: query,
    MessageDeduplicationId: createHash('sha256').update(`${pipeline}/${id}`).digest('hex'),
  };
}

/** The attributes that subscribers can filter by. */
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

/** SQS's and SNS's limit for a message with its attributes, 256 KB, less the length of the attributes. */
export const mostMessageBytes = 255 * 1024;
