import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf } from '../conformance/difference.ts';
import { isObject, type Json, type JsonObject, objectsOf } from '../conformance/json.ts';
import { main } from '../conformance/main.ts';
import { runVector } from '../conformance/run-vector.ts';
import { judge } from '../conformance/verdict.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = `${root}test/vectors/`;
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const vectors: readonly JsonObject[] = files.flatMap((name) =>
  objectsOf(JSON.parse(readFileSync(folder + name, 'utf8')) as Json),
);
const idOf = (vector: JsonObject) => String(vector['id']);

/** The first two columns of the tables in docs/PEERS.md: a vector, and its outcome. */
function documented(): ReadonlyMap<string, string> {
  const rows = readFileSync(`${root}docs/PEERS.md`, 'utf8').matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm);
  return new Map([...rows].map(([, id = '', outcome = '']) => [id, outcome.trim()]));
}

/** A stream vector of this test, for cases that the files do not cover. */
function stream(fields: JsonObject): JsonObject {
  return {
    id: 'own',
    kind: 'stream',
    portability: 'direct',
    window: { type: 'tumbling', size: 10, offset: 0 },
    ...fields,
  };
}

/** A value with every leaf changed at once, except the names of the steps. */
function scrambled(value: Json, name = ''): Json {
  if (Array.isArray(value)) return value.map((element: Json) => scrambled(element));
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, scrambled(inner, key)]));
  if (name === 'afterStep') return value;
  return typeof value === 'number'
    ? value + 77
    : typeof value === 'string'
      ? `${value}?`
      : value === null
        ? 77
        : !value;
}

/** Copies of a value, one for each leaf, with that leaf changed. */
function* spoiled(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    for (const [at, element] of (value as readonly Json[]).entries())
      for (const other of spoiled(element)) yield value.with(at, other);
  } else if (isObject(value)) {
    for (const [name, inner] of Object.entries(value))
      for (const other of spoiled(inner)) yield { ...value, [name]: other };
  } else yield scrambled(value);
}

describe('the peers’ vectors', () => {
  it('come out as docs/PEERS.md says, every one of them', async () => {
    const outcomes = new Map<string, string>();
    for (const vector of vectors) {
      const verdict = await judge(vector);
      outcomes.set(verdict.id, verdict.outcome === 'unsupported' ? `lacks: ${verdict.detail}` : verdict.outcome);
    }
    expect(Object.fromEntries(outcomes)).toEqual(Object.fromEntries(documented()));
    expect(outcomes.size).toBe(111);
    expect([...outcomes.values()]).not.toContain('fail');
  });

  it('pass where their windows and features exist today', async () => {
    const due = vectors.filter(({ portability, window, dedup, trigger }) => {
      if (portability !== 'direct' || dedup !== undefined || trigger !== undefined) return false;
      return !isObject(window) || !('anchor' in window || 'input' in window);
    });
    expect(due.length).toBeGreaterThanOrEqual(35);
    for (const vector of due) expect(await judge(vector)).toEqual({ id: idOf(vector), outcome: 'pass' });
  });

  it('are answered without a look at the values that are expected', async () => {
    for (const vector of vectors) {
      const asked = isObject(vector['expect']) ? Object.keys(vector['expect']) : [];
      // The entries of these are the question. They are nowhere else.
      if (asked.includes('rejected') || asked.includes('merge')) continue;
      const run = await runVector(vector);
      expect(await runVector({ ...vector, expect: scrambled(vector['expect'] ?? null) })).toEqual(run);
    }
  });

  it('fail when any one number or text of what they expect is another', async () => {
    let checked = 0;
    for (const vector of vectors) {
      const run = await runVector(vector);
      if (run.status === 'unsupported' || differenceOf(vector['expect'], run.actual) !== undefined) continue;
      const { state: _, ...asserted } = vector['expect'] as JsonObject;
      for (const expected of spoiled(asserted)) {
        checked++;
        expect(differenceOf(expected, run.actual), `${idOf(vector)} ${JSON.stringify(expected)}`).toBeTypeOf('string');
      }
    }
    expect(checked).toBeGreaterThan(300);
  });
});

describe('a vector of the same form that nobody here knows', () => {
  it.each<[string, JsonObject]>([
    ['window hopscotch', { window: { type: 'hopscotch', size: 10 } }],
    ['window.colour', { window: { type: 'tumbling', size: 10, colour: 'red' } }],
    ['watermark.model "psychic"', { watermark: { model: 'psychic' } }],
    ['aggregate median', { aggregates: ['median'] }],
    ['vector.retries', { retries: 3 }],
    ['steps.jump', { steps: [{ jump: 3 }] }],
    [
      'events.offset of window session',
      { window: { type: 'session', gap: 5 }, steps: [{ events: [{ time: 1, offset: 3 }] }] },
    ],
    ['window.offset "noon"', { window: { type: 'tumbling', size: 10, offset: [0, 'noon'] } }],
    ['window.weekStart', { window: { type: 'tumbling', size: 10, weekStart: 'sunday' } }],
    ['expect.finals offset', { window: { type: 'session', gap: 5 }, expect: { finals: [{ start: 0, offset: 0 }] } }],
    ['dedup {"keys":["key"]}', { dedup: { keys: ['key'] } }],
    ['dedup.within "a while"', { dedup: { keys: ['key'], within: 'a while' } }],
    ['events.gap', { steps: [{ events: [{ time: 1, gap: 3 }] }] }],
    ['expect.mood', { expect: { mood: 'good' } }],
    ['expect.emissions retract', { expect: { emissions: [{ afterStep: 0, windows: [{ start: 0, retract: true }] }] } }],
    ['expect.dropped at', { expect: { dropped: [{ afterStep: 0, at: 'dedup' }] } }],
    ['expect.table without a window', { window: null, expect: { table: [] } }],
  ])('is unsupported for want of %s', async (missing, fields) => {
    expect(await runVector(stream({ steps: [], expect: {}, ...fields }))).toEqual({
      id: 'own',
      status: 'unsupported',
      missing,
    });
  });

  it.each<[string, JsonObject]>([
    [
      'keeps its windows over a restart and emits the rest at the end of the stream',
      {
        watermark: { model: 'flink-injected', delay: 0 },
        groupBy: ['key'],
        aggregates: ['sum'],
        steps: [
          { events: [{ time: 3, key: 'a', value: 1 }] },
          { restart: true },
          {
            events: [
              { time: 9, key: 'a', value: 5 },
              { time: 12, key: 'b', value: 7 },
            ],
          },
          { advance: { native: 8 } },
          { advance: { native: 9 } },
          { restart: true },
          { endOfStream: true },
        ],
        expect: {
          emissions: [
            { afterStep: 2, windows: [] },
            { afterStep: 3, windows: [] },
            { afterStep: 4, windows: [{ start: 0, end: 10, key: 'a', aggregates: { sum: 6 } }] },
            { afterStep: 6, windows: [{ start: 10, end: 20, key: 'b', aggregates: { sum: 7 } }] },
          ],
        },
      },
    ],
    [
      'shows the late of every step, Spark’s as the rows they make and Kafka’s as events',
      {
        watermark: { model: 'spark-microbatch', delay: 5 },
        outputMode: 'append',
        groupBy: ['key'],
        steps: [
          { events: [{ time: 25, key: 1 }] },
          {
            events: [
              { time: 1, key: 1 },
              { time: 2, key: 1 },
              { time: 3, key: 2 },
              { time: 20, key: 2 },
            ],
          },
        ],
        expect: {
          dropped: [{ afterStep: 1, rows: 2, events: 3 }],
          late: [{ afterStep: 1, events: [{ time: 1 }, { time: 2 }, { time: 3 }] }],
          watermarks: [{ afterStep: 1, value: 20, emitted: false, usedByDataBatch: 20 }],
        },
      },
    ],
    [
      'has the smallest watermark of its partitions, which only the steps that name it move',
      {
        watermark: { model: 'flink-injected', delay: 0 },
        partitions: ['left', 'right'],
        steps: [
          { watermark: { partition: 'left', value: 30 } },
          {
            events: [
              { time: 500, partition: 'right' },
              { time: 1, partition: 'left' },
            ],
          },
          { watermark: { partition: 'right', value: 11 } },
          { removePartition: 'right' },
        ],
        expect: {
          watermarks: [
            { afterStep: 1, exclusive: null },
            { afterStep: 2, exclusive: 11 },
            { afterStep: 3, exclusive: 30 },
          ],
          emissions: [
            { afterStep: 1, windows: [] },
            { afterStep: 2, windows: [{ start: 0, end: 10, aggregates: { count: 1 } }] },
          ],
        },
      },
    ],
    [
      'appends late values in the order of their arrival, and has no window before 1970 where its peer has none',
      {
        window: { type: 'tumbling', size: 10, offset: -3, noNegativeStart: true },
        watermark: { model: 'kafka-stream-time', grace: 100 },
        steps: [
          {
            events: [
              { time: 8, value: 'b' },
              { time: 2, value: 'x' },
            ],
          },
          { events: [{ time: 7, value: 'a' }] },
        ],
        expect: { updates: [{ afterStep: 1, windows: [{ start: 7, end: 17, aggregates: { concat: '0+b+a' } }] }] },
      },
    ],
    [
      'writes local windows to the minute, to the second and to the millisecond, as each edge needs',
      {
        kind: 'window-assignment',
        window: { type: 'tumbling', size: 90_500, offset: 60_000, timezone: 'Asia/Kolkata' },
        steps: [{ events: [{ time: -19_740_000 }, { time: -19_649_500 }, { time: -19_559_000 }] }],
        expect: {
          localWindows: [
            ['1970-01-01T00:01', '1970-01-01T00:02:30.500'],
            ['1970-01-01T00:02:30.500', '1970-01-01T00:04:01'],
            ['1970-01-01T00:04:01', '1970-01-01T00:05:31.500'],
          ],
        },
      },
    ],
    [
      'has windows below a minute in a time zone whose clocks are whole windows away from UTC’s',
      {
        kind: 'window-assignment',
        window: { type: 'tumbling', size: 500, offset: 250, timezone: 'Asia/Kolkata' },
        steps: [{ events: [{ time: -19_800_000 }] }],
        expect: { localWindows: [['1969-12-31T23:59:59.750', '1970-01-01T00:00:00.250']] },
      },
    ],
    [
      'asks for the first of the local windows of each event',
      {
        kind: 'window-assignment',
        window: { type: 'cumulate', size: 3_600_000, step: 1_200_000 },
        steps: [{ events: [{ time: 0 }, { time: 1_200_000 }] }],
        expect: {
          firstLocalWindow: [
            ['1970-01-01T00:00', '1970-01-01T00:20'],
            ['1970-01-01T00:00', '1970-01-01T00:40'],
          ],
        },
      },
    ],
    [
      'has weeks that begin on the day that it names, through a change of clocks',
      {
        kind: 'window-assignment',
        window: { type: 'calendar', unit: 'week', weekStart: 'SUNDAY', timezone: 'Europe/Berlin' },
        // The clocks went on by an hour on Sunday, 2021-03-28.
        steps: [{ events: [{ time: 1_616_885_999_999 }, { time: 1_616_886_000_000 }, { time: 1_617_487_199_999 }] }],
        expect: {
          members: [
            { window: [1_616_281_200_000, 1_616_886_000_000], times: [1_616_885_999_999] },
            { window: [1_616_886_000_000, 1_617_487_200_000], times: [1_616_886_000_000, 1_617_487_199_999] },
          ],
          localWindows: [
            ['2021-03-21T00:00', '2021-03-28T00:00'],
            ['2021-03-28T00:00', '2021-04-04T00:00'],
            ['2021-03-28T00:00', '2021-04-04T00:00'],
          ],
        },
      },
    ],
    [
      'has null for no watermark, in a step as in what is seen of it, and for settings that it does not give',
      {
        window: { type: 'tumbling', size: 10, offset: null, noNegativeStart: null },
        watermark: { model: 'flink-injected', delay: null },
        dedup: null,
        trigger: null,
        outputMode: null,
        partitions: ['left', 'right'],
        steps: [
          { events: [{ time: 1, partition: 'left' }], clock: null },
          { watermark: { partition: 'left', value: 40 } },
          { watermark: { partition: 'right', value: null } },
          { advance: { native: null, exclusive: null } },
          { watermark: { partition: 'right', value: 12 } },
          { watermark: { partition: 'right', value: null } },
        ],
        expect: {
          watermarks: [
            { afterStep: 0, value: null, exclusive: null, emitted: false },
            { afterStep: 1, value: null, exclusive: null, emitted: false },
            { afterStep: 2, value: null, exclusive: null, emitted: false },
            { afterStep: 3, value: null, exclusive: null, emitted: false },
            { afterStep: 4, value: 11, exclusive: 12, emitted: true },
            { afterStep: 5, value: 11, exclusive: 12, emitted: false },
          ],
          emissions: [
            { afterStep: 3, windows: [] },
            { afterStep: 4, windows: [{ start: 0, end: 10, aggregates: { count: 1 } }] },
          ],
        },
      },
    ],
    [
      'has no watermark where its model is null, whatever its events',
      {
        watermark: { model: null, delay: 5 },
        steps: [{ events: [{ time: 1 }, { time: 500 }] }],
        expect: {
          watermarks: [{ afterStep: 0, value: null, exclusive: null }],
          emissions: [{ afterStep: 0, windows: [] }],
        },
      },
    ],
    [
      'forgets an id when its horizon has gone by on the vector’s clock, over a restart too',
      {
        window: null,
        dedup: { keys: ['key'], within: 60_000 },
        steps: [
          { events: [{ key: 'a' }, { key: 'b' }], clock: 0 },
          { events: [{ key: 'a' }], clock: 60_000 },
          { restart: true },
          { events: [{ key: 'b' }], clock: 60_000 },
          { events: [{ key: 'a' }], clock: 60_001 },
          { events: [{ key: 'a' }] },
          { restart: true },
          { events: [{ key: 'a' }, { key: 'b' }], clock: 120_001 },
        ],
        expect: {
          emissions: [
            { afterStep: 0, rows: [{ key: 'a' }, { key: 'b' }] },
            { afterStep: 1, rows: [] },
            { afterStep: 3, rows: [] },
            { afterStep: 4, rows: [{ key: 'a' }] },
            { afterStep: 5, rows: [] },
            { afterStep: 7, rows: [{ key: 'b' }] },
          ],
        },
      },
    ],
    [
      'measures its horizon by the greatest event time where no step sets a clock',
      {
        window: { type: 'global' },
        dedup: { keys: ['key'], within: 100 },
        steps: [
          { events: [{ time: -50, key: 'a' }] },
          { events: [{ time: 50, key: 'a' }] },
          { events: [{ time: 51, key: 'b' }] },
          { events: [{ time: 0, key: 'a' }] },
          { events: [{ time: 151, key: 'a' }] },
          { events: [{ time: 152, key: 'a' }] },
        ],
        expect: {
          table: [
            { afterStep: 1, windows: [{ aggregates: { count: 1 } }] },
            { afterStep: 3, windows: [{ aggregates: { count: 3 } }] },
            { afterStep: 4, windows: [{ aggregates: { count: 3 } }] },
            { afterStep: 5, windows: [{ aggregates: { count: 4 } }] },
          ],
        },
      },
    ],
    [
      'takes its horizon as text and under the name of it',
      {
        window: { type: 'global' },
        dedup: { keys: ['key'], mode: 'withinWatermark', horizon: '2 s' },
        steps: [
          { events: [{ time: 1, key: 'a' }], clock: 0 },
          { events: [{ time: 2, key: 'a' }], clock: 2000 },
          { events: [{ time: 3, key: 'a' }], clock: 2001 },
        ],
        expect: {
          table: [
            { afterStep: 1, windows: [{ aggregates: { count: 1 } }] },
            { afterStep: 2, windows: [{ aggregates: { count: 2 } }] },
          ],
        },
      },
    ],
    [
      'lies at several offsets at once, every event at each',
      {
        kind: 'window-assignment',
        window: { type: 'tumbling', size: 7, offset: [0, -2, 3] },
        steps: [{ events: [{ time: 1 }, { time: -2 }] }],
        expect: {
          assignments: [
            { time: 1, offset: 0, windows: [[0, 7]] },
            { time: 1, offset: -2, windows: [[-2, 5]] },
            { time: 1, offset: 3, windows: [[-4, 3]] },
            { time: -2, offset: 0, windows: [[-7, 0]] },
            { time: -2, offset: -2, windows: [[-2, 5]] },
            { time: -2, offset: 3, windows: [[-4, 3]] },
          ],
        },
      },
    ],
    [
      'gives all windows of an event where it does not ask by offset',
      {
        kind: 'window-assignment',
        window: { type: 'sliding', size: 10, slide: 5, offsets: [0, 2] },
        steps: [{ events: [{ time: 3 }] }],
        expect: {
          assignments: [
            {
              time: 3,
              windows: [
                [-5, 5],
                [-3, 7],
                [0, 10],
                [2, 12],
              ],
            },
          ],
        },
      },
    ],
    [
      'lies at the offset of each event, and emits the windows of each offset on their own',
      {
        watermark: { model: 'kafka-stream-time', grace: 0 },
        steps: [
          { events: [{ time: 1, offset: 0 }, { time: 1, offset: -2 }, { time: 2 }] },
          {
            events: [
              { time: 6, offset: -2 },
              { time: 7, offset: null },
            ],
          },
          { events: [{ time: 10, offset: 0 }] },
          {
            events: [
              { time: 4, offset: 0 },
              { time: 8, offset: -2 },
            ],
          },
        ],
        expect: {
          emissions: [
            { afterStep: 1, windows: [] },
            {
              afterStep: 2,
              windows: [
                { start: -2, end: 8, offset: -2, aggregates: { count: 2 } },
                { start: 0, end: 10, offset: 0, aggregates: { count: 3 } },
              ],
            },
          ],
          dropped: [{ afterStep: 3, events: 1 }],
        },
      },
    ],
    [
      'closes sessions of a gap too long for milliseconds when their last record and the gap are passed',
      {
        window: { type: 'session', gap: 1_800_000 },
        watermark: { model: 'spark-microbatch', delay: 0 },
        steps: [
          { events: [{ time: 1000 }, { time: 1_801_000 }] },
          { events: [{ time: 3_600_500 }] },
          { events: [{ time: 3_601_000 }] },
        ],
        expect: {
          emissions: [
            { afterStep: 1, windows: [] },
            { afterStep: 2, windows: [] },
          ],
          table: [{ afterStep: 2, windows: [{ start: 1000, end: 5_401_000, aggregates: { count: 4 } }] }],
        },
      },
    ],
    [
      'emits a long session exactly at its closing, and not half a second before',
      {
        window: { type: 'session', gap: 1_800_000 },
        watermark: { model: 'flink-injected', delay: 0 },
        steps: [
          { events: [{ time: 500 }, { time: 1000 }] },
          { advance: { exclusive: 1_800_999 } },
          { advance: { exclusive: 1_801_000 } },
        ],
        expect: {
          emissions: [
            { afterStep: 1, windows: [] },
            { afterStep: 2, windows: [{ start: 500, end: 1_801_000, aggregates: { count: 2 } }] },
          ],
        },
      },
    ],
    [
      'groups by the bare time',
      {
        window: { type: 'none', groupByTime: true },
        watermark: { model: 'spark-microbatch', delay: 5 },
        steps: [{ events: [{ time: 7 }, { time: 7 }, { time: 8 }] }, { events: [{ time: 13 }] }],
        expect: { emissions: [{ afterStep: 1, windows: [{ time: 7, aggregates: { count: 2 } }] }] },
      },
    ],
    [
      'is held back by no partition whose delay is null',
      {
        window: null,
        watermark: { model: 'spark-microbatch', policy: 'min', perPartitionDelay: { left: 10, right: null } },
        partitions: ['left', 'right'],
        steps: [{ events: [{ time: 5, partition: 'right' }] }, { events: [{ time: 30, partition: 'left' }] }],
        expect: {
          watermarks: [
            { afterStep: 0, value: 0, exclusive: null },
            { afterStep: 1, value: 20, exclusive: 20 },
          ],
        },
      },
    ],
  ])('%s', async (_, fields) => {
    const vector = stream(fields);
    expect(await judge(vector)).toEqual({ id: 'own', outcome: 'pass' });
    const run = await runVector(vector);
    for (const other of run.status === 'ran' ? spoiled(vector['expect'] ?? null) : [])
      expect(differenceOf(other, run.status === 'ran' ? run.actual : {}), JSON.stringify(other)).toBeTypeOf('string');
  });

  it('shows which definitions are refused, and only those', async () => {
    const refused = [
      ...[{ size: 0 }, { advance: 0 }, { advance: 'size + 1' }, { slide: 30, size: 20 }, { gap: -1 }, { step: 3000 }],
      ...[{ offset: 10_000 }, { offset: -4, size: 4 }, { grace: -1 }, { allowedLateness: -1 }],
    ];
    const accepted = [
      { advance: 10_000 },
      { advance: 'size - 1' },
      { gap: 1 },
      { step: 2000 },
      { offset: -3, size: 4 },
    ];
    expect(await runVector({ id: 'own', expect: { rejected: [...accepted, ...refused] } })).toEqual({
      id: 'own',
      status: 'ran',
      actual: { rejected: refused },
    });
    expect(await runVector({ id: 'own', expect: { rejected: [{ size: 'size + 1' }] } })).toMatchObject({
      status: 'unsupported',
    });
  });

  it('never ends the run, whatever is in it', async () => {
    const places = vectors.flatMap((vector) => Object.keys(vector).map((field) => ({ vector, field })));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue(), async ({ vector, field }, garbage) => {
        const run = await runVector({ ...vector, [field]: garbage as Json });
        expect(run.status === 'ran' ? run.actual['error'] : undefined).toBeUndefined();
      }),
      { numRuns: 200 },
    );
    for (const garbage of [null, 3, 'x', [], {}]) expect((await runVector(garbage)).status).toBe('unsupported');
  });
});

describe('npm run conformance', () => {
  const run = async (...args: string[]) => {
    const out: string[] = [];
    const error: string[] = [];
    const code = await main(args, {
      out: (line) => out.push(line),
      error: (line) => error.push(line),
      folders: [folder],
    });
    return { code, out, error };
  };

  it('gives each vector a line of JSON with the fields that it asks for', async () => {
    const { code, out } = await run('--actual', 'beam-streaming.json', 'flink-watermarks.json');
    const lines = out.map((line) => JSON.parse(line) as JsonObject);
    expect(code).toBe(0);
    expect(lines.map(idOf)).toEqual(vectors.filter(({ id }) => lines.some((line) => line['id'] === id)).map(idOf));
    for (const line of lines) {
      const { expect: asked } = vectors.find(({ id }) => id === line['id']) ?? {};
      expect(Object.keys(line['actual'] as JsonObject)).toEqual(
        line['status'] === 'ran' ? Object.keys(asked as JsonObject) : [],
      );
    }
  });

  it.each([[[]], [['nowhere.json']], [['README.md']], [['--loud', 'beam-streaming.json']]])(
    'says in one line what is wrong with %j',
    async (args) => {
      const { code, out, error } = await run(...args);
      expect({ code, out, lines: error.length }).toEqual({ code: 2, out: [], lines: 1 });
    },
  );

  it('starts on plain Node and answers with an exit code', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [`${root}test/conformance/run.mjs`, 'test/vectors/spark-streaming.json'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(14);
  });
});
