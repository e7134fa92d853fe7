import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import { sessionRule } from '../sessions/join.ts';

/** A session as far as it is known. It grows with its records. Epoch ms. */
export interface HeldSession {
  start: number;
  end: number;
  closing: number;
}

/** The sessions of a query, without states, while records come in any order. */
export interface HeldSessions {
  /** Adds a record and gives the session that it is in now. */
  add(key: KeyText, time: number): HeldSession;
}

/** @param onJoined is called when a session has become part of another */
export function heldSessions(query: Query, onJoined: (gone: HeldSession, into: HeldSession) => void): HeldSessions {
  const { gapMs, closingOf } = sessionRule(query);
  const byKey = new Map<KeyText, HeldSession[]>();
  return {
    add(key, time) {
      const sessions = byKey.get(key) ?? [];
      byKey.set(key, sessions);
      const found: HeldSession = { start: time, end: time + gapMs, closing: closingOf(time) };
      // By start. Records mostly belong to the last session, so a session at most a gap away is looked for from the
      // end.
      let at = sessions.length;
      while (at > 0 && (sessions[at - 1]?.start ?? 0) > time + gapMs) at--;
      let from = at;
      while (from > 0 && (sessions[from - 1]?.end ?? 0) >= time) from--;
      const [into = found, ...others] = sessions.slice(from, at);
      for (const other of [found, ...others]) {
        into.start = Math.min(into.start, other.start);
        into.end = Math.max(into.end, other.end);
        into.closing = Math.max(into.closing, other.closing);
        if (other !== found) onJoined(other, into);
      }
      sessions.splice(from, at - from, into);
      return into;
    },
  };
}
