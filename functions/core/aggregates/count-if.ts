import { checkedFunction } from '../arguments/checked-function.ts';
import { type AggregateOf, none, opaque } from './aggregate.ts';
import { counting } from './count.ts';

const counted = { kind: 'value', value: 1 } as const;

/**
 * The number of records for which a condition holds. The `where` of the query, in contrast, keeps records away from all
 * of its aggregates.
 * @example
 * countIf((request: { status: number }) => request.status >= 500);
 * @param where a pure function of the event: `(event) => event.paid`. An event for which it throws is rejected.
 */
export function countIf<Event>(where: (event: Event) => boolean): AggregateOf<Event, number> {
  const holds = checkedFunction('countIf', where);
  return opaque<Event, 1, number, number>({
    ...counting,
    kind: 'countIf',
    input: (event) => (holds(event) ? counted : none),
  });
}
