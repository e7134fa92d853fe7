import { grouped } from '../../functions/core/definition/grouped.ts';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { sessionRule } from '../../functions/core/sessions/join.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import { closedThroughAt, type Ledger, windowName } from './ledger.ts';
import { isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';

/** A session as the oracle has it: event by event, without slices, segments or partial aggregates. */
interface OracleSession {
  readonly start: number;
  readonly end: number;
  readonly closing: number;
  readonly ids: readonly string[];
}

interface PlacedEvent {
  readonly id: string;
  readonly time: number;
}

/**
 * The sessions of a query by the events counted so far, after all epochs up to one. At each epoch, the events before
 * its barrier join the open sessions of their keys, and the sessions that close at or before its C become final.
 */
function playSessions(
  ledger: Ledger,
  query: Query,
  through: number,
): {
  readonly closed: readonly (OracleSession & { readonly epoch: number })[];
  readonly open: readonly OracleSession[];
} {
  const { gapMs, closingOf } = sessionRule(query);
  const closed: (OracleSession & { readonly epoch: number })[] = [];
  const open: OracleSession[] = [];
  const placed = [...(ledger.placed.get(query.name) ?? [])].flatMap(([id, { epoch }]) => {
    const event = ledger.events.get(id);
    return event === undefined || epoch >= through ? [] : [{ id, epoch, time: event.time, key: event.key }];
  });
  for (const events of grouped(placed, ({ key }) => key).values()) {
    let left: PlacedEvent[] = [];
    for (let epoch = 1; epoch <= through; epoch++) {
      const closedThrough = closedThroughAt(ledger, epoch);
      const pool = [...left, ...events.filter((event) => event.epoch === epoch - 1)];
      left = [];
      for (const session of cut(pool, gapMs)) {
        const shown = shownSession(session, gapMs, closingOf);
        if (shown.closing <= closedThrough) closed.push({ ...shown, epoch });
        else left.push(...session);
      }
    }
    open.push(...cut(left, gapMs).map((session) => shownSession(session, gapMs, closingOf)));
  }
  return { closed, open };
}

function cut(events: readonly PlacedEvent[], gapMs: number): readonly (readonly PlacedEvent[])[] {
  const sessions: PlacedEvent[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const event of [...events].sort((left, right) => left.time - right.time)) {
    if (event.time - last > gapMs) sessions.push([]);
    sessions[sessions.length - 1]?.push(event);
    last = event.time;
  }
  return sessions;
}

function shownSession(
  events: readonly PlacedEvent[],
  gapMs: number,
  closingOf: (last: number) => number,
): OracleSession {
  const start = events[0]?.time ?? Number.NaN;
  const last = events[events.length - 1]?.time ?? Number.NaN;
  return { start, end: last + gapMs, closing: closingOf(last), ids: events.map(({ id }) => id) };
}

/**
 * The ids that a final window of sessions has to hold when an epoch is emitted: those of all keys with its bounds;
 * undefined when there is no such session.
 */
export function idsOfSession(
  ledger: Ledger,
  query: Query,
  { start, end }: { readonly start: number; readonly end: number },
  epoch: number,
): ReadonlySet<string> | undefined {
  const { closed } = playSessions(ledger, query, epoch);
  const same = closed.filter((session) => session.start === start && session.end === end);
  return same.length === 0 ? undefined : new Set(same.flatMap(({ ids }) => ids));
}

/** I4 and I9, when `emitted` is raised: every session that the epochs have closed is final and acknowledged. */
export function checkSessionsEmitted(ledger: Ledger, query: Query, before: number, epoch: number): void {
  for (const session of playSessions(ledger, query, epoch).closed) {
    const name = windowName(query.name, session);
    const final = ledger.finals.get(name);
    const missing = session.ids.filter((id) => final?.has(id) !== true);
    if (session.epoch > before && missing.length > 0)
      throw new Violation(
        'I4',
        `epoch ${epoch} is emitted and ${name} is ${final === undefined ? 'not final' : `without ${missing.join(' ')}`}`,
      );
    if (!isPublished(ledger, name)) throw new Violation('I9', `epoch ${epoch} is emitted, ${name} not acknowledged`);
  }
}

/** I8, I4 and I5 after the drain: every counted event is in one final session, and the sessions are the oracle's. */
export function checkSessionsAtEnd(ledger: Ledger): void {
  for (const query of ledger.pipeline.queries.filter(({ window }) => window.sessions !== undefined)) {
    const finals = [...ledger.finals].filter(([name]) => name.startsWith(`${query.name}#`));
    const seen = new Map<string, string>();
    for (const [name, ids] of finals)
      for (const id of ids) {
        const other = seen.get(id);
        if (other !== undefined) throw new Violation('I5', `${id} is in ${other} and in ${name}`);
        seen.set(id, name);
      }
    for (const id of ledger.placed.get(query.name)?.keys() ?? [])
      if (!seen.has(id)) throw new Violation('I8', `${id} is counted, and in the end in no session of ${query.name}`);
    const { closed, open } = playSessions(ledger, query, ledger.epochs.length);
    if (open.length > 0 || closed.some((session) => !ledger.finals.has(windowName(query.name, session))))
      throw new Violation('I4', `the sessions of ${query.name} are not what was counted`);
  }
}

/** The ids that a reader of sessions who begins now has to find: those that are counted. */
export function countedIds(ledger: Ledger, queryName: string): ReadonlySet<string> {
  return new Set(ledger.placed.get(queryName)?.keys());
}

/**
 * I6: a reader sees every record that was committed before it began in one session, and no record in two. Each session
 * has the bounds that its records give, and a final session is as it was stored.
 */
export function checkSessionViews(
  ledger: Ledger,
  query: Query,
  views: readonly WindowView[],
  committed: ReadonlySet<string>,
  finals: ReadonlySet<string>,
): void {
  const { gapMs } = sessionRule(query);
  const seen = new Set<string>();
  for (const view of views) {
    const name = windowName(query.name, view);
    const ofKeys = view.rows.map((row) => (row.values['ids'] as { readonly ids: readonly string[] }).ids);
    for (const ids of ofKeys) {
      const events = ids.map((id) => ({ id, time: ledger.events.get(id)?.time ?? Number.NaN }));
      const [session, ...others] = cut(events, gapMs);
      if (
        others.length > 0 ||
        session?.[0]?.time !== view.start ||
        (session.at(-1)?.time ?? Number.NaN) + gapMs !== view.end
      )
        throw new Violation('I6', `a reader sees ${ids.join(' ')} as ${name} (${view.status})`);
      for (const id of ids) {
        if (seen.has(id)) throw new Violation('I6', `a reader sees ${id} twice, in ${name} (${view.status}) too`);
        seen.add(id);
      }
    }
    if (view.records !== ofKeys.flat().length)
      throw new Violation(
        'I6',
        `a reader sees ${view.records} records in ${name}, which holds ${ofKeys.flat().length}`,
      );
    const final = ledger.finals.get(name);
    if (view.status === 'final' && (final?.size !== view.records || ofKeys.flat().some((id) => !final.has(id))))
      throw new Violation('I6', `a reader sees ${name} final, and other than it is`);
  }
  const missing = [...committed].filter((id) => !seen.has(id));
  if (missing.length > 0)
    throw new Violation(
      'I6',
      `a reader sees the sessions of ${query.name} without ${missing.join(' ')}, which were committed`,
    );
  for (const name of finals)
    if (!views.some((view) => view.status === 'final' && windowName(query.name, view) === name))
      throw new Violation('I6', `${name} was final, and a reader does not see it`);
}
