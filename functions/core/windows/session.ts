import { type Duration, durationMs } from '../arguments/duration.ts';
import { argumentError } from '../arguments/error.ts';
import type { Refusals, WindowKind } from './window.ts';
import { floorTo, onlyOptions } from './window-edges.ts';

/** Options of {@link session}. */
export interface SessionOptions {
  /**
   * How finely sessions are closed: the length of a slice, at most the gap. A session is final up to twice this later
   * than by Spark's rule, and a record is in time as much longer. A smaller resolution costs more slices.
   * @default an eighth of the gap, at least 1 ms
   */
  readonly resolution?: Duration;
}

/** Longest gap, in ms: a leap year. */
const longestGapMs = 366 * 86_400_000;

/** Most closings of a slice. */
const mostClosings = 1_000_000;

/**
 * Sessions: for each key, records at most a gap apart belong to one window, `[first, last + gap)`. Records exactly a
 * gap apart merge while the earlier session is open, as in Spark, Flink and Kafka Streams.
 *
 * A session is final, and a record late, by Spark's rule rounded up to slices of `resolution`: when the watermark has
 * passed the end of the slice of its (last) record, plus the gap. A record that is in time and joins no open session
 * begins one, though another beside it may be final already. With a resolution of 1 ms the rule is `last + gap <= W`.
 * @example
 * session('30 minutes'); // of one key, 10:00, 10:20 and 10:45 are in [10:00, 11:15)
 * @throws TidemarkError for a gap below 1 ms or above a year, and for a resolution above the gap or so small that a
 * slice would have more than a million closings
 */
export function session(gap: Duration, options: SessionOptions = {}): WindowKind {
  const gapMs = durationMs('window: session gap', gap, { leastMs: 1, mostMs: longestGapMs });
  onlyOptions('session', options, ['resolution'], "{ resolution: '1 minute' }");
  const usualMs = Math.max(1, Math.floor(gapMs / 8));
  const resolutionMs = durationMs('window: session resolution', options.resolution ?? { ms: usualMs }, {
    leastMs: 1,
    mostMs: gapMs,
  });
  if (gapMs / resolutionMs > mostClosings)
    throw argumentError(
      'window: session resolution',
      options.resolution,
      `divides the gap, ${gapMs} ms, more than ${mostClosings} times: give at least ${Math.ceil(gapMs / mostClosings)} ms`,
    );
  // Open on the left, `(end - resolution, end]`. A record exactly a gap after a last record at a slice's end belongs to
  // the slice that closes with that session. The next slice would close too late for it.
  const endOf = (time: number) => floorTo(time + resolutionMs - 1, resolutionMs);
  const reachMs = endOf(gapMs);
  const label = `session ${gapMs} ms resolution ${resolutionMs} ms`;
  return {
    label,
    refuses: refusalsOf(label),
    sliceMs: resolutionMs,
    sliceOf: (time) => endOf(time) - resolutionMs + 1,
    closings: (slice) => Array.from({ length: reachMs / resolutionMs + 1 }, (_, i) => endOf(slice) + i * resolutionMs),
    emit: () => [],
    sessions: { gapMs, closingOf: (last) => endOf(last) + reachMs },
  };
}

function refusalsOf(label: string): Refusals {
  return {
    from: 'cannot be an edge of sessions, which may go across any moment: leave it out',
    emptyWindows: `says nothing about ${label} windows, which are where records are: leave it out`,
    panes:
      'cannot be had of sessions: one that is open may still become another, and its pane would stay: leave it out, the API shows open sessions live',
    backfill: `has ${label} windows: a session may go across any moment, so there is none until which history could be filled: let tidemark batch answer for the past`,
    replay: `has ${label} windows: a late record may make one session of two that are final, and what is final is never taken back: discard the events, without a window, or count them with tidemark batch`,
    update:
      'a session that is open becomes another one, and what was sent of it would have to be taken back (Spark refuses it too): ask for append or complete',
    fill: 'sessions, which begin with one: leave it out',
  };
}
