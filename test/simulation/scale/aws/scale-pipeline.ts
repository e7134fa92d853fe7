import type { StandardSchemaV1 } from '@standard-schema/spec';
import { count } from '../../../../functions/core/aggregates/index.ts';
import { definePipeline } from '../../../../functions/core/definition/define-pipeline.ts';
import type { Pipeline } from '../../../../functions/core/definition/pipeline.ts';
import type { StreamRecord } from '../../../../functions/core/fold/stream-record.ts';
import { tumbling } from '../../../../functions/core/windows/tumbling.ts';

/** An event of the cases: its time and its key. */
interface ScaleEvent {
  readonly t: number;
  readonly k: string;
}

const schema: StandardSchemaV1<unknown, ScaleEvent> = {
  '~standard': {
    version: 1,
    vendor: 'simulation',
    validate: (value) =>
      typeof value === 'object' && value !== null && 't' in value
        ? { value: value as ScaleEvent }
        : { issues: [{ message: 'not an event' }] },
  },
};

/** A pipeline that counts by key in windows side by side. */
export function scalePipeline({
  windowMs,
  delayMs,
}: {
  readonly windowMs: number;
  readonly delayMs: number;
}): Pipeline {
  return definePipeline({
    name: 'scale',
    event: schema,
    eventTime: { of: (event) => event.t, unit: 'ms' },
    watermark: { delay: { ms: delayMs }, idle: { ms: 3_600_000 }, maxFutureSkew: '36500 days' },
    queries: { byKey: { window: tumbling({ ms: windowMs }), groupBy: ['k'], aggregates: { count: count() } } },
  });
}

/** The records of a shard whose events follow from their position. */
export interface ScaleRecords {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly arrivalMs: number;
  /** Epoch ms, by position. */
  readonly timeOf: (position: number) => number;
  /** The number of the key, by position; undefined: an event that violates the schema. */
  readonly keyOf: (position: number) => number | undefined;
}

const firstNumber = 10n ** 40n;

/** The number of records of a shard up to a sequence number, with it. */
export const recordsThrough = (sequenceNumber: string): number => Number(BigInt(sequenceNumber) - firstNumber) + 1;

/** One event a record, as plain producers send them. */
export function scaleRecords({ from, to, arrivalMs, timeOf, keyOf }: ScaleRecords): readonly StreamRecord[] {
  return Array.from({ length: to - from }, (_, i) => {
    const key = keyOf(from + i);
    const text =
      key === undefined
        ? `{"bad":${from + i}}`
        : `{"t":${timeOf(from + i)},"k":"user-${String(key).padStart(7, '0')}"}`;
    return {
      sequenceNumber: `${firstNumber + BigInt(from + i)}`,
      arrival: arrivalMs,
      partitionKey: 'p',
      events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
    };
  });
}
