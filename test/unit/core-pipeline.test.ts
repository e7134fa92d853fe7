import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { shown, TidemarkError } from '../../functions/core/error.ts';
import { avg, count, definePipeline, max, min, type PipelineSpec, sum, tumbling } from '../../functions/core/index.ts';

const schema = z.object({ time: z.number(), action: z.string(), value: z.number().nullish() });
type Spec = PipelineSpec<typeof schema>;

const query = { groupBy: ['action'], window: tumbling('1 hour'), aggregates: { count: count() } } as const;
const valid: Spec = {
  name: 'device-actions',
  event: schema,
  eventTime: (event) => event.time,
  watermark: { delay: '1 hour' },
  queries: { perHour: query },
};

/** What somebody without a type checker may write: esbuild, which bundles pipelines, checks no types. */
function defining(changes: Readonly<Record<string, unknown>>): () => unknown {
  return () => definePipeline({ ...valid, ...changes } as unknown as Spec);
}

function definingQuery(changes: Readonly<Record<string, unknown>>): () => unknown {
  return defining({ queries: { perHour: { ...query, ...changes } } });
}

function refusalOf(define: () => unknown): string {
  try {
    define();
  } catch (error) {
    expect(error).toBeInstanceOf(TidemarkError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

/** A Standard Schema that answers as it is told. */
function schemaOf(validate: (value: unknown) => unknown): unknown {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

const nonsense: readonly (readonly [title: string, define: () => unknown, field: string, received: unknown])[] = [
  ['no definition', () => definePipeline(undefined as unknown as Spec), 'pipeline', undefined],
  ['text for a definition', () => definePipeline('device-actions' as unknown as Spec), 'pipeline', 'device-actions'],
  ['a list for a definition', () => definePipeline([valid] as unknown as Spec), 'pipeline', [valid]],
  ['no name', defining({ name: undefined }), 'name', undefined],
  ['an empty name', defining({ name: '' }), 'name', ''],
  ['a name in upper case', defining({ name: 'Devices' }), 'name', 'Devices'],
  ['a name that begins with a digit', defining({ name: '1st' }), 'name', '1st'],
  ['a name with a line break', defining({ name: 'devices\n' }), 'name', 'devices\n'],
  ['a name of 41 characters', defining({ name: 'x'.repeat(41) }), 'name', 'x'.repeat(41)],
  ['a number for a name', defining({ name: 5 }), 'name', 5],
  ['no schema', defining({ event: undefined }), 'event', undefined],
  ['null for a schema', defining({ event: null }), 'event', null],
  ['an object of types for a schema', defining({ event: { time: 'number' } }), 'event', { time: 'number' }],
  ['a schema that cannot validate', defining({ event: { '~standard': { version: 1 } } }), 'event', { '~standard': { version: 1 } }],
  ['an asynchronous schema', defining({ event: schemaOf(async (value) => ({ value })) }), 'event', schemaOf(() => 0)],
  ['no event time', defining({ eventTime: undefined }), 'eventTime', undefined],
  ["a field's name for an event time", defining({ eventTime: 'time' }), 'eventTime', 'time'],
  ['an async event time', defining({ eventTime: async () => 5 }), 'eventTime', () => 5],
  ['an event time of a unit without a function', defining({ eventTime: { unit: 's' } }), 'eventTime.of', undefined],
  ['an event time of a field and a unit', defining({ eventTime: { of: 'time', unit: 's' } }), 'eventTime.of', 'time'],
  ['an event time without its unit', defining({ eventTime: { of: () => 5 } }), 'eventTime.unit', undefined],
  ['an event time of minutes', defining({ eventTime: { of: () => 5, unit: 'min' } }), 'eventTime.unit', 'min'],
  ["a field's name for a partition key", defining({ partitionKey: 'action' }), 'partitionKey', 'action'],
  ['no watermark', defining({ watermark: undefined }), 'watermark', undefined],
  ['a duration for a watermark', defining({ watermark: '1 hour' }), 'watermark', '1 hour'],
  ['a watermark without a delay', defining({ watermark: {} }), 'watermark.delay', undefined],
  ['a negative delay', defining({ watermark: { delay: '-1 s' } }), 'watermark.delay', '-1 s'],
  ['a delay of a month', defining({ watermark: { delay: '1 month' } }), 'watermark.delay', '1 month'],
  ['a delay of NaN', defining({ watermark: { delay: Number.NaN } }), 'watermark.delay', Number.NaN],
  ['a skew without a unit', defining({ watermark: { delay: 0, maxFutureSkew: '5' } }), 'watermark.maxFutureSkew', '5'],
  ['an idle timeout of zero', defining({ watermark: { delay: 0, idle: 0 } }), 'watermark.idle', 0],
  ['no queries', defining({ queries: undefined }), 'queries', undefined],
  ['an empty set of queries', defining({ queries: {} }), 'queries', {}],
  ['a list of queries', defining({ queries: [query] }), 'queries', [query]],
  ['a query name with a dash', defining({ queries: { 'per-hour': query } }), 'queries.per-hour', 'per-hour'],
  ['a query name of 65 characters', defining({ queries: { ['q'.repeat(65)]: query } }), `queries.${'q'.repeat(65)}`, 'q'.repeat(65)],
  ['a query name that is __proto__', defining({ queries: JSON.parse('{"__proto__": {}}') }), 'queries.__proto__', '__proto__'],
  ['a query of null', defining({ queries: { perHour: null } }), 'queries.perHour', null],
  ['a query of text', defining({ queries: { perHour: 'count' } }), 'queries.perHour', 'count'],
  ['text for a filter', definingQuery({ where: 'value > 5' }), 'queries.perHour.where', 'value > 5'],
  ['an async filter', definingQuery({ where: async () => true }), 'queries.perHour.where', () => true],
  ['text for a group-by', definingQuery({ groupBy: 'action' }), 'queries.perHour.groupBy', 'action'],
  ['a field that is grouped by twice', definingQuery({ groupBy: ['action', 'action'] }), 'queries.perHour.groupBy', 'action'],
  ['a group-by of a number', definingQuery({ groupBy: [5] }), 'queries.perHour.groupBy', 5],
  ['a group-by of a path', definingQuery({ groupBy: ['device.id'] }), 'queries.perHour.groupBy', 'device.id'],
  ['a group-by of a field that is not a function', definingQuery({ groupBy: { room: 'room' } }), 'queries.perHour.groupBy.room', 'room'],
  ['a group-by of an async function', definingQuery({ groupBy: { room: async () => 'x' } }), 'queries.perHour.groupBy.room', () => 'x'],
  ['a group-by field of a reserved name', definingQuery({ groupBy: ['window'] }), 'queries.perHour.groupBy.window', 'window'],
  ['no window', definingQuery({ window: undefined }), 'queries.perHour.window', undefined],
  ['a duration for a window', definingQuery({ window: '1 hour' }), 'queries.perHour.window', '1 hour'],
  ['no aggregates', definingQuery({ aggregates: undefined }), 'queries.perHour.aggregates', undefined],
  ['an empty set of aggregates', definingQuery({ aggregates: {} }), 'queries.perHour.aggregates', {}],
  ['a list of aggregates', definingQuery({ aggregates: [5] }), 'queries.perHour.aggregates', [5]],
  ['an aggregate that is not called', definingQuery({ aggregates: { count } }), 'queries.perHour.aggregates.count', count],
  ["an aggregate's name for an aggregate", definingQuery({ aggregates: { total: 'sum' } }), 'queries.perHour.aggregates.total', 'sum'],
  ['an aggregate of null', definingQuery({ aggregates: { total: null } }), 'queries.perHour.aggregates.total', null],
  ['an aggregate of a reserved name', definingQuery({ aggregates: { start: count() } }), 'queries.perHour.aggregates.start', 'start'],
  ['an aggregate with a space in its name', definingQuery({ aggregates: { 'my count': count() } }), 'queries.perHour.aggregates', 'my count'],
  ['an aggregate of the name of a group-by field', definingQuery({ aggregates: { action: count() } }), 'queries.perHour.aggregates.action', 'action'],
  ['a fraction of expected keys', definingQuery({ expectedKeys: 1.5 }), 'queries.perHour.expectedKeys', 1.5],
  ['zero expected keys', definingQuery({ expectedKeys: 0 }), 'queries.perHour.expectedKeys', 0],
  ['text of expected keys', definingQuery({ expectedKeys: '100' }), 'queries.perHour.expectedKeys', '100'],
  ['a sum of a number', () => sum(5 as never), 'sum', 5],
  ['an average of nothing', () => avg(undefined as never), 'avg', undefined],
  ['a minimum of null', () => min(null as never), 'min', null],
  ['a maximum of an async function', () => max((async () => 5) as never), 'max', () => 5],
];

describe('a nonsense definition', () => {
  it.each(nonsense)('is refused in one line that names the field, the value and a remedy: %s', (_title, define, field, received) => {
    const message = refusalOf(define);
    const start = `${field}: ${shown(received)} `;
    expect(message.slice(0, start.length)).toBe(start);
    expect(message.slice(start.length), 'a remedy').toMatch(/: [^\n]{6,}$/);
    expect(message).not.toContain('\n');
    expect(message.length).toBeLessThan(400);
  });

  it('does not end the process when a schema that is tried out rejects', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    refusalOf(defining({ event: schemaOf(() => Promise.reject(new Error('planted'))) }));
    await new Promise(setImmediate);
    process.off('unhandledRejection', listener);
    expect(unhandled).toStrictEqual([]);
  });
});

describe('a definition', () => {
  it('is turned into milliseconds and lists, with its defaults', () => {
    const pipeline = definePipeline(valid);
    expect(pipeline).toMatchObject({
      name: 'device-actions',
      eventTimeUnit: undefined,
      partitionKey: undefined,
      delayMs: 3_600_000,
      maxFutureSkewMs: 3_600_000,
      idleMs: 60_000,
      queries: [{ name: 'perHour', index: 0, groupBy: ['action'], aggregateNames: ['count'], expectedKeys: 1000, where: undefined }],
    });
  });

  it('keeps the order of its queries, group-by fields and aggregates', () => {
    const pipeline = definePipeline({
      ...valid,
      eventTime: { of: (event) => event.time, unit: 's' },
      partitionKey: (event) => event.action,
      watermark: { delay: 0, maxFutureSkew: '1 minute', idle: 1 },
      queries: {
        second: { window: tumbling(1), aggregates: { z: count(), a: sum('value') }, expectedKeys: 10_000_000 },
        first: { ...query, groupBy: { shout: (event) => event.action.toUpperCase(), action: (event) => event.action } },
      },
    });
    expect(pipeline).toMatchObject({ eventTimeUnit: 's', delayMs: 0, maxFutureSkewMs: 60_000, idleMs: 1 });
    expect(pipeline.partitionKey?.({ action: 'Open' })).toBe('Open');
    expect(pipeline.queries.map(({ name, index, groupBy, aggregateNames }) => ({ name, index, groupBy, aggregateNames }))).toStrictEqual([
      { name: 'second', index: 0, groupBy: [], aggregateNames: ['z', 'a'] },
      { name: 'first', index: 1, groupBy: ['shout', 'action'], aggregateNames: ['count'] },
    ]);
    expect(pipeline.queries.map((each) => each.keyOf({ action: 'Open' }))).toStrictEqual(['[]', '["OPEN","Open"]']);
  });

  it('takes a schema that throws for null: such records are rejected when they come', () => {
    const throwing = schemaOf((value) => ({ value: (value as { detail: unknown }).detail }));
    expect(defining({ event: throwing })).not.toThrow();
  });
});

describe('a setting that is not known', () => {
  const known = {
    name: 'p',
    event: z.object({ time: z.number() }),
    eventTime: (event: { time: number }) => event.time,
    watermark: { delay: 0 },
    queries: { q: { window: tumbling(1), aggregates: { n: count() } } },
  };

  it.each([
    ['pipeline.filter', { ...known, filter: true }],
    ['watermark.idel', { ...known, watermark: { delay: 0, idel: '1 s' } }],
    ['queries.q.allowedLateness', { ...known, queries: { q: { ...known.queries.q, allowedLateness: '1 hour' } } }],
  ])('is refused and named: %s', (field, spec) => {
    expect(() => definePipeline(spec as typeof known)).toThrow(field);
  });
});
