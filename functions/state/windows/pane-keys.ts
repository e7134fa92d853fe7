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

/** Where the pane is that is visible. */
export function manifestKey(query: string, window: Window): Key {
  return { pk: query, sk: windowText(window) };
}

/**
 * Parts are keyed by revision and attempt too, so that overlapping runs never mix; the parts of a final pane are the
 * same whoever writes them.
 */
export function partKey(query: string, window: Window, revision: number, attempt: string, part: number): Key {
  return { pk: `${query}#${windowText(window)}#parts`, sk: `${revision}#${attempt}#${String(part).padStart(6, '0')}` };
}

/** Where a pane is kept that another one has taken the place of; revisions sort as numbers. */
export function revisionKey(query: string, window: Window, revision: number): Key {
  return { pk: `${query}#${windowText(window)}#revisions`, sk: String(revision).padStart(9, '0') };
}
