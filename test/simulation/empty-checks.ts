import type { Query } from '../../functions/core/definition/pipeline.ts';
import type { Window } from '../../functions/core/windows/window.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import { closedThroughAt, type Ledger, newestClosed, windowName } from './ledger.ts';
import type { SimulationOptions } from './options.ts';
import { isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';

/** I4: a window is final without events only where a query asks for that, and when no event can come to it any more. */
export function checkEmptyFinal(ledger: Ledger, query: Query, end: number, name: string): void {
  if (query.mostEmpty === 0) throw new Violation('I4', `${name} is final with no event`);
  const closedThrough = newestClosed(ledger);
  if (end + query.latenessMs > closedThrough)
    throw new Violation('I4', `${name} is final with no event, and C is ${closedThrough}`);
}

/**
 * I3, I8 and I9: the time through which empty windows are emitted only grows. Windows up to it are final, and the empty
 * ones have been acknowledged. Windows with contents have to be acknowledged when `emitted` rises.
 */
export function checkEmptyThrough(ledger: Ledger, before: Item | undefined, after: Item): void {
  const query = ledger.pipeline.queries.find(({ name }) => name === after.sk);
  const through = numberOf(after, 'emptyThrough');
  const earlier = before && numberOf(before, 'emptyThrough');
  if (earlier !== undefined && (through === undefined || through < earlier))
    throw new Violation('I3', `emptyThrough of ${after.sk} goes back from ${earlier} to ${through}`);
  if (query === undefined || through === undefined || through === earlier) return;
  for (const name of expectedWindows(ledger, query, through)) {
    const ids = ledger.finals.get(name);
    if (ids === undefined) throw new Violation('I8', `emptyThrough rises to ${through} and ${name} is not final`);
    if (ids.size === 0 && !isPublished(ledger, name))
      throw new Violation('I9', `emptyThrough rises to ${through} and ${name} is not acknowledged`);
  }
}

/**
 * The expected windows among those from the first with an event on that end by a moment. They are the windows with an
 * event, and the first windows of each gap, as many as the query says.
 */
function expectedWindows(ledger: Ledger, query: Query, through: number): ReadonlySet<string> {
  const { options, placed, events } = ledger;
  const held = new Set<number>();
  // A record is not in those overlapping windows that had closed when it came.
  for (const [id, { epoch }] of placed.get(query.name) ?? [])
    for (const end of endsWith(options, events.get(id)?.time ?? Number.NaN))
      if (end + query.latenessMs > closedThroughAt(ledger, epoch)) held.add(end);
  const expected = new Set<string>();
  let run = 0;
  for (const window of windowsAfter(options, Math.min(...held) - 1)) {
    if (window.end > through) break;
    run = held.has(window.end) ? 0 : run + 1;
    if (run <= query.mostEmpty) expected.add(windowName(query.name, window));
  }
  return expected;
}

/**
 * The windows of `series` that end after a time, in the order of their ends. The sequence is infinite, and computed by
 * the simulation's own arithmetic.
 */
function* windowsAfter({ windowMs, overlap, overlapKind }: SimulationOptions, time: number): Generator<Window> {
  const stepMs = overlap === 0 ? windowMs : windowMs / 2;
  const sizeMs = overlap === 0 ? windowMs : overlap * stepMs - (overlapKind === 'uneven' ? Math.ceil(stepMs / 3) : 0);
  const cumulates = overlap > 0 && overlapKind === 'cumulate';
  for (let end = (Math.floor((time - sizeMs) / stepMs) + 1) * stepMs + sizeMs; Number.isFinite(end); end += stepMs)
    yield { start: cumulates ? Math.floor((end - 1) / sizeMs) * sizeMs : end - sizeMs, end };
}

/** The ends of the windows of `series` that hold a time, ascending. */
function endsWith(options: SimulationOptions, time: number): readonly number[] {
  const ends: number[] = [];
  for (const { start, end } of windowsAfter(options, time)) {
    if (start > time) break;
    ends.push(end);
  }
  return ends;
}

/** I8 after the drain: as far as the stream has come, exactly the empty windows that the query is to have are final. */
export function checkEmptyAtEnd(ledger: Ledger): void {
  for (const query of ledger.pipeline.queries.filter(({ mostEmpty }) => mostEmpty > 0)) {
    const times = [...ledger.committed.values()].flatMap(({ maxEventTime }) => maxEventTime ?? []);
    const expected = expectedWindows(ledger, query, endsWith(ledger.options, Math.max(...times)).at(-1) ?? Number.NaN);
    const finals = [...ledger.finals.keys()].filter((name) => name.startsWith(`${query.name}#`));
    const missing = [...expected].filter((name) => !ledger.finals.has(name));
    const extra = finals.filter((name) => !expected.has(name));
    if (missing.length > 0 || extra.length > 0)
      throw new Violation(
        'I8',
        `in the end ${missing.join(', ') || 'none'} of the windows without events are missing, and ${extra.join(', ') || 'none'} too many`,
      );
  }
}
