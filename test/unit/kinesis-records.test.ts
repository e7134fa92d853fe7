import { isUtf8 } from 'node:buffer';
import type { KinesisStreamEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../functions/core/events/event-json.ts';
import { afterByteOrderMark, looksUtf16 } from '../../functions/formats/encoding.ts';
import { streamRecords } from '../../functions/kinesis/records.ts';
import { eventJson, toEventRecord } from '../../infra/local/mapping/kinesis-event.ts';

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

/** The only event of each record. */
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
        const single = payloads.map((bytes) =>
          isWhole(bytes) ? bytes : bytes.filter((byte) => byte !== 10),
        ) as Buffer[];
        eventsOf(single.map(Buffer.from)).forEach((event, i) => {
          const bytes = Buffer.from(single[i] ?? []);
          expect(Buffer.from(event?.bytes() ?? [])).toEqual(bytes);
          if (!isUtf8(bytes) || looksUtf16(bytes))
            expect(event?.text).toMatchObject({ outcome: 'rejected', reason: 'encoding' });
          else
            expect(event).toMatchObject(
              parsedOrText(bytes.toString('utf8', afterByteOrderMark(bytes, 0, bytes.length))),
            );
        });
      }),
      // The least of what was found: bytes that are UTF-8 and look like UTF-16, a byte order mark.
      { examples: [[[Buffer.from([1, 0])]], [[Buffer.from('\ufeff{"a":1}')]], [[Buffer.from('\ufeffx')]]] },
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

/** Whether the payload is one event, whatever line breaks it contains: JSON as a whole. */
function isWhole(bytes: Buffer): boolean {
  return isUtf8(bytes) && 'parsed' in parsedOrText(bytes.toString());
}

describe('a record of several lines, as the Kinesis agent writes them', () => {
  const subRecords = (payload: Buffer) =>
    streamRecords(batchOf([payload]).Records).flatMap(({ events }) =>
      events.map(({ subRecord, text, bytes }) => ({ subRecord, text, bytes: Buffer.from(bytes()).toString('latin1') })),
    );

  it('is one record whose events are its lines, each with its place, its bytes and its own verdict', () => {
    const payload = Buffer.concat([
      Buffer.from('\ufeff{"time":1}\n\n{"time":2}\r\n \t\n{"time":\n'),
      Buffer.from([0xe9, 10]),
      Buffer.from('{"time":3}'),
    ]);
    const events = subRecords(payload);
    expect(events.map(({ subRecord }) => subRecord)).toEqual([0, 1, 2, 3, 4]);
    expect(events.map(({ bytes }) => bytes).slice(1)).toEqual(['{"time":2}', '{"time":', '\xe9', '{"time":3}']);
    expect(events.map(({ text }) => (typeof text === 'string' ? text : text?.reason))).toEqual([
      '{"time":1}',
      '{"time":2}',
      '{"time":',
      'encoding',
      '{"time":3}',
    ]);
  });

  it('is read alike when it is longer than the place where small ones are decoded', () => {
    const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ time: i }));
    expect(subRecords(Buffer.from(`${lines.join('\n')}\n`)).map(({ text }) => text)).toEqual(lines);
  });

  it('stays one event when the lines are those of one JSON value, or hold nothing', () => {
    for (const payload of ['{\n  "time": 1\n}\n', '\n\n', '{"time":1}\n'])
      expect([payload, subRecords(Buffer.from(payload)).length]).toEqual([payload, 1]);
  });

  it('has no byte order mark in its text, and UTF-16 is rejected as that, whole', () => {
    const [marked] = streamRecords(batchOf([Buffer.from('\ufeff{"time":1}')]).Records)[0]?.events ?? [];
    expect(marked).toMatchObject({ parsed: { time: 1 } });
    const wide = subRecords(Buffer.from('\ufeff{"time":1}\n{"time":2}\n', 'utf16le'));
    expect(wide).toMatchObject([{ text: { reason: 'encoding', detail: expect.stringContaining('UTF-16') } }]);
  });
});
