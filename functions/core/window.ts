/** A window of event time, `[start, end)` in epoch ms. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** A window to emit, and the slices (by their start) whose buckets it merges. */
export interface EmittedWindow extends Window {
  readonly slices: readonly number[];
}

/**
 * A kind of window, as three pure functions; the protocol knows nothing else about windows (DESIGN section 1). A slice is the stretch of
 * event time between two neighbouring window edges and is named by its start.
 */
export interface WindowKind {
  /** For people: `tumbling 1 hour`. */
  readonly label: string;
  /** The usual length of a slice in ms: how many slices share a registry item follows from it. */
  readonly sliceMs: number;
  /** The watermark never passes its window: there is no final pane, and the end of a stream does not close it. */
  readonly isEndless?: boolean;
  /** The start of the slice that holds an event time. */
  sliceOf(time: number): number;
  /** The moments, ascending, at which a window that holds the slice closes. Never empty. */
  closings(slice: number): readonly number[];
  /** The windows that close at a moment, ascending. Empty when the moment is no edge. */
  emit(closing: number): readonly EmittedWindow[];
}
