import { isoTime } from '../../core/events/event-time.ts';
import type { Window } from '../../core/windows/window.ts';
import type { Key } from '../table/table.ts';

/**
 * The sort key of a window: `start/end` as ISO 8601 writes intervals, so that it sorts by start and is readable in the
 * console.
 */
export function windowText(window: Window): string {
  return `${isoTime(window.start)}/${isoTime(window.end)}`;
}

/** The key of the visible pane's manifest. */
export function manifestKey(query: string, window: Window): Key {
  return { pk: query, sk: windowText(window) };
}

/**
 * The key of a part. It holds the revision and the attempt too, so that overlapping runs never mix. The parts of a
 * final pane are the same, whichever run writes them.
 */
export function partKey(query: string, window: Window, revision: number, attempt: string, part: number): Key {
  return { pk: `${query}#${windowText(window)}#parts`, sk: `${revision}#${attempt}#${String(part).padStart(6, '0')}` };
}

/** The key of a kept pane that another one has taken the place of. Revisions sort as numbers. */
export function revisionKey(query: string, window: Window, revision: number): Key {
  return { pk: `${query}#${windowText(window)}#revisions`, sk: String(revision).padStart(9, '0') };
}
