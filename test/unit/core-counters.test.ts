import { describe, expect, it } from 'vitest';
import {
  addCounters,
  addQueryCounters,
  type Counters,
  eventClasses,
  isConserved,
  noEvents,
  noPairs,
} from '../../functions/core/events/counters.ts';

const some: Counters = { received: 15, counted: 1, late: 2, duplicate: 3, rejected: 4, filtered: 5 };

describe('the counters', () => {
  it('are conserved when every event is in one class', () => {
    expect(isConserved(noEvents)).toBe(true);
    expect(isConserved(some)).toBe(true);
  });

  it.each(eventClasses)('are not conserved when an event is missing from or twice in %s', (name) => {
    expect(isConserved({ ...some, [name]: some[name] - 1 })).toBe(false);
    expect(isConserved({ ...some, [name]: some[name] + 1 })).toBe(false);
    expect(isConserved({ ...some, received: some.received + 1, [name]: some[name] + 1 })).toBe(true);
  });

  it('add up class by class, with nothing as their identity', () => {
    expect(
      addCounters(some, { received: 60, counted: 20, late: 10, duplicate: 15, rejected: 5, filtered: 10 }),
    ).toStrictEqual({
      received: 75,
      counted: 21,
      late: 12,
      duplicate: 18,
      rejected: 9,
      filtered: 15,
    });
    expect(addCounters(some, noEvents)).toStrictEqual(some);
    expect(addCounters(noEvents, some)).toStrictEqual(some);
    expect(noEvents).toStrictEqual({ received: 0, counted: 0, late: 0, duplicate: 0, rejected: 0, filtered: 0 });
  });

  it('of a query add up likewise', () => {
    const pairs = { counted: 1, late: 2, filtered: 3 };
    expect(addQueryCounters(pairs, { counted: 10, late: 20, filtered: 30 })).toStrictEqual({
      counted: 11,
      late: 22,
      filtered: 33,
    });
    expect(addQueryCounters(pairs, noPairs)).toStrictEqual(pairs);
  });
});
