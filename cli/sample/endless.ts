import { malformedLines } from './dirt.ts';
import type { Arrival, SampleLine } from './line.ts';
import { busyness, delay, encode, lastSecond, openSeconds } from './open-close.ts';
import { createRandom, pick, type Random } from './random.ts';

/** The full hour after the sample's last event, epoch seconds: drained, the sample leaves the watermark there. */
export const endlessFrom = Math.ceil(lastSecond / 3600) * 3600;

/** The devices that are opened in an hour, for each unit of `busyness`: as many as in the sample. */
const opensPerBusyness = 100;

/** The share of the events that are hours late, and the share of lines beside them that are not events. */
const dirt = { tooLate: 0.002, malformed: 0.001 };
const tooLateSeconds = { least: 3 * 3600, most: 12 * 3600 };

/** The sample going on for ever. */
export interface Endless {
  /** The lines that the feed shows up to a moment (epoch seconds), since the one asked for before, in that order. */
  until(second: number): Buffer;
}

/**
 * Devices being opened and closed after the sample's two days, in its shape and with its dirt. Equal seeds and moments
 * give equal lines.
 */
export function endlessOpenClose(seed: number): Endless {
  const random = createRandom(seed);
  const malformed = malformedLines(14);
  /** The events that have happened and are not shown yet. */
  let waiting: readonly Arrival[] = [];
  let reached = endlessFrom;

  function* opened(upTo: number): Generator<Arrival> {
    for (; reached < upTo; reached += 1) {
      const perSecond = ((busyness[Math.floor(reached / 3600) % 24] ?? 1) * opensPerBusyness) / 3600;
      const opens = Math.floor(perSecond) + (random() < perSecond % 1 ? 1 : 0);
      for (let i = 0; i < opens; i += 1) {
        const closed = reached + pick(random, openSeconds.least, pick(random, openSeconds.least, openSeconds.most));
        yield { time: reached, action: 'Open', arrival: reached + delay(random) };
        yield { time: closed, action: 'Close', arrival: closed + delay(random) };
      }
    }
  }

  function dirty(event: Arrival): readonly SampleLine[] {
    if (random() < dirt.malformed)
      return [event, { bytes: malformed[pick(random, 0, malformed.length - 1)] ?? Buffer.alloc(0) }];
    return [random() < dirt.tooLate ? { ...event, time: tooLate(event, random) } : event];
  }

  return {
    until(second) {
      const all = [...waiting, ...opened(second)];
      waiting = all.filter(({ arrival }) => arrival >= second);
      const shown = all.filter(({ arrival }) => arrival < second).sort((a, b) => a.arrival - b.arrival);
      return encode(shown.flatMap(dirty));
    },
  };
}

function tooLate({ time }: Arrival, random: Random): number {
  return time - pick(random, tooLateSeconds.least, tooLateSeconds.most);
}
