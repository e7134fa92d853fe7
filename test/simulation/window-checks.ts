import type { Query } from '../../functions/core/definition/pipeline.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import { checkClocks } from './clock-checks.ts';
import { checkEmptyFinal } from './empty-checks.ts';
import { checkHistory, checkKept } from './history-checks.ts';
import type { ItemStore } from './item-store.ts';
import { idsOfWindow, isCommitted, type Ledger, queryOf, windowName } from './ledger.ts';
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
  if (
    before !== undefined &&
    before !== after &&
    (numberOf(after, 'revision') ?? 0) <= (numberOf(before, 'revision') ?? 0)
  )
    throw new Violation(
      'I2',
      `${name} goes from revision ${numberOf(before, 'revision')} to ${numberOf(after, 'revision')}`,
    );
  if (before?.attributes['status'] === 'final') {
    const standing = ledger.finals.get(name);
    if (standing?.size !== known.size || ids.some((id) => !standing.has(id)))
      throw new Violation('I2', `${name} was final and changes`);
  }
  if (known.size !== ids.length) throw new Violation('I5', `${name} counts an event twice: ${ids.join(' ')}`);
  const expected = expectedIds(ledger, query, start, end);
  if (expected === undefined) throw new Violation('I4', `${name} is not a window`);
  const isFinal = after.attributes['status'] === 'final';
  const missing = [...(isFinal ? expected : (ledger.early.get(name) ?? []))].filter((id) => !known.has(id));
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

/** The ids that a window has to hold by the counts so far; undefined if the bounds are not those of a window. */
function expectedIds(ledger: Ledger, query: Query, start: number, end: number): ReadonlySet<string> | undefined {
  if (query.window.sessions !== undefined) return idsOfSession(ledger, query, start, end);
  const window = query.window.emit(end + query.latenessMs).find((candidate) => candidate.start === start);
  return window === undefined ? undefined : idsOfWindow(ledger, query, window);
}

/** The expectation of a reader: the contents at the time it began. */
export interface Expectation {
  /** By window name: ids that were committed before the read began. */
  readonly committed: ReadonlyMap<string, ReadonlySet<string>>;
  readonly finals: ReadonlySet<string>;
}

/** The expectation of a reader that begins now. */
export function expectationOf(ledger: Ledger, queryName: string): Expectation {
  const query = queryOf(ledger, queryName);
  const committed = new Map<string, Set<string>>();
  for (const [slice, closings] of ledger.buckets.get(queryName) ?? [])
    for (const [closesAt, ids] of closings)
      for (const closing of query.window.closings(slice).filter((moment) => moment >= closesAt))
        for (const window of query.window.emit(closing)) {
          const name = windowName(queryName, window);
          const expected = committed.get(name) ?? new Set();
          committed.set(name, expected);
          for (const id of ids) if (isCommitted(ledger, id)) expected.add(id);
        }
  return { committed, finals: new Set([...ledger.finals.keys()].filter((name) => name.startsWith(`${queryName}#`))) };
}

/**
 * I6: a reader sees a window whole. A final window is as it was stored. An open window has everything that was
 * committed before the read began. Nothing is there twice.
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
