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

/** I3 and I9: how far empty windows are emitted only grows, and those up to there have been acknowledged; windows that hold something have to be at finalizedThrough. */
export function checkEmptyThrough(ledger: Ledger, before: Item | undefined, after: Item): void {
  const query = ledger.pipeline.queries.find(({ name }) => name === after.sk);
  const through = numberOf(after, 'emptyThrough');
  const earlier = before && numberOf(before, 'emptyThrough');
  if (earlier !== undefined && (through === undefined || through < earlier))
    throw new Violation('I3', `emptyThrough of ${after.sk} goes back from ${earlier} to ${through}`);
  if (query === undefined || through === undefined || through === earlier) return;
  for (const [name, ids] of ledger.finals) {
    if (ids.size > 0) continue;
    const end = Number(name.slice(name.lastIndexOf('/') + 1));
    if (name.startsWith(`${query.name}#`) && end <= through && !isPublished(ledger, name))
      throw new Violation('I9', `emptyThrough rises to ${through} and ${name} is not acknowledged`);
  }
}

/**
 * I8 after the drain: between the first window that holds an event and the last that the stream has come to, of each gap its first windows are final, as many
 * as the query says, and no others.
 */
export function checkEmptyAtEnd(ledger: Ledger): void {
  const { windowMs } = ledger.options;
  const startOf = (time: number) => Math.floor(time / windowMs) * windowMs;
  for (const query of ledger.pipeline.queries.filter(({ mostEmpty }) => mostEmpty > 0)) {
    const starts = new Set([...(ledger.placed.get(query.name)?.keys() ?? [])].map((id) => startOf(ledger.events.get(id)?.time ?? Number.NaN)));
    const times = [...ledger.committed.values()].flatMap(({ maxEventTime }) => maxEventTime ?? []);
    const expected = new Set<string>();
    let run = 0;
    for (let start = Math.min(...starts); start <= startOf(Math.max(...times)); start += windowMs) {
      run = starts.has(start) ? 0 : run + 1;
      if (run <= query.mostEmpty) expected.add(windowName(query.name, { start, end: start + windowMs }));
    }
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
