import { type Json, objectsOf } from './json.ts';
import { localText } from './local-text.ts';
import type { Trace } from './play.ts';
import type { Vector } from './vector.ts';
import { membersIn, rowsOf, type WindowRow } from './window-answer.ts';

/** A vector and what its steps came to. */
export interface Played {
  readonly vector: Vector;
  readonly trace: Trace;
}

/** The rows of all final windows, by their bounds. */
export function allFinals({ vector, trace }: Played): readonly WindowRow[] {
  const finals = rowsOf(
    vector,
    trace.steps.flatMap((step) => step.finals),
  );
  return [...finals].sort(
    (left, right) => left.window.start - right.window.start || left.window.end - right.window.end,
  );
}

/**
 * The windows of each event, in the order of the events. Where the question has a field `offset` and the windows lie at
 * several, each event has an entry for each.
 */
export function assignments(question: Json | undefined, played: Played): Json {
  const { vector, trace } = played;
  const rows = allFinals(played);
  const fields = [...new Set(objectsOf(question).flatMap((entry) => Object.keys(entry)))].filter(
    (name) => name !== 'windows',
  );
  const hasEach = isByOffset(question, vector);
  return keptPlaces(rows).flatMap((place) => {
    const own = rowsAround(rows, place);
    const offsets = hasEach ? [...new Set(own.map((row) => offsetIn(trace, row)))] : [undefined];
    return offsets.map((offset) => ({
      ...Object.fromEntries(fields.map((name) => [name, trace.events[place]?.fields[name] ?? null])),
      ...(hasEach ? { offset: offset ?? null } : {}),
      windows: own
        .filter((row) => !hasEach || offsetIn(trace, row) === offset)
        .map(({ window }) => [window.start, window.end]),
    }));
  });
}

/** The windows of each event on the clocks of their time zone. */
export function localWindows(
  played: Played,
  kept: (rows: readonly WindowRow[]) => readonly WindowRow[] = (rows) => rows,
): Json {
  const timeZone = String(played.vector.window?.['timezone'] ?? 'UTC');
  const rows = allFinals(played);
  return keptPlaces(rows).flatMap((place) =>
    kept(rowsAround(rows, place)).map(({ window }) => [
      localText(window.start, timeZone),
      localText(window.end, timeZone),
    ]),
  );
}

function rowsAround(rows: readonly WindowRow[], place: number): readonly WindowRow[] {
  return rows.filter((row) => membersIn(row).some(([member]) => member === place));
}

/** Whether the entries of a question have a field for the offset of their windows. */
export function isByOffset(question: Json | undefined, { offsets }: Vector): boolean {
  return offsets !== undefined && objectsOf(question).some((entry) => 'offset' in entry);
}

/** The offset that the window of a row lies at, ms; undefined: the vector says nothing of it. */
export function offsetIn({ offsets }: Trace, { window }: WindowRow): number | undefined {
  return offsets.get(window.query);
}

/** The places of the events that are in any window, in their order. */
export function keptPlaces(rows: readonly WindowRow[]): readonly number[] {
  return [...new Set(rows.flatMap((row) => membersIn(row).map(([place]) => place)))].sort(
    (left, right) => left - right,
  );
}
