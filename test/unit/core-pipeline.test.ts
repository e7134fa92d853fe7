import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';
import { defining, query, schemaOf, valid } from '../corpus/definitions.ts';

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
      queries: [
        {
          name: 'perHour',
          index: 0,
          groupBy: ['action'],
          aggregateNames: ['count'],
          expectedKeys: 1000,
          where: undefined,
        },
      ],
    });
  });

  it('keeps the order of its queries, group-by fields and aggregates', () => {
    const pipeline = definePipeline({
      ...valid,
      eventTime: { of: (event) => event.time, unit: 's' },
      partitionKey: (event) => event.action,
      watermark: { delay: 0, maxFutureSkew: '1 minute', idle: { ms: 1 } },
      queries: {
        second: { window: tumbling({ ms: 1 }), aggregates: { z: count(), a: sum('value') }, expectedKeys: 10_000_000 },
        first: { ...query, groupBy: { shout: (event) => event.action.toUpperCase(), action: (event) => event.action } },
      },
    });
    expect(pipeline).toMatchObject({ eventTimeUnit: 's', delayMs: 0, maxFutureSkewMs: 60_000, idleMs: 1 });
    expect(pipeline.partitionKey?.({ action: 'Open' })).toBe('Open');
    expect(
      pipeline.queries.map(({ name, index, groupBy, aggregateNames }) => ({ name, index, groupBy, aggregateNames })),
    ).toStrictEqual([
      { name: 'second', index: 0, groupBy: [], aggregateNames: ['z', 'a'] },
      { name: 'first', index: 1, groupBy: ['shout', 'action'], aggregateNames: ['count'] },
    ]);
    expect(pipeline.queries.map((each) => each.keyOf({ action: 'Open' }))).toStrictEqual(['[]', '["OPEN","Open"]']);
  });

  it('sends equal ids to one shard, unless it says itself what goes where', () => {
    const dedup = { by: (event: { value?: number | null | undefined }) => event.value, within: '10 minutes' } as const;
    const byId = definePipeline({ ...valid, dedup });
    expect(byId.dedup?.withinMs).toBe(600_000);
    expect(byId.partitionKey?.({ value: 5 })).toBe('5');
    expect(byId.partitionKey?.({})).toBe('');
    expect(
      definePipeline({ ...valid, dedup, partitionKey: (event) => event.action }).partitionKey?.({
        value: 5,
        action: 'Open',
      }),
    ).toBe('Open');
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
    watermark: { delay: 0 as const },
    queries: { q: { window: tumbling({ ms: 1 }), aggregates: { n: count() } } },
  };

  it.each([
    ['pipeline.filter', { ...known, filter: true }],
    ['dedup.key', { ...known, dedup: { by: () => 1, within: '1 ms', key: 'id' } }],
    ['watermark.idel', { ...known, watermark: { delay: 0, idel: '1 s' } }],
    ['queries.q.lateness', { ...known, queries: { q: { ...known.queries.q, lateness: '1 hour' } } }],
  ])('is refused and named: %s', (field, spec) => {
    expect(() => definePipeline(spec as typeof known)).toThrow(field);
  });
});
