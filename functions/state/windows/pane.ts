import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';

/**
 * `early` before the window's end, `on-time` when it is passed, `late` for what has come since, `final` for ever after.
 */
export type PaneStatus = 'early' | 'on-time' | 'late' | 'final';

/** One emission of a window: what its manifest makes visible, all rows at once. */
export interface Pane extends Window {
  readonly query: string;
  readonly status: PaneStatus;
  /** Counts the panes of a window from 0; (query, window, revision) is unique. */
  readonly revision: number;
  /** When it was written, epoch ms. */
  readonly emittedAt: number;
  /** How many records are in it. */
  readonly records: number;
  readonly rows: readonly Row[];
  /**
   * The partial aggregates behind the rows, where results alone could not be added up. Encoded, see {@link partialsOf}.
   */
  readonly states: readonly string[] | undefined;
}

/** What a manifest says of a pane without its rows. */
export interface PaneHead {
  readonly status: Pane['status'];
  readonly revision: number;
  /** Epoch ms. */
  readonly emittedAt: number;
  readonly records: number;
  /** Items its rows are in; none: they are in the manifest. */
  readonly parts: number;
}

/** A pane as it is kept. */
export interface KeptPane extends Pane {
  /**
   * When it was written, epoch ms: of a corrected final pane later than the first one's time, which `emittedAt` goes on
   * to be.
   */
  readonly writtenAt: number;
}
