import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import {
  count,
  definePipeline,
  type Lookup,
  lookup,
  sum,
  tumbling,
  type UnknownKey,
} from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';

const at = 1_600_000_000_000;
const devices = [
  { id: 1, room: 'hall', watts: 5 },
  { id: 2, room: 'attic', watts: 7 },
  { id: 3, room: 'attic' },
];
const schema = z.object({ time: z.number(), device: z.union([z.number(), z.string()]).nullish() });
const key = { of: (event: { device?: number | string | null | undefined }) => event.device, in: 'id' } as const;

function pipelineWith(unknown: UnknownKey) {
  return definePipeline({
    name: 'devices',
    event: schema,
    eventTime: (event) => event.time,
    enrich: lookup(devices, key, { unknown, fields: ['room', 'watts'] }),
    watermark: { delay: 0 },
    queries: {
      byRoom: {
        groupBy: ['room'],
        window: tumbling('1 hour'),
        aggregates: { count: count(), watts: sum((event: { watts?: number | null | undefined }) => event.watts) },
      },
      attic: { where: (event) => event.room === 'attic', window: tumbling('1 hour'), aggregates: { count: count() } },
    },
  });
}

function answer(unknown: UnknownKey) {
  const pipeline = pipelineWith(unknown);
  const run = createStaticRun(pipeline);
  for (const device of [1, 2, 2, 3, 9, null, undefined, '1']) run.add(JSON.stringify({ time: at, device }), at);
  const { counters, windows } = staticAnswer(pipeline, [run.part()]);
  return {
    counters,
    rows: windows.flatMap(({ query, rows }) =>
      rows.map((row) => [query, row.key['room'], row.values['count'], row.values['watts']]),
    ),
  };
}

describe('enrich: lookup(...)', () => {
  it('gives events the fields of the row that has their key, and null where there is none', () => {
    expect(answer('null')).toEqual({
      counters: { received: 8, counted: 8, late: 0, duplicate: 0, rejected: 0, filtered: 0 },
      rows: [
        ['byRoom', null, 4, null],
        ['byRoom', 'attic', 3, 14],
        ['byRoom', 'hall', 1, 5],
        ['attic', undefined, 3, undefined],
      ],
    });
  });

  it('filters or rejects events whose key no row has, where that is wanted', () => {
    expect(answer('filter').counters).toEqual({
      received: 8,
      counted: 4,
      late: 0,
      duplicate: 0,
      rejected: 0,
      filtered: 4,
    });
    expect(answer('reject').counters).toEqual({
      received: 8,
      counted: 4,
      late: 0,
      duplicate: 0,
      rejected: 4,
      filtered: 0,
    });
    expect(eventReader(pipelineWith('reject')).text(`{"time":${at},"device":9}`, at)).toEqual({
      outcome: 'rejected',
      reason: 'unknown-key',
      detail: 'no row has id 9',
    });
    expect(answer('filter').rows).toEqual(answer('reject').rows);
  });

  it('rejects an event whose key cannot be read, and goes on', () => {
    const pipeline = definePipeline({
      name: 'throws',
      event: schema,
      eventTime: (event) => event.time,
      enrich: lookup(devices, {
        of: (): number => {
          throw new Error('no key');
        },
        in: 'id',
      }),
      watermark: { delay: 0 },
      queries: { all: { window: tumbling('1 hour'), aggregates: { count: count() } } },
    });
    expect(eventReader(pipeline).text(`{"time":${at}}`, at)).toMatchObject({
      outcome: 'rejected',
      reason: 'pipeline-threw',
      detail: 'no key',
    });
  });

  it('has a field of an event replaced by that of its row, and leaves the event that came as it was', () => {
    const { enrich } = lookup([{ room: 1, name: 'hall', time: 7 }], 'room');
    const event = Object.freeze({ room: 1, time: 5 });
    expect(enrich(event)).toEqual({ outcome: 'enriched', event: { room: 1, time: 7, name: 'hall' } });
    expect(enrich({ room: 2, time: 5 })).toEqual({ outcome: 'enriched', event: { room: 2, time: null, name: null } });
    expect(event).toEqual({ room: 1, time: 5 });
  });

  it('has the types of the rows: null where a key may be unknown, and not where events without a row are left out', () => {
    const rows = [{ room: 1, name: 'hall' }];
    expectTypeOf(lookup(rows, 'room')).toEqualTypeOf<
      Lookup<{ readonly room?: string | number | boolean | null | undefined }, { readonly name: string | null }>
    >();
    expectTypeOf(lookup(rows, 'room', { unknown: 'filter' })).toEqualTypeOf<
      Lookup<{ readonly room?: string | number | boolean | null | undefined }, { readonly name: string }>
    >();
    // @ts-expect-error no row has such a field
    expect(() => lookup(rows, 'room', { fields: ['nome'] })).toThrow();
  });
});
