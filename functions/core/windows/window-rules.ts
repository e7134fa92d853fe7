import type { SessionRule, WindowKind } from './window.ts';

/**
 * The same windows, open for late records for some time after their end. Each closes at its end plus the allowed
 * lateness (DESIGN section 1).
 */
export function withLateness(kind: WindowKind, latenessMs: number): WindowKind {
  if (latenessMs === 0) return kind;
  return {
    ...kind,
    label: `${kind.label} lateness ${latenessMs} ms`,
    closings: (slice) => kind.closings(slice).map((end) => end + latenessMs),
    emit: (closing) => kind.emit(closing - latenessMs),
    ...(kind.sessions === undefined ? {} : { sessions: laterSessions(kind.sessions, latenessMs) }),
  };
}

function laterSessions({ gapMs, closingOf }: SessionRule, latenessMs: number): SessionRule {
  return { gapMs, closingOf: (last) => closingOf(last) + latenessMs };
}

/** The windows of a kind that start in `[from, until)`, epoch ms. */
export function startingIn(kind: WindowKind, from: number, until: number): WindowKind {
  if (from === Number.NEGATIVE_INFINITY && until === Number.POSITIVE_INFINITY) return kind;
  return { ...kind, emit: (closing) => kind.emit(closing).filter(({ start }) => start >= from && start < until) };
}
