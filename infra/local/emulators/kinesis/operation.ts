import type { Field, Fields } from './fields.ts';
import { invalidArgument } from './kinesis-error.ts';
import type { Stream, Streams } from './streams.ts';

/** An operation of Kinesis: the rules of its request, and what it does. */
export interface Operation {
  readonly fields: Fields;
  /** @returns the answer; undefined: an empty one */
  run(request: never): object | undefined;
}

/** The operations of a part of Kinesis, by name. */
export type Operations = Readonly<Record<string, Operation>>;

const text = (most: number, pattern?: RegExp): Field => ({ type: 'text', most, ...(pattern && { pattern }) });

/** The rules of fields that several operations have. */
export const field = {
  name: text(128, /^[a-zA-Z0-9_.-]+$/),
  arn: text(2048),
  hashKey: text(39, /^(?:0|[1-9]\d{0,38})$/),
  sequenceNumber: text(129, /^(?:0|[1-9]\d{0,128})$/),
  partitionKey: text(256),
  pageSize: { type: 'number', least: 1, most: 10_000 },
  token: text(1024 * 1024),
  shardIterator: text(512),
  iteratorType: text(64, /^(?:AFTER_SEQUENCE_NUMBER|AT_SEQUENCE_NUMBER|AT_TIMESTAMP|LATEST|TRIM_HORIZON)$/),
} as const satisfies Readonly<Record<string, Field>>;

/** The same rule for a field that must be there. */
export function required(rule: Field): Field {
  return { ...rule, required: true };
}

/** The fields that name a stream: its name, or its ARN. */
export const streamFields = { StreamName: field.name, StreamARN: field.arn } satisfies Fields;

/** A request about a stream. */
export interface OfStream {
  readonly StreamName?: string;
  readonly StreamARN?: string;
}

/** The stream that a request names. @throws KinesisError `InvalidArgumentException` or `ResourceNotFoundException` */
export function streamOf(streams: Streams, { StreamName, StreamARN }: OfStream): Stream {
  const name = StreamName ?? /:stream\/([a-zA-Z0-9_.-]+)$/.exec(StreamARN ?? '')?.[1];
  if (name === undefined) throw invalidArgument('Either StreamName or the StreamARN of a stream must be provided.');
  return streams.get(name);
}
