import type { Query } from '../../functions/core/definition/pipeline.ts';
import type { Window } from '../../functions/core/windows/window.ts';
import type { Ledger } from './ledger.ts';
import { Violation } from './violation.ts';

/**
 * I4 for windows on the clocks of a zone: a window begins and ends where the clocks say, and holds exactly the events
 * of that time.
 */
export function checkClocks(
  { labelOf, placed, events }: Ledger,
  query: Query,
  { start, end }: Window,
  name: string,
): void {
  if (labelOf === undefined || query.name !== 'first') return;
  const label = labelOf(start);
  if (labelOf(end - 1) !== label || labelOf(start - 1) === label || labelOf(end) === label)
    throw new Violation(
      'I4',
      `${name} is not a window of the clocks: it lies from ${label} to ${labelOf(end - 1)}, beside ${labelOf(start - 1)} and ${labelOf(end)}`,
    );
  for (const [id, { slice }] of placed.get(query.name) ?? []) {
    const time = events.get(id)?.time ?? Number.NaN;
    if ((slice === start) !== (labelOf(time) === label))
      throw new Violation('I4', `${id} is ${slice === start ? '' : 'not '}counted in ${name}`);
  }
}
