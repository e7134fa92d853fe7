import { isAfter } from '../../functions/core/events/sequence-number.ts';
import { type Item, textOf } from '../../functions/state/table/table.ts';
import { idsOfPage, type Ledger, queryOf, windowName } from './ledger.ts';
import { Violation } from './violation.ts';

/**
 * I5: no event is counted twice. It is in one page of a query at most, once, and stays there. I10: a closed page does
 * not change, and its number only grows. I4: no event comes to a window that is final, and none comes to both the side
 * output and a window.
 */
export function checkPage(ledger: Ledger, before: Item | undefined, after: Item): void {
  const page = `${after.pk} / ${after.sk}`;
  const [, , queryName = '', sliceText] = after.pk.split('#');
  const slice = Number(sliceText);
  const closesAt = Number(after.sk.split('#')[0]);
  if (before?.attributes['closed'] === true) {
    if (after.attributes['closed'] !== true) throw new Violation('I10', `${page} is open again`);
    if (before.attributes['data'] !== after.attributes['data'])
      throw new Violation('I10', `${page} changes after it was closed`);
  }
  const [numberBefore, numberAfter] = [before, after].map((item) =>
    item === undefined ? undefined : textOf(item, 'sequenceNumber'),
  );
  if (numberBefore !== undefined && (numberAfter === undefined || isAfter(numberBefore, numberAfter)))
    throw new Violation('I10', `the number of ${page} goes back from ${numberBefore} to ${numberAfter}`);
  if (before?.attributes['data'] === after.attributes['data']) return;

  const query = queryOf(ledger, queryName);
  const placed = ledger.placed.get(queryName);
  const ids = idsOfPage(query, after);
  const known = new Set(ids);
  if (known.size !== ids.length) throw new Violation('I5', `${page} counts an event twice: ${ids.join(' ')}`);
  if (after.attributes['records'] !== ids.length)
    throw new Violation('I5', `${page} says ${String(after.attributes['records'])} records and holds ${ids.length}`);
  for (const id of idsOfPage(query, before)) if (!known.has(id)) throw new Violation('I5', `${page} loses ${id}`);
  for (const id of ids) {
    const place = placed?.get(id);
    if (place?.page === page) continue;
    if (place !== undefined) throw new Violation('I5', `${id} is counted in ${place.page} and in ${page}`);
    if (ledger.late.has(`${queryName}#${id}`))
      throw new Violation('I4', `${id} was late for ${queryName} and is counted in ${page}`);
    const closing = query.window
      .closings(slice)
      .find((moment) => moment >= closesAt && moment <= ledger.horizon.finalizedThrough);
    if (closing !== undefined)
      throw new Violation('I4', `${id} comes to ${page}, and the window that closes at ${closing} is final`);
    // The window is final without the event, and perhaps without any event: no closing is recorded for windows that
    // hold nothing.
    if (
      query.mostEmpty > 0 &&
      query.window.emit(closesAt).some((window) => ledger.finals.has(windowName(queryName, window)))
    )
      throw new Violation('I4', `${id} comes to ${page}, whose window is final`);
    const event = ledger.events.get(id);
    if (event === undefined || query.window.sliceOf(event.time) !== slice)
      throw new Violation('I5', `${id} is in ${page}, where it does not belong`);
    if (event.isDuplicate)
      throw new Violation('I13', `${id} is counted in ${page}, and ${event.sentId} was sent before`);
    placed?.set(id, { page, slice, closesAt });
    addToBucket(ledger, queryName, slice, closesAt, id);
  }
}

function addToBucket(ledger: Ledger, query: string, slice: number, closesAt: number, id: string): void {
  const slices = ledger.buckets.get(query);
  const closings = slices?.get(slice) ?? new Map<number, Set<string>>();
  slices?.set(slice, closings);
  const ids = closings.get(closesAt) ?? new Set();
  closings.set(closesAt, ids);
  ids.add(id);
}
