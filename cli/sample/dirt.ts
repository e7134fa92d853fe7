import type { Arrival, SampleLine } from './line.ts';
import { pick, type Random } from './random.ts';

/** Files with dirt in them, and how much of each kind. */
export interface Dirt {
  readonly files: readonly (readonly SampleLine[])[];
  readonly movedLate: number;
  readonly farTooLate: number;
  readonly malformed: number;
  readonly future: number;
}

/** Shares of the events, and numbers of lines, by kind of dirt. */
const amount = { movedLate: 0.01, farTooLate: 0.001, malformed: 40, future: 10 };
/**
 * An event moved late is at most this far behind the latest event time before it; the disorder of the sample itself
 * takes the rest of half an hour.
 */
const lateSeconds = 1740;
/**
 * An event moved far too late is this far behind, so it is late under a delay of several hours even when a shard lags
 * by a whole file.
 */
const tooLateSeconds = { least: 8 * 3600, most: 20 * 3600 };
/** 2100-01-01T00:00:00Z in epoch seconds. */
const year2100 = 4_102_444_800;

/**
 * Adds the dirt of a real stream. No event is lost or made: some are moved to later files, and lines are added that
 * have to be rejected. The first line of the first file stays as it is.
 */
export function dirty(clean: readonly (readonly Arrival[])[], random: Random): Dirt {
  const moves = [...chooseLate(clean, random), ...chooseTooLate(clean, random)];
  const taken = new Set(moves.map(({ event }) => event));
  const files = clean.map((events, index): SampleLine[] => {
    const moved = moves.filter(({ to }) => to === index).map(({ event, arrival }) => ({ ...event, arrival }));
    return [...events.filter((event) => !taken.has(event)), ...moved].sort((a, b) => a.arrival - b.arrival);
  });
  const added = [...malformedLines(amount.malformed), ...futureLines(amount.future)];
  for (const bytes of added) insert(files, { bytes }, random);
  return {
    files,
    movedLate: moves.filter(({ kind }) => kind === 'late').length,
    farTooLate: moves.filter(({ kind }) => kind === 'tooLate').length,
    malformed: amount.malformed,
    future: amount.future,
  };
}

interface Move {
  readonly kind: 'late' | 'tooLate';
  readonly event: Arrival;
  readonly to: number;
  readonly arrival: number;
}

/**
 * Moves from the end of each file to the beginning of the next: as many at each boundary as the share asks for, if
 * there are that many.
 */
function chooseLate(clean: readonly (readonly Arrival[])[], random: Random): Move[] {
  const boundaries = clean.length - 1;
  const wanted = Math.round(amount.movedLate * clean.reduce((sum, file) => sum + file.length, 0));
  const moves: Move[] = [];
  for (let index = 0; index < boundaries; index += 1) {
    const next = clean[index + 1]?.[0]?.arrival ?? 0;
    const here = clean[index] ?? [];
    const candidates = here.filter((event, at) => !(index === 0 && at === 0) && next - event.time <= lateSeconds - 240);
    const share = Math.floor(((index + 1) * wanted) / boundaries) - Math.floor((index * wanted) / boundaries);
    for (const event of draw(candidates, share, random)) {
      moves.push({ kind: 'late', event, to: index + 1, arrival: pick(random, next + 1, event.time + lateSeconds) });
    }
  }
  return moves;
}

/**
 * Moves from anywhere at least eight hours before the end, except from the last half hour of a file: its events may
 * have been moved already.
 */
function chooseTooLate(clean: readonly (readonly Arrival[])[], random: Random): Move[] {
  const wanted = Math.round(amount.farTooLate * clean.reduce((sum, file) => sum + file.length, 0));
  const end = clean.at(-1)?.at(-1)?.arrival ?? 0;
  const starts = clean.map((file) => file[0]?.arrival ?? end);
  const candidates = clean.flatMap((file, index) => {
    const next = starts[index + 1] ?? end;
    return file.filter(
      (event, at) =>
        !(index === 0 && at === 0) && next - event.time > lateSeconds && event.time + tooLateSeconds.least < end,
    );
  });
  return draw(candidates, wanted, random).map((event) => {
    const arrival = pick(random, event.time + tooLateSeconds.least, Math.min(end, event.time + tooLateSeconds.most));
    return { kind: 'tooLate', event, to: starts.findLastIndex((start) => start <= arrival), arrival };
  });
}

/** Up to `count` different ones (a partial Fisher-Yates shuffle). */
function draw<T>(from: readonly T[], count: number, random: Random): T[] {
  const pool = [...from];
  const drawn: T[] = [];
  while (drawn.length < count && pool.length > 0) {
    const [one] = pool.splice(pick(random, 0, pool.length - 1), 1);
    if (one !== undefined) drawn.push(one);
  }
  return drawn;
}

function insert(files: readonly SampleLine[][], line: SampleLine, random: Random): void {
  const index = pick(random, 0, files.length - 1);
  const file = files[index];
  file?.splice(pick(random, index === 0 ? 1 : 0, file.length), 0, line);
}

/** Each kind of nonsense in turn, as a program sees it in a real stream. No line holds a line feed. */
export function malformedLines(count: number): Buffer[] {
  const kinds: readonly (string | Buffer)[] = [
    'not JSON at all',
    '{"time":1469501107,"act',
    '[1469501107,"Open"]',
    '"Open"',
    '42',
    'null',
    '{"action":"Open"}',
    '{"time":null,"action":"Close"}',
    '{"time":"this morning","action":"Open"}',
    '{"time":1469544307,"action":"Explode"}',
    '{"time":1469544307}',
    '{}',
    Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28, 0xf5, 0x1b, 0x7f]),
    Buffer.concat([
      Buffer.from('{"time":1469544307,"action":"Op'),
      Buffer.from([0xe2, 0x28, 0xa1]),
      Buffer.from('en"}'),
    ]),
  ];
  return Array.from({ length: count }, (_, index) => Buffer.from(kinds[index % kinds.length] ?? ''));
}

function futureLines(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(JSON.stringify({ time: year2100 + index * 3600, action: index % 2 === 0 ? 'Open' : 'Close' })),
  );
}
