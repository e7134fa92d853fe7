import { checkedFunction } from '../arguments/checked-function.ts';
import { type AggregateOf, none, opaque } from './aggregate.ts';
import { counting } from './count.ts';

const counted = { kind: 'value', value: 1 } as const;

/**
 * How many records a condition holds for. Beside a `where` of the query, which keeps records from all its aggregates.
 * @param where of the event, which has to say its type, `(event: Order) => event.paid`; pure; what it throws rejects
 * the event
 */
export function countIf<Event>(where: (event: Event) => boolean): AggregateOf<Event> {
  const holds = checkedFunction('countIf', where);
  return opaque<Event, 1, number, number>({
    ...counting,
    kind: 'countIf',
    input: (event) => (holds(event) ? counted : none),
  });
}
