import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backfillPipeline } from '../../functions/core/definition/backfill.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { eventIdOf } from '../../functions/core/events/event-id.ts';
import { type EventReader, eventReader, rejection } from '../../functions/core/fold/read-event.ts';
import {
  approxCountDistinct,
  avg,
  collectSet,
  count,
  countDistinct,
  definePipeline,
  max,
  type PipelineSpec,
  type QuerySpec,
  sum,
  topK,
  tumbling,
} from '../../functions/core/index.ts';

const arrival = Date.UTC(2016, 6, 26, 3);
const time = arrival - 60_000;
const window = tumbling('1 hour');
const protoKey: string = '__proto__';

const schema = z.object({ time: z.number(), action: z.string(), value: z.number().nullish() });
type Event = z.infer<typeof schema>;
type Changes = {
  event?: unknown;
  eventTime?: unknown;
  queries?: Record<string, unknown>;
  dedup?: unknown;
  maxFutureSkew?: string;
};

const byAction: QuerySpec<Event> = { groupBy: ['action'], window, aggregates: { count: count() } };

/** A pipeline with any definition, valid or not. */
function pipelineWith(changes: Changes = {}): Pipeline {
  const { maxFutureSkew = '1 hour', ...others } = changes;
  const spec = {
    name: 'tested',
    event: schema,
    eventTime: (event: Event) => event.time,
    watermark: { delay: 0, maxFutureSkew },
    queries: { byAction },
    ...others,
  };
  return definePipeline(spec as unknown as PipelineSpec<typeof schema>);
}

/** A schema that gives every parsed value back unchanged. */
const anything: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};

function schemaThat(validate: (value: unknown) => unknown): unknown {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

function read(pipeline: Pipeline, event: unknown): ReturnType<EventReader['text']> {
  return eventReader(pipeline).text(JSON.stringify(event), arrival);
}

function rejected(reason: string): unknown {
  return { outcome: 'rejected', reason, detail: expect.any(String) };
}

const open = { time, action: 'Open', value: 1 };

describe('a valid event', () => {
  it('is accepted with what the schema made of it, its time, its keys and what aggregates take', () => {
    const pipeline = pipelineWith({ queries: { byAction, all: { window, aggregates: { count: count() } } } });
    expect(read(pipeline, { ...open, unknown: 5 })).toStrictEqual({
      outcome: 'accepted',
      valid: open,
      event: open,
      time,
      id: undefined,
      keys: ['["Open"]', '[]'],
      inputs: [[1], [1]],
    });
  });

  it('has no key for a query that begins after it, or whose history is filled up to before it', () => {
    const beginning = pipelineWith({ queries: { byAction: { ...byAction, from: new Date(arrival).toISOString() } } });
    expect(read(beginning, { ...open, time: arrival - 1 })).toMatchObject({ keys: [undefined] });
    expect(read(beginning, { ...open, time: arrival })).toMatchObject({ keys: ['["Open"]'] });
    const history = backfillPipeline(beginning, { query: 'byAction', since: Number.NEGATIVE_INFINITY, until: arrival });
    expect(read(history, { ...open, time: arrival - 1 })).toMatchObject({ keys: ['["Open"]'] });
    expect(read(history, { ...open, time: arrival })).toMatchObject({ keys: [undefined] });
  });

  it('has no key for the queries that do not want it, in the order of the queries', () => {
    const picky = { ...byAction, where: (event: Event) => event.action === 'Close' };
    const pipeline = pipelineWith({ queries: { picky, byAction, again: picky } });
    expect(read(pipeline, open)).toMatchObject({ outcome: 'accepted', keys: [undefined, '["Open"]', undefined] });
    expect(read(pipeline, { ...open, action: 'Close' })).toMatchObject({
      keys: ['["Close"]', '["Close"]', '["Close"]'],
    });
  });

  it('is asked for neither key nor numbers by a query that does not want it', () => {
    const picky: QuerySpec<Event> = {
      where: (event) => event.value != null,
      groupBy: { digits: (event) => (event.value as number).toFixed(0) },
      window,
      aggregates: { total: sum((event: Event) => (event.value == null ? Number.NaN : event.value)) },
    };
    expect(read(pipelineWith({ queries: { picky } }), { time, action: 'Open' })).toMatchObject({
      outcome: 'accepted',
      keys: [undefined],
    });
  });

  it('may come out of a transforming schema, whose output the functions see', () => {
    const transforming = z.object({
      at: z.iso.datetime().transform((text) => new Date(text)),
      n: z.string().transform(Number),
    });
    const pipeline = definePipeline({
      name: 'transforming',
      event: transforming,
      eventTime: (event) => event.at,
      watermark: { delay: 0 },
      queries: { byN: { groupBy: ['n'], window, aggregates: { total: sum('n') } } },
    });
    expect(read(pipeline, { at: '2016-07-26T02:59:00Z', n: '42' })).toStrictEqual({
      outcome: 'accepted',
      valid: { at: new Date(time), n: 42 },
      event: { at: new Date(time), n: 42 },
      time,
      id: undefined,
      keys: ['[42]'],
      inputs: [[42]],
    });
    expect(read(pipeline, { at: '2016-07-26T02:59:00Z', n: 'many' })).toStrictEqual(rejected('group-key'));
  });

  it('may have a number beyond 2^53: it is text, which a schema of numbers refuses, and says why', () => {
    const text = `{"time":${time},"action":"Open","value":9007199254740993}`;
    const queries = { byAction, sums: { window, aggregates: { total: sum('value') } } };
    const either = schema.extend({ value: z.union([z.number(), z.string()]) });
    expect(eventReader(pipelineWith({ event: either, queries })).text(text, arrival)).toMatchObject({
      outcome: 'accepted',
      event: { value: '9007199254740993' },
    });
    expect(eventReader(pipelineWith({ queries })).text(text, arrival)).toMatchObject({
      reason: 'schema',
      detail: expect.stringMatching(/^value: .*9007199254740993 has more digits than a double/),
    });
    expect(
      eventReader(pipelineWith()).text(`{"time":${time},"action":"Open","unread":9007199254740993}`, arrival),
    ).toMatchObject({ outcome: 'accepted', event: { action: 'Open' } });
  });

  const asNumber = (event: Event) => Number(event.action);
  it.each<[name: string, query: unknown]>([
    ['groupBy', { groupBy: { key: asNumber }, window, aggregates: { n: count() } }],
    ['countDistinct', { window, aggregates: { n: countDistinct(asNumber) } }],
    ['approxCountDistinct', { window, aggregates: { n: approxCountDistinct(asNumber) } }],
    ['collectSet', { window, aggregates: { n: collectSet(asNumber, 3) } }],
    ['topK', { window, aggregates: { n: topK(asNumber, 3) } }],
  ])('a whole number beyond 2^53 that a schema made of text is refused by %s: it may be two', (_, query) => {
    const pipeline = pipelineWith({ queries: { tested: query } });
    for (const action of ['9007199254740992', '-1234567890123456789'])
      expect(read(pipeline, { time, action })).toMatchObject({
        outcome: 'rejected',
        detail: expect.stringContaining('beyond 2^53'),
      });
    for (const action of ['9007199254740991', '1e21', '0.5'])
      expect(read(pipeline, { time, action })).toMatchObject({ outcome: 'accepted' });
  });

  it('may have NaN where nobody reads it, and is rejected as NaN where somebody does', () => {
    const text = `{"time":${time},"action":"Open","value":{"$numberDouble":"NaN"}}`;
    const loose = z.looseObject({ time: z.number() });
    const reading = (query: unknown) =>
      eventReader(pipelineWith({ event: loose, queries: { query } })).text(text, arrival);
    expect(reading({ window, aggregates: { n: count() } })).toMatchObject({ outcome: 'accepted' });
    const value = (event: object) => Reflect.get(event, 'value') as number;
    for (const n of [sum(value), max(value), countDistinct(value)])
      expect(reading({ window, aggregates: { n } })).toMatchObject({
        reason: 'aggregate-input',
        detail: expect.stringContaining('NaN'),
      });
    expect(reading({ groupBy: { value }, window, aggregates: { n: count() } })).toMatchObject({
      reason: 'group-key',
      detail: expect.stringContaining('NaN'),
    });
    expect(eventReader(pipelineWith()).text(text, arrival)).toMatchObject({
      reason: 'schema',
      detail: expect.stringMatching(/value: .*NaN/),
    });
  });

  it('has an id where the pipeline deduplicates, and may have none; an id that could be that of another event is rejected', () => {
    const pipeline = pipelineWith({ dedup: { by: (event: Event) => event.value, within: '1 ms' } });
    expect(read(pipeline, open)).toMatchObject({ outcome: 'accepted', id: eventIdOf(1) });
    expect(read(pipeline, { ...open, value: null })).toMatchObject({ outcome: 'accepted', id: undefined });
    expect(read(pipeline, { ...open, value: 1e300 })).toStrictEqual(rejected('event-id'));
  });

  it('may be any JSON value that the schema takes', () => {
    const pipeline = pipelineWith({
      event: anything,
      eventTime: () => time,
      queries: { all: { window, aggregates: { count: count() } } },
    });
    for (const text of ['null', '0', '"text"', '[]', '{}', ' {"a":1} ', 'true'])
      expect(eventReader(pipeline).text(text, arrival)).toMatchObject({ outcome: 'accepted', keys: ['[]'] });
  });

  it('may carry the key __proto__, which stays data', () => {
    for (const event of [schema, z.looseObject(schema.shape), anything]) {
      const text = `{"time":${time},"action":"Open","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`;
      expect(eventReader(pipelineWith({ event })).text(text, arrival)).toMatchObject({
        outcome: 'accepted',
        time,
        keys: ['["Open"]'],
      });
    }
    const grouped = pipelineWith({
      event: anything,
      queries: {
        byProto: {
          groupBy: { proto: (event: Record<string, unknown>) => event[protoKey] },
          window,
          aggregates: { count: count() },
        },
      },
    });
    expect(eventReader(grouped).text(`{"time":${time},"__proto__":"value"}`, arrival)).toMatchObject({
      keys: ['["value"]'],
    });
    expect(eventReader(grouped).text(`{"time":${time}}`, arrival), 'the prototype is no value').toStrictEqual(
      rejected('group-key'),
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('may lie after its arrival by the future guard and no more', () => {
    const pipeline = pipelineWith({ maxFutureSkew: '10 minutes' });
    expect(read(pipeline, { ...open, time: arrival + 600_000 })).toMatchObject({ outcome: 'accepted' });
    expect(read(pipeline, { ...open, time: arrival + 600_001 })).toStrictEqual(rejected('future'));
  });
});

describe('a bad event is rejected with its reason:', () => {
  it.each([
    '',
    ' ',
    'Open',
    '{',
    '{"time":1}{"time":2}',
    "{'time':1}",
    '{"time":01}',
    'NaN',
    '\u0000',
    '\ufeff{}',
    '{"a":\ud800}',
    `${'['.repeat(100)}`,
  ])('unparsable text %j', (text) => {
    expect(eventReader(pipelineWith()).text(text, arrival)).toStrictEqual(rejected('unparsable'));
  });

  it.each([
    null,
    5,
    'Open',
    [],
    {},
    { time },
    { time: '5', action: 'Open' },
    { time, action: 5 },
    { time: null, action: 'Open' },
    { ...open, value: 'much' },
  ])('a schema violation %j', (event) => {
    expect(read(pipelineWith(), event)).toStrictEqual(rejected('schema'));
  });

  it('a schema violation names the path, all of it and all of them', () => {
    const deep = z.object({
      time: z.number(),
      rooms: z.array(z.object({ number: z.number() })),
      action: z.string().optional(),
    });
    const found = read(pipelineWith({ event: deep }), { rooms: [{ number: 5 }, { number: 'five' }] });
    expect(found).toMatchObject({ reason: 'schema', detail: expect.stringMatching(/time: .*rooms\.1\.number: /) });
    const segments = schemaThat(() => ({
      issues: [{ message: 'wrong', path: [{ key: 'rooms' }, 1, Symbol('number')] }],
    }));
    expect(read(pipelineWith({ event: segments }), open)).toMatchObject({
      detail: expect.stringContaining('rooms.1.Symbol(number): wrong'),
    });
  });

  it.each([
    undefined,
    null,
    5,
    1_469_501_107,
    '2016-07-26',
    'now',
    Number.NaN,
    {},
    true,
    1e300,
    new Date(Number.NaN),
    { getTime: () => 'soon' },
  ])('an event time of %s', (value) => {
    expect(read(pipelineWith({ eventTime: () => value }), open)).toStrictEqual(rejected('no-event-time'));
  });

  it("a time in the future, whoever's clock is wrong", () => {
    expect(read(pipelineWith(), { ...open, time: time * 1000 })).toStrictEqual(rejected('no-event-time'));
    expect(read(pipelineWith(), { ...open, time: arrival + 86_400_000 })).toStrictEqual(rejected('future'));
  });

  it('a group key that is too long or no plain value, and names the query', () => {
    expect(read(pipelineWith(), { ...open, action: 'x'.repeat(1100) })).toMatchObject({
      reason: 'group-key',
      detail: expect.stringContaining('byAction'),
    });
    const objects = { ...byAction, groupBy: { whole: (event: unknown) => event } };
    expect(read(pipelineWith({ queries: { objects } }), open)).toMatchObject({
      reason: 'group-key',
      detail: expect.stringMatching(/objects.*whole/),
    });
  });

  it.each(['text', true, [], {}, Number.NaN, Number.NEGATIVE_INFINITY, new Date(0), () => 5])(
    'a number to aggregate of %s, and names the query',
    (value) => {
      const select = (() => value) as never;
      for (const total of [sum(select), avg(select), max(select)]) {
        const totals = { window, aggregates: { total } };
        expect(read(pipelineWith({ queries: { byAction, totals } }), open)).toMatchObject({
          reason: 'aggregate-input',
          detail: expect.stringContaining('totals'),
        });
      }
    },
  );

  it('a number too large for a double, which JSON takes for infinity', () => {
    const totals = { window, aggregates: { total: sum('value') } };
    const pipeline = pipelineWith({ event: anything, queries: { byAction, totals } });
    expect(eventReader(pipeline).text(`{"time":${time},"action":"Open","value":1e999}`, arrival)).toStrictEqual(
      rejected('aggregate-input'),
    );
    expect(eventReader(pipeline).text('{"time":1e999,"action":"Open"}', arrival)).toStrictEqual(
      rejected('no-event-time'),
    );
    expect(eventReader(pipeline).text(`{"time":${time},"action":1e999}`, arrival)).toStrictEqual(rejected('group-key'));
  });

  const throwing: readonly (readonly [title: string, thrown: unknown])[] = [
    ['an error', new Error('planted')],
    ['text', 'planted'],
    ['undefined', undefined],
    ['null', null],
    ['an object that cannot be text', Object.create(null)],
    ['a symbol', Symbol('planted')],
    ['a bigint', 5n],
    ['an error whose message is no text', Object.assign(new Error('x'), { message: { not: 'text' } })],
  ];

  it.each(throwing)("a pipeline's function that throws %s", (_title, thrown) => {
    const raise = () => {
      throw thrown;
    };
    const culprits: Changes[] = [
      { event: schemaThat(raise) },
      { eventTime: raise },
      { queries: { q: { ...byAction, where: raise } } },
      { queries: { q: { ...byAction, groupBy: { g: raise } } } },
      { queries: { q: { ...byAction, aggregates: { a: sum(raise) } } } },
    ];
    for (const culprit of culprits) expect(read(pipelineWith(culprit), open)).toStrictEqual(rejected('pipeline-threw'));
  });

  it.each([undefined, null, 5, 'valid'])('a schema that answers %s', (answer) => {
    expect(read(pipelineWith({ event: schemaThat(() => answer) }), open)).toMatchObject({
      outcome: 'rejected',
      detail: expect.any(String),
    });
  });

  it('a schema that validates asynchronously, and its failure does not end the process', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    const late = schemaThat((value) => (value === null ? { value } : Promise.reject(new Error('planted'))));
    expect(read(pipelineWith({ event: late }), open)).toStrictEqual(rejected('schema'));
    const refining = z.object({ time: z.number(), action: z.string(), value: z.number() }).refine(async () => true);
    expect(read(pipelineWith({ event: refining }), open)).toStrictEqual(rejected('schema'));
    const preprocessing = z.preprocess(
      (value) => (value as { detail: { inner: unknown } } | null)?.detail.inner,
      z.any(),
    );
    expect(read(pipelineWith({ event: preprocessing }), open), 'zod turns a throw into a promise').toStrictEqual(
      rejected('schema'),
    );
    await new Promise(setImmediate);
    process.off('unhandledRejection', listener);
    expect(unhandled).toStrictEqual([]);
  });

  it('nesting that is too deep for the schema, while nesting it ignores is accepted', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const json: z.ZodType = z.lazy(() => z.union([z.array(json), z.string()]));
    const recursive = pipelineWith({ event: z.object({ time: z.number(), action: z.string(), deep: json }) });
    const text = `{"time":${time},"action":"Open","deep":${deep}}`;
    expect(eventReader(recursive).text(text, arrival)).toMatchObject({
      outcome: 'rejected',
      detail: expect.any(String),
    });
    expect(eventReader(pipelineWith()).text(text, arrival)).toMatchObject({ outcome: 'accepted' });
    const grouping = pipelineWith({
      event: anything,
      queries: { q: { ...byAction, groupBy: { deep: (event: { deep: unknown }) => event.deep } } },
    });
    expect(eventReader(grouping).text(text, arrival)).toStrictEqual(rejected('group-key'));
  });

  it('with a detail of bounded length', () => {
    expect(rejection('encoding', 'x'.repeat(1_000_000)).detail.length).toBeLessThan(600);
    const raise = () => {
      throw new Error('y'.repeat(1_000_000));
    };
    const found = read(pipelineWith({ eventTime: raise }), open);
    expect(found.outcome === 'rejected' && found.detail.length < 600).toBe(true);
  });
});
