import { argumentError } from '../core/arguments/error.ts';
import { type EventTimeUnit, eventTimeOf } from '../core/events/event-time.ts';

/** A moment as a test writes it: epoch milliseconds, a Date, or ISO 8601 text with a zone. */
export type Moment = number | Date | string;

/**
 * A moment in epoch ms.
 * @param unit of the pipeline's event times; where it has none, a number that looks like seconds is refused
 * @throws TidemarkError that names the field
 */
export function momentMs(field: string, moment: Moment, unit: EventTimeUnit | undefined): number {
  const ms = eventTimeOf(moment, unit === undefined ? undefined : 'ms');
  if (typeof ms === 'number') return ms;
  const remedy = "is not a moment: give epoch milliseconds, a Date, or ISO 8601 with a zone, '2026-01-01T00:00:00Z'";
  throw argumentError(field, moment, remedy);
}
