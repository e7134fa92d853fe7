import type { Delivery } from '../core/definition/sink.ts';
import { isoTime } from '../core/events/event-time.ts';

/**
 * A pane as a message: JSON of all of it. A pane that is too long for a message is sent without its rows, with the
 * request that gives them.
 */
export interface Message extends Omit<Delivery, 'rows' | 'table'> {
  readonly rows: Delivery['rows'] | null;
  readonly table?: Delivery['table'];
  /** A path of the query API. It gives the rows as they are at that time. Only where `rows` is null. */
  readonly rowsAt?: string;
}

/** A pane as JSON of any length. */
export function wholeMessage(delivery: Delivery): string {
  return JSON.stringify(delivery satisfies Message);
}

/**
 * A pane as JSON that fits into one message, so that it arrives whole or not at all.
 * @param mostBytes the most that the target takes
 */
export function fittingMessage(delivery: Delivery, mostBytes: number): string {
  const whole = wholeMessage(delivery);
  if (Buffer.byteLength(whole) <= mostBytes) return whole;
  const { rows: _rows, table: _table, ...head } = delivery;
  const range =
    delivery.mode === 'complete' ? '' : `?from=${isoTime(delivery.start)}&to=${isoTime(delivery.start + 1)}`;
  const message: Message = {
    ...head,
    rows: null,
    rowsAt: `/v1/queries/${encodeURIComponent(delivery.query)}/windows${range}`,
  };
  return JSON.stringify(message);
}
