import type { Pipeline } from '../core/definition/pipeline.ts';
import { parseEvent } from '../core/events/event-json.ts';

/** Most characters of a Kinesis partition key. */
export const longestPartitionKey = 256;

/**
 * A pipeline's partition key as a function of a line. It gives undefined for lines that are not an event of the
 * pipeline, which have no key.
 */
export function linePartitionKey(pipeline: Pipeline): ((line: Buffer) => string | undefined) | undefined {
  const { schema } = pipeline;
  if (pipeline.partitionKey === undefined) return undefined;
  return (line) => {
    try {
      const result = schema.validate(parseEvent(line.toString('utf8')));
      return result instanceof Promise || result.issues !== undefined
        ? undefined
        : eventPartitionKey(pipeline, result.value);
    } catch {
      return undefined;
    }
  };
}

/** The partition key of an event that the schema took; undefined when the pipeline gives none, or throws. */
export function eventPartitionKey({ partitionKey }: Pipeline, event: unknown): string | undefined {
  try {
    const key: unknown = partitionKey?.(event);
    return typeof key === 'string' && key !== '' ? key : undefined;
  } catch {
    return undefined;
  }
}
