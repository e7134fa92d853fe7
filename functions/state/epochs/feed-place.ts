/**
 * How far a reader of a feed has come: an epoch, and a place in it. It goes into a cursor, as JSON; a reader may come
 * back with it after any time.
 */
export interface FeedPlace {
  /** The place in the index of emissions to go on from, that one included (emissions.ts). */
  readonly from: string;
  /** Emissions of the first piece there that the reader has. */
  readonly skip: number;
  /** The last epoch of which the reader has everything, and the clock of its plan, epoch ms; null: of none. */
  readonly epoch: number;
  readonly at: number | null;
  /** The last window that the epoch behind that one has closed and the reader has; undefined: none. */
  readonly last?: FeedWindow;
  /** When the feed was read, epoch ms: what was emitted later stays in the index for some weeks from then on. */
  readonly readAt: number;
  /** A scan of the windows that were final before the index is gone on with; undefined: none is under way. */
  readonly scan?: FeedScan;
}

/**
 * A scan of final windows by their starts, for what the index does not tell: it is kept for some weeks, and windows for
 * ever. It gives what became final behind one epoch and up to another one; the index goes on behind that.
 */
export interface FeedScan {
  /** Windows that became final in an epoch up to this one are left out; 0: none are. And the clock of its plan. */
  readonly after: number;
  readonly afterAt: number | null;
  /**
   * Of the windows that the epoch behind `after` has closed, those up to this one are left out; undefined: none are.
   */
  readonly upTo?: FeedWindow;
  /** The last window that the reader has; undefined: none. */
  readonly last?: FeedWindow;
}

/** A window in a cursor. */
export type FeedWindow = readonly [start: number, end: number];

/** Whether the content of a cursor is a place of this release. */
export function isFeedPlace(place: unknown): place is FeedPlace {
  return typeof place === 'object' && place !== null && typeof (place as Partial<FeedPlace>).from === 'string';
}
