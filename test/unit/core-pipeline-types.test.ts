import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  avg,
  count,
  definePipeline,
  type EventTimeValue,
  max,
  min,
  type PipelineSpec,
  type QuerySpec,
  sum,
  tumbling,
} from '../../functions/core/index.ts';

const schema = z.object({
  time: z.string().transform((text) => new Date(text)),
  action: z.enum(['Open', 'Close']),
  room: z.string().nullish(),
  value: z.number().optional(),
  price: z.number().nullable(),
  tags: z.array(z.string()),
});
type Spec = PipelineSpec<typeof schema>;
type Event = {
  time: Date;
  action: 'Open' | 'Close';
  room?: string | null | undefined;
  value?: number | undefined;
  price: number | null;
  tags: string[];
};
type Query = QuerySpec<Event>;

const window = tumbling('1 hour');
const aggregates = { count: count() };

describe('the types of a pipeline', () => {
  it('give the functions what the schema makes of an event, not what it takes', () => {
    type EventTime = Extract<Spec['eventTime'], (event: never) => unknown>;
    expectTypeOf<EventTime>().parameter(0).toEqualTypeOf<Event>();
    expectTypeOf<EventTime>().returns.toEqualTypeOf<EventTimeValue>();
    expectTypeOf<NonNullable<Query['where']>>().parameter(0).toEqualTypeOf<Event>();
    const pipeline = definePipeline({
      name: 'typed',
      event: schema,
      eventTime: (event) => {
        expectTypeOf(event).toEqualTypeOf<Event>();
        return event.time;
      },
      partitionKey: (event) => {
        expectTypeOf(event).toEqualTypeOf<Event>();
        return event.action;
      },
      watermark: { delay: 0 },
      queries: {
        all: {
          where: (event) => {
            expectTypeOf(event).toEqualTypeOf<Event>();
            return event.tags.length > 0;
          },
          groupBy: { length: (event) => event.tags.length, action: (event) => event.action },
          window,
          aggregates: {
            count: count(),
            total: sum('value'),
            mean: avg('price'),
            least: min((event: Event) => event.tags.length),
            most: max((event: { value?: number | undefined }) => event.value),
          },
        },
        byFields: { groupBy: ['action', 'room', 'value', 'price'], window, aggregates },
      },
    });
    expect(pipeline.queries.map(({ name }) => name)).toStrictEqual(['all', 'byFields']);
  });

  it('refuse a group-by field that the event does not have or that is no plain value', () => {
    const queries: Query[] = [
      // @ts-expect-error the event has no such field
      { groupBy: ['colour'], window, aggregates },
      // @ts-expect-error a list cannot be grouped by
      { groupBy: ['tags'], window, aggregates },
      // @ts-expect-error a Date cannot be grouped by
      { groupBy: ['action', 'time'], window, aggregates },
      // @ts-expect-error the function gives a list
      { groupBy: { tags: (event) => event.tags }, window, aggregates },
      // @ts-expect-error the function reads what the event does not have
      { groupBy: { colour: (event) => event.colour }, window, aggregates },
    ];
    expect(queries).toHaveLength(5);
  });

  it('refuse an aggregate of a field that is no number or that the event does not have', () => {
    const queries: Query[] = [
      // @ts-expect-error a list cannot be summed
      { window, aggregates: { total: sum('tags') } },
      // @ts-expect-error text has no greatest number
      { window, aggregates: { total: max('room') } },
      // @ts-expect-error the event has no such field
      { window, aggregates: { total: max('colour') } },
      // @ts-expect-error the function takes another event
      { window, aggregates: { total: min((event: { colour: number }) => event.colour) } },
      // @ts-expect-error the function gives a list
      { window, aggregates: { total: sum((event: Event) => event.tags) } },
    ];
    expect(queries).toHaveLength(5);
  });

  it('refuse functions that are async or give nonsense, and settings that do not exist', () => {
    const queries: Query[] = [
      // @ts-expect-error a promise is no answer
      { where: async () => true, window, aggregates },
      // @ts-expect-error nor is a number
      { where: (event) => event.tags.length, window, aggregates },
      // @ts-expect-error there is no such setting
      { filter: () => true, window, aggregates },
      // @ts-expect-error the window is missing
      { aggregates },
      // @ts-expect-error the aggregates are missing
      { window },
    ];
    // @ts-expect-error an event time is not a list
    const listTime: Spec['eventTime'] = (event) => event.tags;
    // @ts-expect-error a unit is s or ms
    const minutes: Spec['eventTime'] = { of: () => 5, unit: 'min' };
    // @ts-expect-error the delay is missing
    const noDelay: Spec['watermark'] = {};
    // @ts-expect-error a partition key is text
    const partitionKey: NonNullable<Spec['partitionKey']> = (event) => event.value;
    expect([queries.length, listTime, minutes, noDelay, partitionKey]).toHaveLength(5);
  });
});
