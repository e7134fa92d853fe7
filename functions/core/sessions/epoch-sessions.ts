import { grouped } from '../definition/grouped.ts';
import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import type { Window } from '../windows/window.ts';
import { closeSessions, type KeyedPartial, sessionRule, sessionWindows, spanOf } from './join.ts';
import type { FinalSession, LiveSessions } from './session-view.ts';

/** What an epoch adds to the open sessions of a query. */
export interface SessionStep {
  readonly epoch: number;
  /** C of the epoch, epoch ms: sessions that close at or before it are closed behind it. Minus infinity: none are. */
  readonly closedThrough: number;
  readonly parts: readonly KeyedPartial[];
}

/**
 * The sessions that emission would make of what is open: epoch by epoch, each joins what it adds to the open sessions,
 * and closes. So a record that came after its neighbours were closed begins a session of its own.
 * @param carried the sessions that were open after the last epoch that is emitted
 * @param steps ascending; the epochs behind that one
 * @param gathered the newest epoch that is gathered: nothing joins a session any more that is closed by then
 * @param finals final sessions that became visible in the meantime. Parts that are in them are left out. A session that
 * is final holds all records of its key between its first and its last one, since any later one there is late
 */
export function sessionsOfEpochs(
  query: Query,
  carried: readonly KeyedPartial[],
  steps: readonly SessionStep[],
  gathered: number,
  finals: Iterable<FinalSession>,
): LiveSessions {
  const isIn = finalSpans(query, finals);
  const left = (parts: readonly KeyedPartial[]) => parts.filter((part) => !isIn(part));
  const closing: KeyedPartial[] = [];
  const closed: KeyedPartial[] = [];
  let open = left(carried);
  for (const { epoch, closedThrough, parts } of steps) {
    const step = closeSessions(query, open, left(parts), closedThrough);
    (epoch <= gathered ? closing : closed).push(...step.closed);
    open = [...step.open];
  }
  return { closing: sessionWindows(query, closing), open: sessionWindows(query, [...closed, ...open]) };
}

/** Whether a part of a key lies in one of its final sessions. */
function finalSpans(query: Query, finals: Iterable<FinalSession>): (part: KeyedPartial) => boolean {
  const { gapMs } = sessionRule(query);
  const ofKey = grouped(
    Array.from(finals).flatMap(({ start, end, keys }) =>
      Array.from(keys, (key): readonly [KeyText, Window] => [key, { start, end }]),
    ),
    ([key]) => key,
  );
  return ([key, partial]) => {
    const held = ofKey.get(key);
    if (held === undefined) return false;
    const { least, greatest } = spanOf(query, partial);
    return held.some(([, { start, end }]) => least >= start && greatest <= end - gapMs);
  };
}
