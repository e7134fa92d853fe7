import { mistake } from './error.ts';

/**
 * Checks a function of the event that a pipeline gives, and forgets the event's type: where pipelines of all schemas are alike, it is unknown.
 * Async functions are refused: their promise would pass for a value (a true `where`), and its failure would end the process, with the
 * whole batch, instead of rejecting one event.
 * @throws TidemarkError naming `field`
 */
export function callable<Event, Result>(field: string, value: (event: Event) => Result): (event: unknown) => Result {
  if (typeof value !== 'function') throw mistake(field, value, 'is not a function of the event: give one');
  if (Object.prototype.toString.call(value) === '[object AsyncFunction]')
    throw mistake(field, value, 'that is async: give a synchronous one, events are read one by one');
  return value as (event: unknown) => Result;
}
