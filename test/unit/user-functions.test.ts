import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { noEvents } from '../../functions/core/events/counters.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, countIf, definePipeline, lookup, session, sum, tumbling } from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { foldChunk, readRecords } from '../../functions/state/log/chunk.ts';

const at = 1_700_000_000_000;
const calls = new Map<string, number>();

function called<T>(name: string, value: T): T {
  calls.set(name, (calls.get(name) ?? 0) + 1);
  return value;
}

beforeEach(() => calls.clear());

const pipeline = definePipeline({
  name: 'calls',
  event: z.object({ time: z.number(), id: z.string(), n: z.number() }),
  eventTime: (event) => called('eventTime', event.time),
  dedup: { by: (event) => called('dedup.by', event.id), within: '1 minute' },
  enrich: lookup([{ id: 'a', room: 'hall' }], {
    of: (event: { readonly id: string }) => called('enrich', event.id),
    in: 'id',
  }),
  watermark: { delay: 0 },
  queries: {
    perHour: {
      where: (event) => called('where', event.n >= 0),
      groupBy: { room: (event) => called('groupBy', event.room) },
      window: tumbling('1 hour'),
      aggregates: {
        count: count(),
        total: sum((event: { readonly n: number }) => called('sum', event.n)),
        positive: countIf((event: { readonly n: number }) => called('countIf', event.n > 0)),
      },
    },
    visits: {
      window: session('1 minute'),
      aggregates: { total: sum((event: { readonly n: number }) => called('session', event.n)) },
    },
  },
});

const texts = Array.from({ length: 6 }, (_, i) => JSON.stringify({ time: at + i, id: `id ${i}`, n: i }));
const names = ['eventTime', 'dedup.by', 'enrich', 'where', 'groupBy', 'sum', 'countIf', 'session'];
const onceEach = Object.fromEntries(names.map((name) => [name, texts.length]));

const records: readonly StreamRecord[] = texts.map((text, i) => ({
  sequenceNumber: String(i + 1),
  arrival: at,
  partitionKey: 'key',
  events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
}));

describe('a function of the pipeline', () => {
  it('runs once for an event that is counted', () => {
    const run = createStaticRun(pipeline);
    for (const text of texts) run.add(text, at);
    const { windows } = staticAnswer(pipeline, [run.part()]);
    expect(windows.map(({ rows }) => rows[0]?.values)).toStrictEqual([
      { count: 6, total: 15, positive: 5 },
      { total: 15 },
    ]);
    expect(Object.fromEntries(calls)).toStrictEqual(onceEach);
  });

  it('does not run again when a batch is folded again, behind another barrier', () => {
    const read = readRecords({ reader: eventReader(pipeline), ids: undefined }, records, 0);
    const [open, closed] = [at, at + 86_400_000].map((closedThrough) =>
      foldChunk(pipeline, read, { closedThrough, counters: noEvents }),
    );
    expect([open?.added.counters.counted, closed?.added.counters.late]).toStrictEqual([6, 6]);
    expect(Object.fromEntries(calls)).toStrictEqual(onceEach);
  });

  it('gives inputs that events share only where they are the same, with their signs and gaps', () => {
    const pipeline = definePipeline({
      name: 'shared',
      event: z.object({ time: z.number(), n: z.number().nullish() }),
      eventTime: (event) => event.time,
      watermark: { delay: 0 },
      queries: { q: { window: tumbling('1 hour'), aggregates: { n: count(), total: sum('n') } } },
    });
    const reader = eventReader(pipeline);
    const inputs = [0, -0, 1, 1, null, 1].map((n) => {
      const read = reader.parsed({ time: at, n }, at);
      return read.outcome === 'accepted' ? read.inputs[0] : undefined;
    });
    expect(inputs.map((own) => own?.[1])).toEqual([0, -0, 1, 1, inputs[4]?.[1], 1]);
    expect(inputs[2]).toBe(inputs[3]);
    expect(inputs[4]?.[1]).not.toEqual(inputs[5]?.[1]);
  });
});
