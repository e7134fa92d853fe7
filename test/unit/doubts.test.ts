import { expect, it } from 'vitest';
import * as z from 'zod';
import { createDoubtNotes, doubtLines, joinedDoubts } from '../../functions/core/fold/doubts.ts';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';

interface Event {
  readonly time: number;
  readonly amount?: number;
  readonly shop?: string;
}

const pipeline = definePipeline({
  name: 'doubted',
  event: z.custom<Event>(() => true),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: { q: { groupBy: ['shop'], window: tumbling('1 hour'), aggregates: { n: count(), s: sum('amount') } } },
});

function keysOf(parts: readonly (readonly Event[])[]): readonly string[] {
  const doubts = parts.map((events) => {
    const notes = createDoubtNotes(pipeline);
    for (const event of events) notes.note(event, event.time);
    return notes.doubts();
  });
  return doubtLines(pipeline, joinedDoubts(doubts)).map(({ key }) => key);
}

const time = 1_700_000_000_000;

it('a field that no event has is doubted, whichever part they are in', () => {
  expect(keysOf([[{ time, shop: 'a' }], [{ time }], []])).toEqual(['queries.q.aggregates.s amount']);
  expect(keysOf([[{ time, shop: 'a' }], [{ time, amount: 5 }]])).toEqual([]);
  expect(keysOf([[]])).toEqual([]);
});

it('times in milliseconds that look like seconds are doubted once, those before 1970-01-02 and after 1973 are not', () => {
  const whole = { shop: 'a', amount: 1 };
  expect(keysOf([[{ ...whole, time: 1_700_000_000 }], [{ ...whole, time: 1_700_000_001 }]])).toEqual([
    'eventTime.unit',
  ]);
  expect(
    keysOf([
      [
        { ...whole, time: 5000 },
        { ...whole, time },
      ],
    ]),
  ).toEqual([]);
});
