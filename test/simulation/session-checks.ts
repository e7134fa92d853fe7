import { inflateRawSync } from 'node:zlib';
import { grouped } from '../../functions/core/definition/grouped.ts';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { isoTime } from '../../functions/core/events/event-time.ts';
import { sessionRule } from '../../functions/core/sessions/join.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import type { ItemStore } from './item-store.ts';
import { isCommitted, type Ledger, windowName } from './ledger.ts';
import { isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';

/** A session as the oracle has it: event by event, without slices, pages or partial aggregates. */
interface OracleSession {
  readonly start: number;
  readonly end: number;
  readonly closing: number;
  readonly ids: readonly string[];
}

interface PlacedEvent {
  readonly id: string;
  readonly time: number;
  readonly closesAt: number;
}

/**
 * The sessions of a query by the events counted so far, after all closings up to a moment. At each closing, the events
 * applied before it join the open sessions of their keys, and the sessions that end become final.
 */
function playSessions(
  ledger: Ledger,
  query: Query,
  through: number,
): { readonly closed: readonly OracleSession[]; readonly open: readonly OracleSession[] } {
  const { gapMs, closingOf } = sessionRule(query);
  const closed: OracleSession[] = [];
  const open: OracleSession[] = [];
  const placed = [...(ledger.placed.get(query.name) ?? [])].flatMap(([id, { closesAt }]) => {
    const event = ledger.events.get(id);
    return event === undefined ? [] : [{ id, closesAt, time: event.time, key: event.key }];
  });
  for (const events of grouped(placed, ({ key }) => key).values()) {
    const moments = [...new Set(events.flatMap(({ closesAt, time }) => [closesAt, closingOf(time)]))].filter(
      (moment) => moment <= through,
    );
    let left: PlacedEvent[] = [];
    for (const moment of moments.sort((a, b) => a - b)) {
      const pool = [...left, ...events.filter(({ closesAt }) => closesAt === moment)];
      left = [];
      for (const session of cut(pool, gapMs)) {
        const shown = shownSession(session, gapMs, closingOf);
        if (shown.closing <= moment) closed.push(shown);
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
 * The ids that a final window of sessions has to hold: those of all keys with its bounds; undefined when there is no
 * such session.
 */
export function idsOfSession(
  ledger: Ledger,
  query: Query,
  start: number,
  end: number,
): ReadonlySet<string> | undefined {
  const { gapMs, closingOf } = sessionRule(query);
  const { closed } = playSessions(ledger, query, closingOf(end - gapMs));
  const same = closed.filter((session) => session.start === start && session.end === end);
  return same.length === 0 ? undefined : new Set(same.flatMap(({ ids }) => ids));
}

/**
 * I4 and I9, when `finalizedThrough` rises: every closed session is final and acknowledged, and exactly the open
 * sessions are carried over, whole.
 */
export function checkSessions(ledger: Ledger, state: ItemStore, before: number, finalizedThrough: number): void {
  for (const query of ledger.pipeline.queries.filter(({ window }) => window.sessions !== undefined)) {
    const { closed, open } = playSessions(ledger, query, finalizedThrough);
    for (const session of closed) {
      const name = windowName(query.name, session);
      const final = ledger.finals.get(name);
      const missing = session.ids.filter((id) => final?.has(id) !== true);
      if (session.closing > before && missing.length > 0)
        throw new Violation(
          'I4',
          `finalizedThrough rises to ${finalizedThrough} and ${name} is ${final === undefined ? 'not final' : `without ${missing.join(' ')}`}`,
        );
      if (!isPublished(ledger, name))
        throw new Violation('I9', `finalizedThrough rises to ${finalizedThrough} and ${name} is not acknowledged`);
    }
    const expected = open.map(({ ids }) => [...ids].sort().join(' ')).sort();
    const carried = carriedAt(state, query, finalizedThrough).sort();
    if (expected.join('; ') !== carried.join('; '))
      throw new Violation(
        'I4',
        `finalizedThrough rises to ${finalizedThrough}, and over it are carried (${carried.join('; ')}) and not (${expected.join('; ')})`,
      );
  }
}

/** The ids of each session that is carried over a moment. */
function carriedAt(state: ItemStore, query: Query, moment: number): string[] {
  const prefix = `sessions#${query.name}#`;
  const newest = new Map<string, Item>();
  for (const item of state.all()) {
    if (!item.pk.startsWith(prefix) || item.pk.endsWith('#parts') || item.sk > isoTime(moment)) continue;
    if (item.sk > (newest.get(item.pk)?.sk ?? '')) newest.set(item.pk, item);
  }
  return [...newest.values()].flatMap((item) => {
    const parts = numberOf(item, 'parts') ?? 0;
    const held = parts === 0 ? [item] : state.query(`${item.pk}#parts`, { from: `${item.sk}#`, to: `${item.sk}#~` });
    return held.flatMap(({ attributes: { data } }) => {
      const text = data instanceof Uint8Array ? inflateRawSync(data).toString() : String(data);
      return (JSON.parse(text) as string[][][]).map((row) => [...(row[query.groupBy.length] ?? [])].sort().join(' '));
    });
  });
}

/**
 * I8, I4 and I12 after the drain: every counted event is in a final session, the sessions are the oracle's, and nothing
 * is open.
 */
export function checkSessionsAtEnd(ledger: Ledger, state: ItemStore): void {
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
    const { closed, open } = playSessions(ledger, query, Number.POSITIVE_INFINITY);
    if (open.length > 0 || closed.some((session) => !ledger.finals.has(windowName(query.name, session))))
      throw new Violation('I4', `the sessions of ${query.name} are not what was counted`);
    const carried = carriedAt(state, query, ledger.horizon.finalizedThrough);
    if (carried.length > 0) throw new Violation('I12', `${carried.join('; ')} is carried over the end of the stream`);
  }
}

/** The ids that a reader of sessions who begins now has to find: those that are committed. */
export function committedIds(ledger: Ledger, queryName: string): ReadonlySet<string> {
  return new Set([...(ledger.placed.get(queryName)?.keys() ?? [])].filter((id) => isCommitted(ledger, id)));
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
      const events = ids.map((id) => ({ id, time: ledger.events.get(id)?.time ?? Number.NaN, closesAt: 0 }));
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
