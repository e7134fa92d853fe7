import type { Span } from '../aggregates/span.ts';
import { grouped } from '../definition/grouped.ts';
import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import { mergePartial, type PartialAggregate, type Partials } from '../fold/partial.ts';
import type { SessionRule, Window } from '../windows/window.ts';

/** A key with its partial aggregate, of the records of one slice or of a whole session. */
export type KeyedPartial = readonly [key: KeyText, partial: PartialAggregate];

/** A session window of one or more keys, with the moment when it closes. */
export interface SessionWindow extends Window {
  readonly closing: number;
  readonly partials: Partials;
  readonly records: number;
}

/** The rule of a session query, including its lateness. @throws for a query of other windows */
export function sessionRule({ name, window }: Query): SessionRule {
  if (window.sessions === undefined) throw new Error(`query ${name} has no sessions`);
  return window.sessions;
}

/** The span of the records in a session query's partial aggregate. */
export function spanOf({ aggregates }: Query, partial: PartialAggregate): Span {
  return partial[aggregates.length] as Span;
}

/** When a session closes if nothing joins it any more. */
export function closingOf(query: Query, partial: PartialAggregate): number {
  return sessionRule(query).closingOf(spanOf(query, partial).greatest);
}

/**
 * Merges the parts of a key that are at most a gap apart. Commutative and associative: the same sessions come out in
 * whatever order the parts come. They are sorted by key and start.
 */
export function mergeSessions(query: Query, parts: Iterable<KeyedPartial>): readonly KeyedPartial[] {
  const { gapMs } = sessionRule(query);
  const merged: KeyedPartial[] = [];
  for (const [key, ofKey] of [...grouped(parts, ([name]) => name)].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const sorted = ofKey
      .map(([, partial]) => partial)
      .sort((left, right) => spanOf(query, left).least - spanOf(query, right).least);
    let current: PartialAggregate | undefined;
    for (const next of sorted) {
      if (current !== undefined && spanOf(query, next).least - spanOf(query, current).greatest <= gapMs)
        current = mergePartial(query, current, next);
      else {
        if (current !== undefined) merged.push([key, current]);
        current = next;
      }
    }
    if (current !== undefined) merged.push([key, current]);
  }
  return merged;
}

/** The outcome of a closing for open sessions: those that nothing can join any more, and the others. */
export interface ClosedSessions {
  readonly closed: readonly KeyedPartial[];
  readonly open: readonly KeyedPartial[];
}

/**
 * The step of an epoch. What it has gathered joins the open sessions. Then the sessions that close are taken out.
 * @param parts what the epoch has gathered
 * @param closing C of the epoch, epoch ms: sessions that close at or before it close
 */
export function closeSessions(
  query: Query,
  open: Iterable<KeyedPartial>,
  parts: Iterable<KeyedPartial>,
  closing: number,
): ClosedSessions {
  const merged = mergeSessions(query, [...open, ...parts]);
  const closes = ([, partial]: KeyedPartial) => closingOf(query, partial) <= closing;
  return { closed: merged.filter(closes), open: merged.filter((one) => !closes(one)) };
}

/** Sessions as windows, by start and end. Sessions of several keys with the same start and end are one window. */
export function sessionWindows(query: Query, sessions: Iterable<KeyedPartial>): readonly SessionWindow[] {
  const { gapMs } = sessionRule(query);
  const byWindow = grouped(sessions, ([, partial]) => {
    const { least, greatest } = spanOf(query, partial);
    return `${least}/${greatest}`;
  });
  return [...byWindow.values()]
    .flatMap((ofWindow) => {
      const [first] = ofWindow;
      if (first === undefined) return [];
      const { least, greatest } = spanOf(query, first[1]);
      const records = ofWindow.reduce((total, [, partial]) => total + spanOf(query, partial).records, 0);
      return [
        {
          start: least,
          end: greatest + gapMs,
          closing: closingOf(query, first[1]),
          partials: new Map(ofWindow),
          records,
        },
      ];
    })
    .sort((left, right) => left.start - right.start || left.end - right.end);
}
