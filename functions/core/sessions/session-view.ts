import { grouped } from '../definition/grouped.ts';
import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import type { Window } from '../windows/window.ts';
import {
  closeSessions,
  type KeyedPartial,
  mergeSessions,
  type SessionWindow,
  sessionRule,
  sessionWindows,
  spanOf,
} from './join.ts';

/**
 * A partial aggregate of a key that a reader has found, which was in no final session when `finalizedThrough` was read.
 * It is from a bucket, or carried over (closing minus infinity).
 */
export interface LivePart {
  readonly key: KeyText;
  readonly partial: KeyedPartial[1];
  readonly closesAt: number;
}

/** A final session that became visible in the meantime. */
export interface FinalSession extends Window {
  readonly keys: Iterable<KeyText>;
}

/** Sessions that are not final, as a reader sees them. */
export interface LiveSessions {
  /** The sessions that the finalizer will emit as they are, unless somebody is still writing. */
  readonly closing: readonly SessionWindow[];
  readonly open: readonly SessionWindow[];
}

/**
 * The sessions that the finalizer would make of the parts. It makes closing after closing up to `closedThrough`, so a
 * record that came after its neighbours were closed begins a session of its own here too. Everything else is open, and
 * merged. Parts of a final session that is visible by now are left out, or they would be seen twice. Such a session
 * holds exactly those records of its key, between its first and its last one, that were applied before it closed.
 */
export function liveSessions(
  query: Query,
  parts: readonly LivePart[],
  closedThrough: number,
  finals: Iterable<FinalSession>,
): LiveSessions {
  const left = withoutFinals(query, parts, finals);
  const early = left.filter(({ closesAt }) => closesAt <= closedThrough);
  const closed: KeyedPartial[] = [];
  let open: readonly KeyedPartial[] = [];
  const step = (added: readonly LivePart[], closing: number) => {
    const taken = closeSessions(
      query,
      open,
      added.map(({ key, partial }) => [key, partial]),
      closing,
    );
    closed.push(...taken.closed);
    open = taken.open;
  };
  for (const [closesAt, added] of [...grouped(early, (part) => part.closesAt)].sort(([a], [b]) => a - b)) {
    // Times are whole. Sessions that close before this moment do so without the parts that are added now.
    step([], closesAt - 1);
    step(added, closesAt);
  }
  step([], closedThrough);
  const rest = left
    .filter(({ closesAt }) => closesAt > closedThrough)
    .map(({ key, partial }) => [key, partial] as const);
  return {
    closing: sessionWindows(query, closed),
    open: sessionWindows(query, mergeSessions(query, [...open, ...rest])),
  };
}

function withoutFinals(query: Query, parts: readonly LivePart[], finals: Iterable<FinalSession>): readonly LivePart[] {
  const { gapMs, closingOf: closes } = sessionRule(query);
  const ofKey = new Map<KeyText, (Window & { readonly closing: number })[]>();
  for (const { start, end, keys } of finals)
    for (const key of keys) {
      const known = ofKey.get(key) ?? [];
      known.push({ start, end, closing: closes(end - gapMs) });
      ofKey.set(key, known);
    }
  return parts.filter(({ key, partial, closesAt }) => {
    const { least, greatest } = spanOf(query, partial);
    const holds = ({ start, end, closing }: Window & { readonly closing: number }) =>
      closesAt <= closing && least >= start && greatest <= end - gapMs;
    return !(ofKey.get(key) ?? []).some(holds);
  });
}
