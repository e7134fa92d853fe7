/** A window of event time, `[start, end)` in epoch ms. */
export interface Window {
  /** Epoch ms, inclusive. */
  readonly start: number;
  /** Epoch ms, exclusive. */
  readonly end: number;
}

/** A window to emit, with the slices (by their start) whose content it merges. */
export interface EmittedWindow extends Window {
  readonly slices: readonly number[];
}

/**
 * The features that windows of a kind cannot have, each with the reason, which follows the value in the message: `from`
 * and `emptyWindows` of a query, `panes` besides the final one, a `backfill`, the `replay` of late records into final
 * windows, the output mode `update`, and `fill` of a series with windows that hold nothing.
 */
export type Refusals = {
  readonly [name in 'from' | 'emptyWindows' | 'panes' | 'backfill' | 'replay' | 'update' | 'fill']?: string;
};

/**
 * A kind of windows, as {@link tumbling} and its like give it.
 *
 * It is three pure functions; the protocol knows nothing else about windows (DESIGN section 1). A slice is the stretch
 * of event time between two neighbouring window edges and is named by its start.
 */
export interface WindowKind {
  /** For people: `tumbling 1 hour`. */
  readonly label: string;
  /** The usual length of a slice in ms: how far a reader of some windows looks at first follows from it. */
  readonly sliceMs: number;
  /** The IANA time zone on whose clocks and calendar its windows lie. @default UTC */
  readonly timeZone?: string;
  /**
   * Whether the watermark never passes its window. There is no final pane then, and the end of a stream does not close
   * it.
   */
  readonly isEndless?: boolean;
  /** @default nothing */
  readonly refuses?: Refusals;
  /** The rule of sessions, whose windows follow from the records of each key. `emit` gives no windows then. */
  readonly sessions?: SessionRule;
  /** The start of the slice that holds an event time. */
  sliceOf(time: number): number;
  /** The moments, ascending, at which a window that holds the slice closes. Never empty. */
  closings(slice: number): readonly number[];
  /** The windows that close at a moment, ascending. Empty when the moment is not an edge. */
  emit(closing: number): readonly EmittedWindow[];
}

/**
 * The rule of windows that last as long as records of a key follow one another. The records of a key and slice are
 * never more than a gap apart. All records of a session are in slices whose last closing is no later than its own.
 */
export interface SessionRule {
  /** Greatest distance of two neighbouring records of a window, and of its end from its last record, in ms. */
  readonly gapMs: number;
  /** When a window closes whose last record is at a time: at the last closing of that record's slice. */
  closingOf(last: number): number;
}

/** The last closing of a slice. Once the watermark is there, no record of the slice is taken. */
export function lastClosing(kind: WindowKind, slice: number): number {
  return kind.sessions === undefined ? Math.max(...kind.closings(slice)) : kind.sessions.closingOf(slice);
}
