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

/** A lane of a pane: lane `lane` of `lanes` (functions/core/log/lane.ts). */
export interface PaneLane {
  readonly lanes: number;
  /** From 0 to `lanes` - 1; `lanes` itself stands for the rows of totals, which are of no lane. */
  readonly lane: number;
}

/** The partition of the parts of a lane. No partition takes more than a lane. */
export function partsPartition(query: string, window: Window, { lanes, lane }: PaneLane): string {
  return `${query}#${windowText(window)}#${lanes}.${lane === lanes ? 'totals' : lane}#parts`;
}

/**
 * The beginning of the sort keys of a lane's parts: the revision of their pane and the id of the lane's content. The id
 * follows from the content, so that whoever writes the lane again writes the same items, and two versions of the code
 * that cut the rows otherwise never mix.
 */
export function partsPrefix(revision: number, id: string): string {
  return `${revision}#${id}#`;
}

/** Behind all sort keys that begin with a text. */
export const behind = (text: string) => `${text}~`;

/** The end of a part's sort key: the order text of its first row, empty for the first part, and its number. */
export function partPlace(order: string, part: number): string {
  return `${order}#${String(part).padStart(6, '0')}`;
}

/** The key of a kept pane that another one has taken the place of. Revisions sort as numbers. */
export function revisionKey(query: string, window: Window, revision: number): Key {
  return { pk: `${query}#${windowText(window)}#revisions`, sk: String(revision).padStart(9, '0') };
}
