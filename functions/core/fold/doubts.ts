import type { Pipeline } from '../definition/pipeline.ts';
import { isoTime } from '../events/event-time.ts';

/** The doubts about a definition that its events raise, as plain data. Nothing is rejected for them. */
export interface Doubts {
  readonly events: number;
  /** Positions of the pipeline's unlisted fields that no event had. */
  readonly absent: readonly number[];
  /** The first event time that looks like seconds and was read as milliseconds. */
  readonly secondsLike: number | undefined;
}

/** Looks for doubts in events, in one pass. */
export interface DoubtNotes {
  note(event: unknown, time: number): void;
  doubts(): Doubts;
}

/**
 * The bounds of event times that are mostly seconds. Taken as milliseconds they lie in 1970 to 1973, and taken as
 * seconds after 1973. But 1970 may be real.
 */
const likelySeconds = { least: 1e8, most: 1e11 } as const;

/** Notes the doubts that events raise. */
export function createDoubtNotes({ unlisted, eventTimeUnit }: Pipeline): DoubtNotes {
  let events = 0;
  let absent = unlisted.map((_, i) => i);
  let secondsLike: number | undefined;
  return {
    note(event, time) {
      events++;
      if (absent.length > 0)
        absent = absent.filter((i) => Reflect.get(Object(event), unlisted[i]?.name ?? '') === undefined);
      if (
        eventTimeUnit === 'ms' &&
        secondsLike === undefined &&
        time >= likelySeconds.least &&
        time < likelySeconds.most
      )
        secondsLike = time;
    },
    doubts: () => ({ events, absent, secondsLike }),
  };
}

/** The doubts about all events, from the doubts about parts of them. */
export function joinedDoubts(parts: readonly Doubts[]): Doubts {
  const seen = parts.filter(({ events }) => events > 0);
  const [first, ...others] = seen;
  return {
    events: seen.reduce((total, { events }) => total + events, 0),
    absent: (first?.absent ?? []).filter((i) => others.every(({ absent }) => absent.includes(i))),
    secondsLike: seen.find(({ secondsLike }) => secondsLike !== undefined)?.secondsLike,
  };
}

/** A doubt in words. Doubts with one key are the same doubt. */
export interface Doubt {
  readonly key: string;
  readonly line: string;
}

/** Doubts in words, each on one line with its remedy. */
export function doubtLines({ unlisted }: Pipeline, { events, absent, secondsLike }: Doubts): readonly Doubt[] {
  if (events === 0) return [];
  const fields = absent.flatMap((i) => unlisted[i] ?? []);
  return [
    ...fields.map(({ name, place, use }) => ({
      key: `${place} ${name}`,
      line: `${place}: ${use}: no event had the field "${name}" (${events} seen): correct the name`,
    })),
    ...(secondsLike === undefined
      ? []
      : [
          {
            key: 'eventTime.unit',
            line: `eventTime.unit: 'ms': ${secondsLike} looks like seconds, and is ${isoTime(secondsLike)} in ms: if it is not from 1970, write unit: 's'`,
          },
        ]),
  ];
}
