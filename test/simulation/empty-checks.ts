import type { Query } from '../../functions/core/pipeline.ts';
import { type Item, numberOf } from '../../functions/state/table.ts';
import { type Ledger, windowName } from './ledger.ts';
import { isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';

/** I4: a window is final without events only where that is asked for, and when no event can come to it any more. */
export function checkEmptyFinal(ledger: Ledger, query: Query, end: number, name: string): void {
  if (query.mostEmpty === 0) throw new Violation('I4', `${name} is final with no event`);
  if (end + query.latenessMs > ledger.horizon.closedThrough)
    throw new Violation('I4', `${name} is final with no event, and closedThrough is ${ledger.horizon.closedThrough}`);
}

/**
 * I3, I8 and I9: how far empty windows are emitted only grows, and those up to there are final and have been acknowledged; windows that hold something have to be
 * at finalizedThrough.
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
    if (ids.size === 0 && !isPublished(ledger, name)) throw new Violation('I9', `emptyThrough rises to ${through} and ${name} is not acknowledged`);
  }
}

/** Of the windows from the first that holds an event on that end by a moment: those that hold one, and the first of each gap, as many as the query says. */
function expectedWindows(ledger: Ledger, query: Query, through: number): ReadonlySet<string> {
  const { windowMs } = ledger.options;
  const ids = [...(ledger.placed.get(query.name)?.keys() ?? [])];
  const starts = new Set(ids.map((id) => startOf(ledger.events.get(id)?.time ?? Number.NaN, windowMs)));
  const expected = new Set<string>();
  let run = 0;
  for (let start = Math.min(...starts); start + windowMs <= through; start += windowMs) {
    run = starts.has(start) ? 0 : run + 1;
    if (run <= query.mostEmpty) expected.add(windowName(query.name, { start, end: start + windowMs }));
  }
  return expected;
}

function startOf(time: number, windowMs: number): number {
  return Math.floor(time / windowMs) * windowMs;
}

/** I8 after the drain: as far as the stream has come, the windows without events are final that the query is to have, and no others. */
export function checkEmptyAtEnd(ledger: Ledger): void {
  const { windowMs } = ledger.options;
  for (const query of ledger.pipeline.queries.filter(({ mostEmpty }) => mostEmpty > 0)) {
    const times = [...ledger.committed.values()].flatMap(({ maxEventTime }) => maxEventTime ?? []);
    const expected = expectedWindows(ledger, query, startOf(Math.max(...times), windowMs) + windowMs);
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
