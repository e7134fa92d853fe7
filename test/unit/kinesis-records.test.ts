import { isUtf8 } from 'node:buffer';
import type { KinesisStreamEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../functions/core/event-json.ts';
import { streamRecords } from '../../functions/kinesis-records.ts';
import { eventJson, toEventRecord } from '../../infra/local/kinesis-event.ts';

/** A batch with one record for each payload, as Lambda delivers it. */
function batchOf(payloads: readonly Buffer[]): KinesisStreamEvent {
  const records = payloads.map((payload, i) =>
    toEventRecord(
      {
        SequenceNumber: String(i + 1),
        PartitionKey: 'p',
        Data: payload.toString('base64'),
        ApproximateArrivalTimestamp: 1_700_000_000.123,
      },
      'shardId-000000000000',
      's',
    ),
  );
  return JSON.parse(eventJson(records)) as KinesisStreamEvent;
}

/** The one event of each record. */
function eventsOf(payloads: readonly Buffer[]) {
  return streamRecords(batchOf(payloads).Records).map(({ events }) => {
    expect(events).toHaveLength(1);
    return events[0];
  });
}

const flat = fc.record({
  time: fc.oneof(fc.integer(), fc.double({ noDefaultInfinity: true, noNaN: true })),
  action: fc.string({ unit: 'binary' }),
});
const text = fc.oneof(
  { weight: 4, arbitrary: flat.map((event) => JSON.stringify(event)) },
  flat.map((event) => `${JSON.stringify(event)}\n`),
  flat.map((event) => JSON.stringify(event).slice(0, -1)),
  flat.map((event) => `${JSON.stringify(event)}}`),
  fc.json(),
);
const payload = fc.oneof(
  { weight: 9, arbitrary: text.map((written) => Buffer.from(written)) },
  fc.uint8Array().map(Buffer.from),
);

describe('the records of a batch', () => {
  it('give for every payload what the text of an event holds, whatever came before it', () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 60 }), (payloads) => {
        eventsOf(payloads).forEach((event, i) => {
          const bytes = payloads[i] ?? Buffer.alloc(0);
          expect(Buffer.from(event?.bytes() ?? [])).toEqual(bytes);
          if (!isUtf8(bytes)) expect(event?.text).toMatchObject({ outcome: 'rejected', reason: 'encoding' });
          else expect(event).toMatchObject(parsedOrText(bytes.toString()));
        });
      }),
    );
  });

  it('reads a record that is longer than the place where small ones are decoded', () => {
    const long = Buffer.from(JSON.stringify({ time: 1, action: 'x'.repeat(100_000) }));
    const [event] = eventsOf([long]);
    expect(event?.text).toBe(long.toString());
  });
});

function parsedOrText(written: string) {
  try {
    return { parsed: parseEvent(written) };
  } catch {
    return { text: written };
  }
}
