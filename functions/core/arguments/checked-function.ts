import { argumentError, TidemarkError } from './error.ts';

/**
 * Checks a function of the event that a pipeline gives, and forgets the event's type, because pipelines of all schemas
 * are handled alike. Async functions and generators are refused. Their return value would pass for a value (a true
 * `where`). The failure of a promise would end the process, with the whole batch, instead of rejecting one event.
 * @throws TidemarkError naming `field`
 */
export function checkedFunction<Event, Result>(
  field: string,
  value: (event: Event) => Result,
): (event: unknown) => Result {
  if (value === undefined || value === null)
    throw new TidemarkError(`${field} is missing: give a function of the event`);
  if (typeof value !== 'function') throw argumentError(field, value, 'is not a function of the event: give one');
  if (/Async|Generator/.test(Object.prototype.toString.call(value)))
    throw argumentError(
      field,
      value,
      'that is async or a generator: give one that returns its value, events are read one by one',
    );
  return value as (event: unknown) => Result;
}
