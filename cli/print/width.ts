import type { Output } from '../program/output.ts';

/** Nothing that is worth reading fits less. */
const leastColumns = 40;

/**
 * The characters that fit a line of an output. Infinity for what is not a terminal: a pipe and a file get all of a
 * table, for grep, less and editors.
 */
export function widthOf(output: Output): number {
  if (output.isTTY !== true) return Number.POSITIVE_INFINITY;
  return Math.max(leastColumns, output.columns || 80);
}
