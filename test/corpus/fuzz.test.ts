import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durationMs, longestDurationMs } from '../../functions/core/arguments/duration.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { isConserved } from '../../functions/core/events/counters.ts';
import { eventTimeBounds, eventTimeOf, isoTime } from '../../functions/core/events/event-time.ts';
import { encodeAggregated } from '../../functions/feeder/kpl-record.ts';
import { kinesisBatch } from '../../functions/kinesis/event.ts';
import { streamRecords } from '../../functions/kinesis/records.ts';
import { readSideOutput } from '../../functions/state/items/side-scan.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { eventJson, toEventRecord } from '../../infra/local/mapping/kinesis-event.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { latePayloads, payloads } from './payloads.ts';
import pipeline from './pipeline.ts';
import { earliest, hourMs, type QueryApi, startQueryApi, t0, windowCount } from './query-api.ts';

/**
 * Runs of each property: enough to find easy failures; CI takes ten times as many. For a longer search: `FUZZ_RUNS=20000 npx
 * vitest run test/corpus/fuzz.test.ts`. A failure prints its seed, its path and the smallest input. `FUZZ_SEED` repeats
 * it.
 */
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100);
const seed = process.env['FUZZ_SEED'];
const bounded = { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) };
const timeout = 600_000 + numRuns * 60;

const shardId = 'shardId-000000000000';

/** A batch as Lambda delivers it. */
function batchOf(bytes: readonly Uint8Array[]) {
  const records = bytes.map((data, i) => ({
    SequenceNumber: String(i + 1),
    PartitionKey: 'p',
    Data: Buffer.from(data).toString('base64'),
    ApproximateArrivalTimestamp: t0 / 1000,
  }));
  return JSON.parse(eventJson(records.map((record) => toEventRecord(record, shardId, 'stream')))) as {
    Records: Record<string, unknown>[];
  };
}

/**
 * Records of the corpus to start from. They are short. The one with a promise that only a function's own process
 * survives is left out.
 */
const seeds = [...payloads, ...latePayloads]
  .map(({ data }) => Buffer.from(data))
  .filter((bytes) => bytes.length < 5000 && !bytes.includes('schema-rejects-later'));

/** Changes of bytes: one byte is set, removed or inserted, or the rest is cut off. */
const mutations = fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'insert', 'cut'), fc.nat(), fc.nat(255)), {
  minLength: 1,
  maxLength: 4,
});

function mutated(bytes: Buffer, changes: readonly (readonly [string, number, number])[]): Buffer {
  let changed = [...bytes];
  for (const [kind, where, byte] of changes) {
    const at = where % (changed.length + 1);
    if (kind === 'cut') changed = changed.slice(0, at);
    else changed.splice(at, kind === 'insert' ? 0 : 1, ...(kind === 'delete' ? [] : [byte]));
  }
  return Buffer.from(changed);
}

const aggregate = (events: readonly Uint8Array[]) =>
  encodeAggregated(
    events.map((event) => Buffer.from(event)),
    'p',
    '0',
  );
const eventBytes = fc.oneof(
  fc.constantFrom(...seeds),
  fc.tuple(fc.constantFrom(...seeds), mutations).map(([bytes, changes]) => mutated(bytes, changes)),
  fc.uint8Array({ maxLength: 60 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
);
const recordBytes = fc.oneof(
  { weight: 4, arbitrary: eventBytes },
  fc.array(eventBytes, { maxLength: 5 }).map(aggregate),
  fc
    .tuple(fc.array(eventBytes, { maxLength: 5 }).map(aggregate), mutations)
    .map(([bytes, changes]) => mutated(bytes, changes)),
);

describe('records of any bytes', () => {
  it(
    'end in one class each, and every one that is refused in the side output',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(recordBytes, { minLength: 1, maxLength: 6 }), async (bytes) => {
          const batch = kinesisBatch(batchOf(bytes), 'stream');
          const records = streamRecords(batch?.records ?? []);
          const rejects = memoryTable();
          const { counters } = await shardAggregator({
            ...logClock,
            pipeline,
            state: memoryTable(),
            rejects,
            shardId,
          }).apply(records, () => 60_000);
          expect(isConserved(counters)).toBe(true);
          expect(counters.received).toBe(records.reduce((total, { events }) => total + events.length, 0));
          expect({ late: counters.late, duplicate: counters.duplicate }).toEqual({ late: 0, duplicate: 0 });
          const side = await readSideOutput(rejects, [shardId], { fromMs: t0, toMs: t0 + 1, limit: 100_000 });
          expect(side).toHaveLength(counters.rejected);
          for (const { detail, eventTime } of side) {
            expect(eventTime).toBe(undefined);
            expect(detail.length).toBeLessThan(600);
            expect(Buffer.from(detail).toString()).toBe(detail);
          }
        }),
        bounded,
      );
    },
    timeout,
  );

  it(
    'come out of an aggregated record as they went in, and not at all when a byte of it is another',
    () => {
      fc.assert(
        fc.property(
          // with line ends one may be several events
          fc.array(
            eventBytes.map((bytes) => Buffer.from(bytes).filter((byte) => byte !== 10)),
            { maxLength: 8 },
          ),
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          (events, where, change) => {
            const whole = aggregate(events);
            const [record] = streamRecords(batchOf([whole]).Records as never);
            expect(record?.events.map(({ bytes }) => Buffer.from(bytes()))).toEqual(
              events.map((event) => Buffer.from(event)),
            );
            const broken = Buffer.from(whole);
            broken[where % broken.length] = (broken[where % broken.length] ?? 0) ^ change;
            const [other] = streamRecords(batchOf([broken]).Records as never);
            // A change of one of the first four bytes makes it text, but not valid text. A tag of it is a line end.
            if (where % broken.length < 4) {
              expect(other?.events.length).toBeGreaterThan(0);
              return;
            }
            expect(other?.events.map(({ text }) => text)).toMatchObject([
              { outcome: 'rejected', reason: 'corrupt-aggregate' },
            ]);
          },
        ),
        bounded,
      );
    },
    timeout,
  );
});

describe('an event of any form', () => {
  const events = fc.oneof(
    fc.jsonValue(),
    fc
      .tuple(
        fc.constantFrom(
          'kinesis',
          'eventSource',
          'eventID',
          'eventSourceARN',
          'sequenceNumber',
          'data',
          'partitionKey',
          'approximateArrivalTimestamp',
        ),
        fc.jsonValue(),
        fc.boolean(),
      )
      .map(([name, value, missing]) => {
        const { Records } = batchOf([Buffer.from('{}'), Buffer.from('{}')]);
        const second: Record<string, unknown> = Records[1] ?? {};
        const holder = name in second ? second : (second['kinesis'] as Record<string, unknown>);
        if (missing) delete holder[name];
        else holder[name] = value;
        return { Records };
      }),
  );

  it(
    'is a batch in order, or is refused in one line that names the field',
    () => {
      fc.assert(
        fc.property(events, (event) => {
          try {
            const batch = kinesisBatch(event, 'stream');
            streamRecords(batch?.records ?? []);
            const numbers = (batch?.records ?? []).map(({ kinesis }) => BigInt(kinesis.sequenceNumber));
            expect(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0n))).toBe(true);
          } catch (error) {
            expectRefusal(error, /^Records/);
          }
        }),
        bounded,
      );
    },
    timeout,
  );
});

function expectRefusal(error: unknown, field: RegExp): void {
  if (!(error instanceof TidemarkError)) throw error;
  expect(error.message).toMatch(field);
  expect(error.message).toMatch(/^[^\n]{10,400}$/);
}

describe('a duration of any text', () => {
  const anyLength = { leastMs: -longestDurationMs, mostMs: longestDurationMs };
  const units = {
    ms: 1,
    millisecond: 1,
    s: 1000,
    sec: 1000,
    second: 1000,
    seconds: 1000,
    m: 60_000,
    mins: 60_000,
    h: 3_600_000,
    Hours: 3_600_000,
    d: 86_400_000,
    w: 604_800_000,
  };
  const terms = fc.array(
    fc.record({
      count: fc.oneof(fc.bigInt({ min: -1000n, max: 1000n }), fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })),
      unit: fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
      space: fc.constantFrom('', ' ', '\t '),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const words = fc.array(
    fc.constantFrom(
      '1',
      '5',
      '-',
      '+',
      ' ',
      'h',
      'hour',
      'ours',
      's',
      'ms',
      '.',
      ',',
      'e',
      'P',
      'T',
      '0x',
      '\n',
      '٣',
      '𝟙',
    ),
    {
      maxLength: 8,
    },
  );

  it(
    'is whole milliseconds within its bounds, or is refused in one line',
    () => {
      fc.assert(
        fc.property(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            words.map((these) => these.join('')),
            fc.double(),
            fc.anything(),
          ),
          (value) => {
            try {
              const ms = durationMs('delay', value as string, anyLength);
              expect(Number.isSafeInteger(ms) && Math.abs(ms) <= longestDurationMs && !Object.is(ms, -0)).toBe(true);
              expect(durationMs('delay', `${ms} ms`, anyLength)).toBe(ms);
            } catch (error) {
              expectRefusal(error, /^delay: /);
            }
          },
        ),
        bounded,
      );
    },
    timeout,
  );

  it(
    'adds up exactly, or is refused',
    () => {
      fc.assert(
        fc.property(terms, (these) => {
          const text = these.map(({ count, unit, space }) => `${count}${space}${unit}`).join(' ');
          const sum = these.reduce((total, { count, unit }) => total + count * BigInt(units[unit]), 0n);
          try {
            expect(BigInt(durationMs('delay', text, anyLength))).toBe(sum);
          } catch (error) {
            expectRefusal(error, /^delay: /);
            const isModest = these.every(({ count }) => count >= -1000n && count <= 1000n);
            expect(isModest && sum <= BigInt(longestDurationMs) && sum >= -BigInt(longestDurationMs)).toBe(false);
          }
        }),
        bounded,
      );
    },
    timeout,
  );
});

describe('an event time of any text', () => {
  const times = fc.integer({ min: eventTimeBounds.earliest, max: eventTimeBounds.latest });
  const pieces = fc.array(
    fc.constantFrom(
      '2026',
      '-',
      '01',
      'T',
      '00',
      ':',
      'Z',
      '+',
      '.',
      '5',
      '[UTC]',
      '60',
      '24',
      '99',
      ' ',
      '\u2212',
      '\n',
    ),
    {
      maxLength: 14,
    },
  );

  it(
    'is whole milliseconds within the bounds, or is refused in one line',
    () => {
      const values = fc.oneof(
        pieces.map((these) => these.join('')),
        fc
          .tuple(times, fc.nat(23), fc.string({ maxLength: 1 }))
          .map(([time, at, other]) => `${isoTime(time).slice(0, at)}${other}${isoTime(time).slice(at + 1)}`),
        fc.string({ unit: 'binary' }),
        fc.double(),
        fc.anything(),
      );
      fc.assert(
        fc.property(values, fc.constantFrom(undefined, 's' as const, 'ms' as const), (value, unit) => {
          const time = eventTimeOf(value as string, unit);
          if (typeof time === 'number')
            expect(
              Number.isInteger(time) &&
                time >= eventTimeBounds.earliest &&
                time <= eventTimeBounds.latest &&
                !Object.is(time, -0),
            ).toBe(true);
          else expect(time.refused).toMatch(/^[^\n]{5,300}$/);
        }),
        bounded,
      );
    },
    timeout,
  );

  it(
    'is the moment it names, in any zone',
    () => {
      fc.assert(
        fc.property(times, fc.integer({ min: -18 * 60, max: 18 * 60 }), (time, offset) => {
          const there = isoTime(time + offset * 60_000).slice(0, -1);
          const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
            String(part).padStart(2, '0'),
          );
          expect(eventTimeOf(`${there}${offset < 0 ? '-' : '+'}${hours}:${minutes}`, undefined)).toBe(time);
        }),
        bounded,
      );
    },
    timeout,
  );
});

describe('a request of any text', () => {
  let api: QueryApi;
  let sideOutput: readonly unknown[];

  beforeAll(async () => {
    api = await startQueryApi();
    sideOutput = (await api.request('GET', '/v1/late')).body['events'] as readonly unknown[];
    expect(sideOutput.length).toBeGreaterThan(10);
  });
  afterAll(async () => {
    await api.close();
  });

  const pageOf = async (target: string) => {
    const { status, body } = await api.request('GET', target);
    if (status === 200) return body;
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { type: 'urn:problem-type:tidemark:invalid-parameter', parameter: 'cursor' },
    });
    return undefined;
  };

  const hours = fc.oneof(
    fc.integer({ min: -5, max: 20 }).map((hour) => t0 + hour * hourMs),
    fc.maxSafeInteger(),
    fc.double(),
  );
  const shards = fc.oneof(fc.constant(shardId), fc.string());
  const sortKeys = fc.oneof(
    fc
      .tuple(fc.nat(40), fc.nat(2), fc.constantFrom('', 'byKind'))
      .map(([number, sub, query]) => `4959${String(number).padStart(52, '0')}#${sub}#${query}`),
    fc.string({ unit: 'binary' }),
  );
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const cursors = fc.oneof(
    fc.tuple(shards, hours, sortKeys).map(base64url),
    fc.jsonValue().map(base64url),
    fc.string({ unit: 'binary' }),
    fc.integer({ min: -10, max: windowCount + 10 }).map((hour) => String(t0 + hour * hourMs)),
    fc.maxSafeInteger().map(String),
  );

  it(
    'is a cursor that gives what is left of the side output, or is refused',
    async () => {
      await fc.assert(
        fc.asyncProperty(cursors, fc.integer({ min: 1, max: 50 }), async (cursor, limit) => {
          const page = await pageOf(`/v1/late?limit=${limit}&cursor=${encodeURIComponent(cursor)}`);
          expect(api.errors).toEqual([]);
          if (page === undefined) return;
          const events = page['events'] as readonly unknown[];
          // A contiguous part of the whole, in its order.
          const from =
            events.length === 0
              ? 0
              : sideOutput.findIndex((event) => JSON.stringify(event) === JSON.stringify(events[0]));
          expect(events).toEqual(sideOutput.slice(from, from + events.length));
        }),
        bounded,
      );
    },
    timeout,
  );

  it(
    'is a cursor that gives windows of the range, or is refused',
    async () => {
      const ranges = fc
        .tuple(fc.integer({ min: -2, max: windowCount }), fc.nat(windowCount + 2))
        .map(([hour, length]) => [hour, hour + length] as const);
      await fc.assert(
        fc.asyncProperty(
          cursors,
          ranges,
          fc.constantFrom('ascending', 'descending'),
          async (cursor, [fromHour, toHour], order) => {
            const [from, to] = [t0 + fromHour * hourMs, t0 + toHour * hourMs];
            const page = await pageOf(
              `/v1/queries/byKind/windows?from=${from}&to=${to}&order=${order}&limit=3&cursor=${encodeURIComponent(cursor)}`,
            );
            expect(api.errors).toEqual([]);
            if (page === undefined) return;
            const starts = (page['windows'] as readonly { start: number }[]).map(({ start }) => start);
            const after = Number(cursor);
            const left = Array.from({ length: windowCount }, (_, i) => t0 + i * hourMs).filter(
              (start) => start >= from && start < to && (order === 'ascending' ? start > after : start < after),
            );
            if (order === 'descending') left.reverse();
            if (Number.isFinite(after)) expect(starts).toEqual(left.slice(0, 3));
          },
        ),
        bounded,
      );
    },
    timeout,
  );

  const names = fc.oneof(
    fc.constantFrom('from', 'to', 'limit', 'order', 'status', 'key', 'by', 'cursor', '__proto__', 'constructor', ''),
    fc.string(),
  );
  const values = fc.oneof(
    fc.constantFrom(
      '0',
      '-0',
      '1',
      '1000',
      'final',
      'open',
      'ascending',
      'kind',
      'noon',
      '{"kind":"a"}',
      '{"kind":null}',
      '[',
      String(t0),
      String(earliest),
    ),
    fc.string({ unit: 'binary' }),
    fc.integer().map(String),
    fc.json(),
  );
  const paths = fc.oneof(
    fc.constantFrom(
      'queries',
      'queries/byKind/windows',
      'queries/weekly/windows',
      'queries/byKind/totals',
      'late',
      'watermark',
      'conservation',
      'health',
    ),
    fc
      .tuple(fc.string(), fc.string())
      .map(([query, start]) => `queries/${encodeURIComponent(query)}/windows/${encodeURIComponent(start)}`),
    fc.string({ unit: fc.constantFrom('/', '.', '%', '2', 'F', 'a', '\\', ';', '@', '#'), maxLength: 12 }),
  );
  const searches = fc.oneof(
    fc
      .array(fc.tuple(names, values), { maxLength: 4 })
      .map((pairs) =>
        pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&'),
      ),
    fc.string({ unit: fc.constantFrom('&', '=', '%', 'f', 'r', 'o', 'm', '0', '+', '?', '#', ';'), maxLength: 20 }),
  );

  it(
    'is answered, or refused by a problem that names the parameter: it is never the function that fails',
    async () => {
      await fc.assert(
        fc.asyncProperty(paths, searches, async (path, search) => {
          const { status, headers, body } = await api.request('GET', `/v1/${path}?${search}`);
          expect(api.errors).toEqual([]);
          if (status === 200) return;
          expect([400, 404]).toContain(status);
          expect(String(headers['content-type'])).toBe('application/problem+json');
          const { detail, parameter, title, type } = body as Readonly<Record<string, string>>;
          expect({ title, type }).toEqual({
            title: expect.any(String),
            type: expect.stringMatching(/^urn:problem-type:tidemark:[a-z-]+$/),
          });
          expect(detail).toMatch(new RegExp(`^[^]{${String(parameter).length}}: [^\\n]+$`));
          expect(detail?.startsWith(`${parameter}: `)).toBe(true);
        }),
        bounded,
      );
    },
    timeout,
  );
});
