import { isoTime } from '../core/events/event-time.ts';
import type { Window } from '../core/windows/window.ts';

/**
 * A moment twice, under two names: epoch ms, and ISO 8601. Both are null when there is no moment, and for minus
 * infinity, before anything has come.
 */
export function timed<Ms extends string, Iso extends string>(
  name: Ms,
  isoName: Iso,
  ms: number | null | undefined,
): Readonly<Record<Ms, number | null>> & Readonly<Record<Iso, string | null>> {
  const known = ms !== null && ms !== undefined && Number.isFinite(ms) ? ms : null;
  // TypeScript only knows the computed names of an object one by one.
  return { [name]: known, [isoName]: known === null ? null : isoTime(known) } as Record<Ms, number | null> &
    Record<Iso, string | null>;
}

/** The start and the end of a window, each moment twice. */
export interface SpanJson {
  readonly start: number;
  readonly startTime: string;
  readonly end: number;
  readonly endTime: string;
}

export function spanJson({ start, end }: Window): SpanJson {
  return { start, startTime: isoTime(start), end, endTime: isoTime(end) };
}
