import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';

/**
 * `early` before the window's end, `on-time` when it is passed, `late` for what has come since, `final` for ever after.
 */
export type PaneStatus = 'early' | 'on-time' | 'late' | 'final';

/** A pane without its rows: what those are told who are to hear of it. */
export interface PaneOutline extends Window {
  readonly query: string;
  readonly status: PaneStatus;
  /** Counts the panes of a window from 0; (query, window, revision) is unique. */
  readonly revision: number;
  /** When it was written, epoch ms. */
  readonly emittedAt: number;
  /** How many records are in it. */
  readonly records: number;
}

/** One emission of a window. Its manifest makes all of its rows visible at once. */
export interface Pane extends PaneOutline {
  readonly rows: readonly Row[];
  /**
   * The partial aggregates behind the rows, where results alone could not be added up. Encoded, see {@link partialsOf}.
   */
  readonly states: readonly string[] | undefined;
}

/** The content of a pane's manifest, without the rows. */
export interface PaneHead {
  readonly status: Pane['status'];
  readonly revision: number;
  /** Epoch ms. */
  readonly emittedAt: number;
  readonly records: number;
  /** Items that hold its rows. 0: the rows are in the manifest. */
  readonly parts: number;
  /** The lanes that its parts are partitioned by, a power of two. 0: the rows are in the manifest. */
  readonly lanes: number;
  /** The ids of the commands of its epoch whose records are in it, in their order. */
  readonly commands: readonly string[];
  /** The epoch that it was made at; 0: none. Only a later one takes its place. */
  readonly epoch: number;
  /** Whether it is a final pane that has taken the place of another final one. */
  readonly isCorrected: boolean;
}

/** A pane of a window's history. */
export interface KeptPane extends Pane {
  /**
   * When this pane was written, epoch ms. A corrected final pane was written later than the first one, whose time stays
   * in `emittedAt`.
   */
  readonly writtenAt: number;
}
