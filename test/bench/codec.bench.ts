import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import * as z from 'zod';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { createFold } from '../../functions/core/fold/fold.ts';
import { encodePartials, inputsOf } from '../../functions/core/fold/partial.ts';
import { avg, count, definePipeline, max, min, sum, tumbling } from '../../functions/core/index.ts';
import { decodeBlock, encodeBlock, type SlicePart } from '../../functions/core/log/block.ts';
import { pack, unpack, writeUnitsOf } from '../../functions/state/table/packed-text.ts';
import { type Figure, median, yardstick } from './figure.ts';

const eventsInBatch = 1000;
/** What an entry holds beside its sections: keys, the sequence number, the running totals. */
const overheadBytes = 400;
const warmUpRounds = 40;
const rounds = 100;
const mostBytesAKey = 6;
const mostMs = 0.5;

interface Sample {
  readonly time: number;
  readonly user: string;
  /** With two decimals, as prices have. */
  readonly amount: number;
  readonly ms: number;
}

/** Names of the keys, by position. */
const names: Readonly<Record<string, (i: number) => string>> = {
  'user-NNNNN': (i) => `user-${String((i * 7919) % 100_000).padStart(5, '0')}`,
  UUIDs: uuid,
};

const aggregates = {
  count: { count: count() },
  'five aggregates': {
    count: count(),
    total: sum<'amount'>('amount'),
    mean: avg<'amount'>('amount'),
    least: min<'ms'>('ms'),
    most: max<'ms'>('ms'),
  },
} as const;

const keyNumbers = [2, 100, 1000, 10_000, 100_000];
/** The numbers of keys whose encoding is timed. */
const timedKeyNumbers = [100, 100_000];

/** Ways to compress a text, for comparison. What is written has to be readable on every Node, so zstd is not one. */
const ways: Readonly<Record<string, (text: string) => Uint8Array>> = {
  'deflate, level 1': (text) => deflateRawSync(text, { level: 1 }),
  'deflate, level 6': (text) => deflateRawSync(text),
  'deflate, level 6, a dictionary': (text) => deflateRawSync(text, { dictionary }),
  'brotli, quality 1': (text) => brotli(text, 1),
  'brotli, quality 5': (text) => brotli(text, 5),
};

/** Beginnings of columns, names and small counts. */
const dictionary = Buffer.from(
  ',6,5,4,3,3,2,2,1,1,1,1,2,1],{"all":1},{"of":[{"from":1700000000000,"plus":[0,{"same":"0","rest":",',
);

function brotli(text: string, quality: number): Uint8Array {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}

/**
 * Measures the bytes that 1,000 events take in an entry, by the number of their keys, and the time of encoding them:
 * columns, JSON text and compression. Beside them stand the same partials in rows, and other ways to compress.
 * @throws when a block does not decode to the same number of keys
 */
export async function benchCodec(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [named, nameOf] of Object.entries(names))
    for (const [kind, of] of Object.entries(aggregates)) {
      say(`${named}, ${kind}: ${eventsInBatch} events over ${keyNumbers.join(', ')} keys`);
      const query = queryOf(of);
      for (const keys of keyNumbers) {
        const name = `${kind}, ${keys.toLocaleString('en-US')} ${named}`;
        const part = folded(query, keys, nameOf);
        figures.push(sizeOf(name, query, part));
        if (timedKeyNumbers.includes(keys)) figures.push(timeOf(name, query, part));
      }
    }
  return figures;
}

function sizeOf(name: string, query: Query, part: SlicePart): Figure {
  const keys = part.partials.length;
  const text = JSON.stringify(encodeBlock(query, [part]));
  const data = pack(text, overheadBytes);
  const decode = () => decodeBlock(query, JSON.parse(unpack(data)));
  const [back] = decode();
  if (back?.partials.length !== keys) throw new Error(`${name}: ${back?.partials.length} of ${keys} keys came back`);
  const bytes = Buffer.byteLength(data);
  const figure = { value: bytes / keys, better: 'lower' } as const;
  const rows = encodePartials(query, part.partials);
  const beside = {
    'rows, JSON text': Buffer.byteLength(rows),
    'rows, deflate': deflateRawSync(rows).length,
    'columns, JSON text': Buffer.byteLength(text),
    ...Object.fromEntries(Object.entries(ways).map(([way, compress]) => [`columns, ${way}`, compress(text).length])),
  };
  return {
    ...figure,
    name,
    unit: 'bytes a key',
    yardsticks: Object.entries(beside).map(([way, size]) => yardstick(figure, way, size / keys)),
    ...(keys === 100 && name.startsWith('count,') && name.endsWith('user-NNNNN')
      ? { target: { text: `at most ${mostBytesAKey}`, met: figure.value <= mostBytesAKey } }
      : {}),
    details: { keysInBatch: keys, bytes, writeUnits: writeUnitsOf(bytes + overheadBytes), decodeMs: msOf(decode) },
  };
}

function timeOf(name: string, query: Query, part: SlicePart): Figure {
  const encode = () => JSON.stringify(encodeBlock(query, [part]));
  const times = timesOf({
    this: () => pack(encode(), overheadBytes),
    'rows, deflate': () => deflateRawSync(encodePartials(query, part.partials)),
    'columns, JSON text': encode,
    ...Object.fromEntries(Object.entries(ways).map(([way, compress]) => [`columns, ${way}`, () => compress(encode())])),
  });
  const figure = { value: times.get('this') ?? Number.NaN, better: 'lower' } as const;
  times.delete('this');
  return {
    ...figure,
    name: `${name}, encoding`,
    unit: 'ms a batch',
    yardsticks: [...times].map(([way, ms]) => yardstick(figure, way, ms)),
    ...(part.partials.length === 100 ? { target: { text: `at most ${mostMs}`, met: figure.value <= mostMs } } : {}),
    details: { rounds },
  };
}

/** The partials of a batch whose events are spread over the keys at random, all in one slice. */
function folded(query: Query, keys: number, nameOf: (i: number) => string): SlicePart {
  const random = numbers(42);
  const fold = createFold();
  for (let i = 0; i < eventsInBatch; i++) {
    const event: Sample = {
      time: 1_700_000_000_000 + i,
      user: nameOf(Math.floor(random() * keys)),
      amount: Number((random() * 200).toFixed(2)),
      ms: Math.round(random() ** 3 * 5000),
    };
    const inputs = inputsOf(query, event, event.time);
    const key = query.keyOf(event);
    if ('refused' in inputs || typeof key !== 'string') throw new Error('an event was refused');
    fold.add(query, key, inputs, event.time);
  }
  const [slice] = fold.slices;
  if (slice === undefined) throw new Error('no slice');
  return {
    slice: slice.slice,
    records: slice.records,
    partials: [...slice.keys.values()].map(({ key, states }) => [key, states] as const),
  };
}

function queryOf(of: (typeof aggregates)[keyof typeof aggregates]): Query {
  const { queries } = definePipeline({
    name: 'bench-codec',
    event: z.object({ time: z.number(), user: z.string(), amount: z.number(), ms: z.number() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: { q: { groupBy: ['user'], window: tumbling('1 hour'), aggregates: of } },
  });
  const [query] = queries;
  if (query === undefined) throw new Error('no query');
  return query;
}

function msOf(run: () => unknown): number {
  return timesOf({ run }).get('run') ?? Number.NaN;
}

/** The median times of several ways to do something, in ms. They run by turns. */
function timesOf(ways: Readonly<Record<string, () => unknown>>): Map<string, number> {
  const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  for (let round = 0; round < warmUpRounds + rounds; round++)
    for (const [name, run] of Object.entries(ways)) {
      const startedMs = performance.now();
      run();
      if (round >= warmUpRounds) times.get(name)?.push(performance.now() - startedMs);
    }
  return new Map([...times].map(([name, ms]) => [name, median(ms)]));
}

/** Random numbers from 0 to 1 that are the same in every run (xorshift32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The UUID of a number, as random as those of version 4. */
function uuid(i: number): string {
  const random = numbers(i * 2_654_435_761 + 1);
  for (let skipped = 0; skipped < 8; skipped++) random();
  const hex = Array.from({ length: 8 }, () =>
    Math.floor(random() * 65_536)
      .toString(16)
      .padStart(4, '0'),
  );
  const [a, b, c, d = '', e, f, g, h] = hex;
  return `${a}${b}-${c}-4${d.slice(1)}-${e}-${f}${g}${h}`;
}
