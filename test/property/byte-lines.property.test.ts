import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { asciiText, eventLines } from '../../cli/static/event-lines.ts';
import { createReadBuffer, type LineHandler, scanChunks } from '../../cli/static/scan.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { AcceptedEvent, Rejection } from '../../functions/core/fold/read-event.ts';
import {
  argMax,
  avg,
  collectSet,
  count,
  countDistinct,
  definePipeline,
  first,
  last,
  max,
  min,
  session,
  sum,
  topK,
  tumbling,
} from '../../functions/core/index.ts';
import { createStaticRun, type StaticPart } from '../../functions/core/static/static-run.ts';

const arrivalMs = Date.UTC(2026, 0, 10);
const watermark = { delay: '1 hour' } as const;
const window = tumbling('1 hour');

/** Pipelines whose events are counted from their bytes. */
const proven: readonly Pipeline[] = [
  definePipeline({
    name: 'enum',
    event: z.object({ time: z.number(), name: z.enum(['Open', 'Close', 'a"b']) }),
    eventTime: { of: (event) => event.time, unit: 's' },
    watermark,
    queries: { one: { groupBy: ['name'], window, aggregates: { count: count() } } },
  }),
  definePipeline({
    name: 'numbers',
    event: z.object({ time: z.number(), name: z.string(), size: z.number().nullish() }),
    eventTime: ({ time }) => time,
    watermark,
    queries: {
      one: { groupBy: ['name'], window, aggregates: { sum: sum('size'), avg: avg('size'), least: min('size') } },
      two: { groupBy: { of: (event) => event.size }, window, aggregates: { last: last('name'), most: max('size') } },
      none: { window: session('10 minutes'), aggregates: { count: count() } },
    },
  }),
  definePipeline({
    name: 'strict',
    event: z.strictObject({ time: z.number(), name: z.string().nullable(), flag: z.boolean().optional() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark,
    queries: {
      both: { groupBy: ['name', 'flag'], window, aggregates: { count: count() } },
      late: { groupBy: ['flag'], window, from: '2026-01-01T00:00:00Z', aggregates: { some: collectSet('name', 10) } },
    },
  }),
  definePipeline({
    name: 'checked',
    event: z.object({ time: z.iso.datetime({ offset: true }), name: z.string().min(1).max(5), size: z.string() }),
    eventTime: (event) => event.time,
    watermark,
    queries: {
      one: { groupBy: ['name'], window, aggregates: { sum: sum('size'), top: topK('name', 2) } },
    },
  }),
  definePipeline({
    name: 'asked',
    event: z.object({
      time: z.number().int().optional(),
      name: z.string().trim(),
      size: z.union([z.number().positive(), z.string()]),
      flag: z.literal([true, 'yes', 0]).optional(),
    }),
    eventTime: (event) => event.time,
    watermark,
    queries: {
      one: {
        groupBy: ['flag'],
        window,
        aggregates: { distinct: countDistinct('size'), at: first((event) => event.name) },
      },
      two: {
        window,
        aggregates: {
          best: argMax(
            (event) => event.name,
            (event) => event.size as number,
          ),
        },
      },
    },
  }),
  definePipeline({
    name: 'filled',
    event: z.object({ time: z.number(), name: z.string().default('none'), size: z.number().catch(0) }),
    eventTime: (event) => event.time,
    watermark,
    queries: { one: { groupBy: ['name'], window, aggregates: { sum: sum('size') } } },
  }),
];

/** Pipelines that need an object an event. */
const unproven: readonly Pipeline[] = [
  definePipeline({
    name: 'where',
    event: z.object({ time: z.number(), name: z.string() }).refine(({ name }) => name !== 'Close'),
    eventTime: (event) => event.time,
    watermark,
    queries: { one: { groupBy: ['name'], window, aggregates: { count: count() } } },
  }),
  definePipeline({
    name: 'function',
    event: z.object({ time: z.number(), name: z.string() }),
    eventTime: (event) => event.time,
    watermark,
    queries: {
      one: { where: (event) => event.name !== 'Open', groupBy: ['name'], window, aggregates: { count: count() } },
    },
  }),
];

/** A value of an arbitrary, once in so many times; else null. */
function rarely<T>(arbitrary: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, arbitrary);
}

const oddEnds = fc.constantFrom(' \n', '\n\n', '\n \t\r\n', '\n\ufeff', '\n\uFFFD', ' {}\n');

const second = Date.UTC(2026, 0, 1) / 1000;
const timeText = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: second, max: second + 7200 }).map(String) },
  { weight: 6, arbitrary: fc.integer({ min: second * 1000, max: second * 1000 + 9_000_000 }).map(String) },
  fc.integer({ min: 0, max: 7_200_000 }).map((ms) => String(second + ms / 1000)),
  fc.integer({ min: 0, max: 7_200_000 }).map((ms) => JSON.stringify(new Date(second * 1000 + ms).toISOString())),
  fc.constantFrom('"2026-01-01T01:00:00+02:00"', '"2026-01-01T25:00:00Z"', '1e9', '1767225600.0', '17672256e2', '-0'),
  fc.constantFrom('9007199254740993', '0.30000000000000004', '99999999999999999999', '1e400', 'null', '"x"', 'true'),
);
const valueText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('"Open"', '"Close"', '"a"', '1', '2.5', 'true', 'null') },
  { weight: 2, arbitrary: fc.constantFrom('"0.10"', '"-7"', '"123456789012345678"', '""', '"   b "', '"abcdefgh"') },
  fc.constantFrom('"Op\\u0065n"', '"\\ud800"', '"a\\"b"', '"é"', '"\u0001"', '[1]', '{"$numberDouble":"NaN"}', '1E2'),
  fc.constantFrom('-0', '-0.0', '0.1', '1.10', '12345678901234567', '0.1234567890123456789', '01', '1.', '-', 'nul'),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.string({ maxLength: 60 }).map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 6 }).map((value) => JSON.stringify(value)),
);
const oddField = fc.tuple(
  fc.constantFrom('"name"', '"time"', '"n\\u0061me"', '"__proto__"', '"other"', '"$numberDouble"', '"toString"', '"é"'),
  valueText,
);
const pair = (name: string, value: fc.Arbitrary<string>) => value.map((text) => [`"${name}"`, text] as const);
/** Lines are mostly of the same few shapes, as they are in files. */
const fields = fc
  .tuple(
    fc.tuple(pair('time', timeText), pair('name', valueText), pair('size', valueText), pair('flag', valueText)),
    fc.constantFrom([0, 1], [0, 1, 2], [0, 1, 3], [0, 1, 2, 3], [2, 0, 1], [0], [1, 2]),
    rarely(oddField, 8),
  )
  .map(([known, order, odd]) => [...order.flatMap((i) => [known[i] ?? []]), ...(odd === null ? [] : [odd])]);
const objectText = fc
  .tuple(fields, fc.constantFrom('', '', '', ' ', '\t'))
  .map(([pairs, space]) => `{${pairs.map(([name, value]) => `${name}:${space}${value}`).join(`,${space}`)}}`);

const ms = fc.integer({ min: second * 1000, max: second * 1000 + 9_000_000 });
const iso = ms.map((time) => JSON.stringify(new Date(time).toISOString()));
const word = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"c"', '"d"', '"e"', '"abcdé"'),
  fc.string({ maxLength: 5, minLength: 1 }).map((text) => JSON.stringify(text)),
);
const amount = fc.oneof(fc.integer(), fc.constantFrom(0.5, -2.25, 1e15, 123456.789, 0.000001)).map(String);

/** Lines that the pipelines of some names mostly accept. */
const goodLines: Readonly<Record<string, fc.Arbitrary<string>>> = {
  enum: fc
    .tuple(fc.integer({ min: second, max: second + 7200 }), fc.constantFrom('Open', 'Close'), rarely(word, 6))
    .map(([time, name, other]) => `{"time":${time},"name":"${name}"${other === null ? '' : `,"other":${other}`}}`),
  numbers: fc
    .tuple(ms, word, fc.oneof(amount, fc.constant('null')), fc.constantFrom('short', 'spaced', 'usual'))
    .map(([time, name, size, form]) => {
      if (form === 'short') return `{"name":${name},"time":${time}}`;
      if (form === 'usual') return `{"time":${time},"name":${name},"size":${size}}`;
      return `{ "size" : ${size}, "name" : ${name}, "other" : "x", "time" : ${time} }`;
    }),
  strict: fc
    .tuple(ms, word, fc.constantFrom(',"flag":true', ',"flag":false', ''))
    .map(([time, name, flag]) => `{"time":${time},"name":${name}${flag}}`),
  checked: fc
    .tuple(iso, word, fc.oneof(amount, fc.constantFrom('1.10', '99999999999999999999')))
    .map(([time, name, size]) => `{"time":${time},"name":${name},"size":"${size}"}`),
  asked: fc
    .tuple(ms, word, fc.oneof(amount, word), fc.constantFrom(',"flag":"yes"', ',"flag":true', ',"flag":0', ''))
    .map(([time, name, size, flag]) => `{"name":${name},"size":${size}${flag},"time":${time}}`),
};

/** What replaces some bytes of a line, and where. */
const change = fc.tuple(
  fc.nat(80),
  fc.nat(3),
  fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.constant(Uint8Array.of(0xc3, 0xa9))),
);

/** A line's bytes: mostly of an object, now and then with some of them changed. */
function lineOf(object: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const end = fc.oneof({ weight: 12, arbitrary: fc.constantFrom('\n', '\r\n') }, oddEnds);
  return fc.tuple(object, rarely(change, 8), end).map(([text, changed, ending]) => {
    const bytes = Buffer.from(text);
    if (changed === null) return Buffer.concat([bytes, Buffer.from(ending)]);
    const [at, cut, put] = changed;
    return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut), Buffer.from(ending)]);
  });
}

interface Outcome {
  readonly part: StaticPart;
  readonly rejected: readonly (readonly [line: number, reason: string, detail: string])[];
  readonly lines: number;
}

/** Counts bytes as `batch` does, or with every line parsed and given to the schema. */
async function counted(
  pipeline: Pipeline,
  bytes: Buffer,
  chunk: number,
  way: 'bytes' | 'plain',
): Promise<Outcome & { readonly scanned: number }> {
  const run = createStaticRun(pipeline, way === 'bytes' ? { asciiText } : {});
  const rejected: [number, string, string][] = [];
  let scanned = 0;
  const kept = (read: AcceptedEvent | Rejection, number: number): AcceptedEvent | Rejection => {
    if (read.outcome === 'rejected') rejected.push([number, read.reason, read.detail]);
    return read;
  };
  const { scanned: scan } = run;
  const handler = eventLines({
    parsed: (event, number) => kept(run.addParsed(event, arrivalMs), number),
    text: (text, number) => kept(run.add(text, arrivalMs), number),
    scanned: scan && {
      ...scan,
      count() {
        const isCounted = scan.count(arrivalMs);
        if (isCounted) scanned++;
        return isCounted;
      },
    },
    unreadable(reason, detail, number) {
      run.reject();
      rejected.push([number, reason, detail]);
    },
  });
  const reader: LineHandler = way === 'bytes' ? handler : { ...handler, quick: () => -1 };
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const lines = await scanChunks(chunks(), createReadBuffer(256), reader);
  return { part: run.part(), rejected, lines, scanned };
}

async function compared(pipelines: readonly Pipeline[], numRuns: number): Promise<number> {
  let scannedLines = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pipelines).chain((pipeline) => {
        const good = goodLines[pipeline.name] ?? objectText;
        const line = lineOf(fc.oneof({ weight: 3, arbitrary: good }, objectText));
        return fc.tuple(fc.constant(pipeline), fc.array(line, { minLength: 10, maxLength: 60 }));
      }),
      fc.integer({ min: 1, max: 3000 }),
      async ([pipeline, lines], chunk) => {
        const bytes = Buffer.concat(lines);
        const { scanned, ...fast } = await counted(pipeline, bytes, chunk, 'bytes');
        const { scanned: _none, ...plain } = await counted(pipeline, bytes, chunk, 'plain');
        expect(fast).toStrictEqual(plain);
        const { counted: inWindows, late, duplicate, rejected, filtered, received } = fast.part.counters;
        expect(received).toBe(inWindows + late + duplicate + rejected + filtered);
        scannedLines += scanned;
      },
    ),
    { numRuns },
  );
  return scannedLines;
}

test('lines that are counted from their bytes count as JSON.parse and the schema count them', async () => {
  expect(await compared(proven, 400)).toBeGreaterThan(2000);
}, 120_000);

test('pipelines that need an object an event count as JSON.parse and the schema count them', async () => {
  expect(await compared(unproven, 100)).toBe(0);
}, 120_000);
