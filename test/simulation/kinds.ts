import { seededRandom } from '../../functions/testing/random.ts';
import { type Clocks, drawClocks } from './clocks.ts';

/** Additional kinds of windows and results that some seeds have. */
export interface Kinds {
  /** The clocks on which the windows of the first query lie; undefined for the grid of the epoch. */
  readonly clocks: Clocks | undefined;
  /** The ratio of event time to the time of arrival: days pass in seconds. */
  readonly pace: number;
  /** Whether a separate query counts all of time in one window. */
  readonly running: boolean;
  /** The totals of windows beside their groups. */
  readonly grouping: 'plain' | 'rollup' | 'cube';
  /** The most empty windows of a gap that a separate query emits; 0 for no such query. */
  readonly mostEmpty: number;
  /** Earlier panes of a window that stay readable. */
  readonly history: number;
}

/** The times on which kinds depend, and which clocks change. */
export interface Times {
  readonly putsMs: number;
  readonly windowMs: number;
  readonly disorderMs: number;
  readonly delayMs: number;
  readonly epochMs: number;
}

/** None of them. */
export const plainKinds: Kinds = {
  clocks: undefined,
  pace: 1,
  running: false,
  grouping: 'plain',
  mostEmpty: 0,
  history: 0,
};

/** A constant with which no known seed of a mutation draws any kinds. */
const salt = 0x224200ac;

/** Draws kinds in a third of the seeds, several at a time. The other seeds keep their course and their speed. */
export function drawKinds(seed: number, times: Times): Kinds & Times {
  const random = seededRandom(seed ^ salt);
  if (!random.chance(0.35)) return { ...times, ...plainKinds };
  const onClocks = random.chance(0.3) ? drawClocks(random, times.putsMs / times.windowMs) : undefined;
  const pace = onClocks === undefined ? 1 : onClocks.windowMs / times.windowMs;
  return {
    ...times,
    disorderMs: Math.round(times.disorderMs * pace),
    delayMs: Math.round(times.delayMs * pace),
    clocks: undefined,
    ...onClocks,
    pace,
    running: random.chance(0.25),
    grouping: random.pick(['plain', 'plain', 'rollup', 'cube']),
    mostEmpty: random.pick([0, 0, 0, 1, 3, 10_000]),
    history: random.pick([0, 0, 1, 3]),
  };
}
