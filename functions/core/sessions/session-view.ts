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
 * What a reader has found of a key that was in no final session when `finalizedThrough` was read: of a bucket, or
 * carried over (closing minus infinity).
 */
export interface LivePart {
  readonly key: KeyText;
  readonly partial: KeyedPartial[1];
  readonly closesAt: number;
}

/** A final session that became visible meanwhile. */
export interface FinalSession extends Window {
  readonly keys: Iterable<KeyText>;
}

/** Sessions that are not final, as a reader sees them. */
export interface LiveSessions {
  /** Those that the finalizer will emit as they are, unless somebody is still writing. */
  readonly closing: readonly SessionWindow[];
  readonly open: readonly SessionWindow[];
}

/**
 * What the finalizer would make of the parts: closing after closing up to `closedThrough`, so that a record that came
 * after its neighbours were closed begins a session of its own here too; everything else is open, and merged. What is
 * in a final session that is visible by now is left out, or it would be seen twice: of the records of its key between
 * its first and its last one it holds all that were applied before it closed, and those only.
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
    // Times are whole: what closes before this moment does so without what is added now.
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
