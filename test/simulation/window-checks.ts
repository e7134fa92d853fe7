import type { Query } from '../../functions/core/definition/pipeline.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import { checkClocks } from './clock-checks.ts';
import { checkEmptyFinal } from './empty-checks.ts';
import { checkHistory, checkKept } from './history-checks.ts';
import { closedThroughAt, idsOfWindow, type Ledger, queryOf, windowName } from './ledger.ts';
import { rowsOfPane } from './pane-rows.ts';
import { idsOfSession } from './session-checks.ts';
import { checkRows, idsOfGroups, rowsOfView } from './totals-checks.ts';
import { Violation } from './violation.ts';

/**
 * I2: a final window never changes. I4: it holds every event that is counted for it, once. I6: all its rows are there
 * when its manifest makes it visible.
 */
export function checkManifest(ledger: Ledger, windows: ItemStore, before: Item | undefined, after: Item): void {
  if (after.pk.endsWith('#parts')) {
    const [query = '', text = ''] = after.pk.split('#');
    const manifest = windows.get({ pk: query, sk: text });
    if (manifest !== undefined) checkManifest(ledger, windows, manifest, manifest);
    return;
  }
  if (after.pk.endsWith('#revisions')) {
    checkKept(ledger, windows, after);
    return;
  }
  const query = queryOf(ledger, after.pk);
  const [start = 0, end = 0] = [numberOf(after, 'start'), numberOf(after, 'end')];
  const name = windowName(after.pk, { start, end });
  const rows = rowsOfPane(windows, after, `${after.pk}#${after.sk}`);
  if (rows === undefined) throw new Violation('I6', `${name} is visible without some of its parts`);
  const ids = idsOfGroups(query, rows);
  const known = new Set(ids);
  const epoch = numberOf(after, 'epoch') ?? Number.NaN;
  if (before !== undefined && before !== after) checkFollows(name, before, after);
  if (!(epoch <= ledger.gathered.epoch))
    throw new Violation('I16', `${name} is made at epoch ${epoch}, and ${ledger.gathered.epoch} is gathered`);
  if (before?.attributes['status'] === 'final') {
    const standing = ledger.finals.get(name);
    if (standing?.size !== known.size || ids.some((id) => !standing.has(id)))
      throw new Violation('I2', `${name} was final and changes`);
  }
  if (known.size !== ids.length) throw new Violation('I5', `${name} counts an event twice: ${ids.join(' ')}`);
  const expected = expectedIds(ledger, query, { start, end }, epoch);
  if (expected === undefined) throw new Violation('I4', `${name} is not a window`);
  const isFinal = after.attributes['status'] === 'final';
  checkStatus(ledger, query, name, after, end);
  const missing = [...expected, ...(ledger.early.get(name) ?? [])].filter((id) => !known.has(id));
  const extra = ids.filter((id) => !expected.has(id));
  if (missing.length > 0 || extra.length > 0)
    throw new Violation(
      'I4',
      `${name} is ${isFinal ? 'final' : 'emitted early'} without ${missing.join(' ') || 'nothing'} and with ${extra.join(' ') || 'nothing'} more`,
    );
  if (numberOf(after, 'records') !== ids.length)
    throw new Violation('I4', `${name} says ${numberOf(after, 'records')} records and holds ${ids.length}`);
  checkRows(ledger, query, name, rows, 'I4');
  checkClocks(ledger, query, { start, end }, name);
  checkHistory(ledger, windows, query, before, after, known);
  if (isFinal && known.size === 0) checkEmptyFinal(ledger, query, end, name);
  if (isFinal) ledger.finalRevisions.set(name, numberOf(after, 'revision') ?? 0);
  if (isFinal) ledger.finals.set(name, known);
  else ledger.early.set(name, known);
}

/** I2: revisions grow, and so do epochs: no pane is made of less than the one before it. */
function checkFollows(name: string, before: Item, after: Item): void {
  for (const of of ['revision', 'epoch'] as const) {
    const [from, to] = [before, after].map((item) => numberOf(item, of) ?? Number.NaN);
    if (!(Number(to) > Number(from))) throw new Violation('I2', `${name} goes from ${of} ${from} to ${to}`);
  }
}

/** I4: a pane is final when the C of its epoch has reached its closing, and early while it has not reached its end. */
function checkStatus(ledger: Ledger, query: Query, name: string, { attributes: { status, epoch } }: Item, end: number) {
  const closedThrough = closedThroughAt(ledger, Number(epoch));
  const closing = query.window.sessions?.closingOf(end - query.window.sessions.gapMs) ?? end + query.latenessMs;
  const isClosed = closing <= closedThrough;
  if ((status === 'final') !== isClosed || (status === 'early') !== (!isClosed && end > closedThrough))
    throw new Violation(
      'I4',
      `${name} is ${String(status)} at epoch ${String(epoch)}, closed through ${closedThrough}`,
    );
}

/**
 * The ids that a pane of a window has to hold: those before the barriers of its epoch; undefined if the bounds are not
 * those of a window.
 */
function expectedIds(
  ledger: Ledger,
  query: Query,
  { start, end }: { readonly start: number; readonly end: number },
  epoch: number,
): ReadonlySet<string> | undefined {
  if (query.window.sessions !== undefined) return idsOfSession(ledger, query, { start, end }, epoch);
  const window = query.window.emit(end + query.latenessMs).find((candidate) => candidate.start === start);
  return window === undefined ? undefined : idsOfWindow(ledger, query, window, epoch);
}

/** The expectation of a reader: the contents at the time it began. */
export interface Expectation {
  /** By window name: ids that were committed before the read began. */
  readonly committed: ReadonlyMap<string, ReadonlySet<string>>;
  readonly finals: ReadonlySet<string>;
}

/** The expectation of a reader that begins now. */
export function expectationOf(ledger: Ledger, queryName: string): Expectation {
  return {
    committed: heldNow(ledger, queryOf(ledger, queryName)),
    finals: new Set([...ledger.finals.keys()].filter((name) => name.startsWith(`${queryName}#`))),
  };
}

/** By window name: the ids that the entries hold of it now. */
function heldNow(ledger: Ledger, query: Query): ReadonlyMap<string, ReadonlySet<string>> {
  const held = new Map<string, ReadonlySet<string>>();
  for (const slice of ledger.counted.get(query.name)?.keys() ?? [])
    for (const closing of query.window.closings(slice))
      for (const window of query.window.emit(closing)) {
        const name = windowName(query.name, window);
        if (!held.has(name)) held.set(name, idsOfWindow(ledger, query, window));
      }
  return held;
}

/**
 * I6: a reader sees a window whole. A final window is as it was stored. An open window has everything that was
 * committed before the read began, and nothing that is not in it. Nothing is there twice. So no reader that begins
 * after another one has ended sees less.
 */
export function checkViews(
  ledger: Ledger,
  queryName: string,
  views: readonly WindowView[],
  expectation: Expectation,
): void {
  const query = queryOf(ledger, queryName);
  const seen = new Map(views.map((view) => [windowName(queryName, view), view]));
  for (const name of expectation.finals)
    if (seen.get(name)?.status !== 'final')
      throw new Violation('I6', `${name} was final and a reader sees ${seen.get(name)?.status}`);
  const held = heldNow(ledger, query);
  for (const [name, view] of seen) {
    const extra = idsOfGroups(query, rowsOfView(view)).filter((id) => held.get(name)?.has(id) !== true);
    if (extra.length > 0)
      throw new Violation('I6', `a reader sees ${extra.join(' ')} in ${name} (${view.status}), which is not in it`);
  }
  for (const [name, expected] of expectation.committed) {
    const view = seen.get(name);
    const rows = view === undefined ? [] : rowsOfView(view);
    const ids = idsOfGroups(query, rows);
    const known = new Set(ids);
    if (known.size !== ids.length)
      throw new Violation('I6', `a reader sees an event of ${name} twice: ${ids.join(' ')}`);
    const missing = [...expected].filter((id) => !known.has(id));
    if (missing.length > 0)
      throw new Violation(
        'I6',
        `a reader sees ${name} (${view?.status}) without ${missing.join(' ')}, which were committed`,
      );
    if (view !== undefined) checkRows(ledger, query, name, rows, 'I6');
    const final = ledger.finals.get(name);
    if (view?.status === 'final' && (final?.size !== known.size || ids.some((id) => !final.has(id))))
      throw new Violation('I6', `a reader sees ${name} final, and other than it is`);
    if (view !== undefined && view.records !== ids.length)
      throw new Violation('I6', `a reader sees ${view.records} records in ${name}, which holds ${ids.length}`);
  }
}
