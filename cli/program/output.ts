import type { Writable } from 'node:stream';

/** An output, which may be a terminal. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  /** The width of the terminal, in characters. */
  readonly columns?: number;
};

/** An output that may be a terminal with a line at its bottom that is drawn again and again, such as a bar. */
export type ScreenOutput = Output & {
  /** Draws the line, or takes it away. What is written meanwhile comes above it. Undefined where nothing is drawn. */
  readonly showStatus?: (line: string | undefined) => void;
};
