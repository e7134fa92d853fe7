import stringWidth from 'string-width';
import type { Output } from '../program/output.ts';
import { formatNumber } from './number-text.ts';
import { widthOf } from './width.ts';
import { wrapped } from './wrap.ts';

/** A column: its heading and the side its cells are set to. */
export interface Column {
  readonly heading: string;
  /** @default left */
  readonly align?: 'left' | 'right';
  /**
   * Whether long cells are shortened where a table is too wide. Numbers and times are not: a part of one reads as
   * another.
   * @default text on the left is
   */
  readonly cut?: 'end' | 'never';
}

type Cell = string | number;

/** Text is not shortened below this width. */
const leastTextWidth = 16;
/** The width of what stands beside each cell: its border and a blank on either side. */
const perColumn = 3;
const ellipsis = '…';

/**
 * Rows under headings, drawn without colours, so that it reads the same on a terminal, in a log and in the
 * documentation.
 * @param width the characters of a line. Where the columns do not fit, long text is shortened first; then columns in
 * the middle give way to one of `…`, and a line below says how many are shown.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number = Number.POSITIVE_INFINITY,
): string {
  const texts = rows.map((row) => row.map(cellText));
  const natural = columns.map(({ heading }, i) =>
    texts.reduce((widest, row) => Math.max(widest, widthOfText(row[i] ?? '')), widthOfText(heading)),
  );
  const shown = shownColumns(columns, natural, width);
  const all = columns.map((_column, i) => i);
  const widths = fitted(columns, natural, shown ?? all, width - (shown === undefined ? 0 : perColumn + 1));
  const gap = shown?.findIndex((column, at) => at > 0 && column !== (shown[at - 1] ?? 0) + 1) ?? -1;
  const places: readonly Place[] = (shown ?? all).map((column) => ({
    column,
    width: widths.get(column) ?? 0,
    align: columns[column]?.align ?? 'left',
  }));
  const withGap = shown === undefined ? places : places.toSpliced(gap === -1 ? places.length : gap, 0, gapPlace);
  const line = (cells: readonly string[]) =>
    `│${withGap.map((place) => ` ${placed(place, cells[place.column] ?? ellipsis)} `).join('│')}│`;
  const rule = (left: string, middle: string, right: string) =>
    `${left}${withGap.map((place) => '─'.repeat(place.width + 2)).join(middle)}${right}`;
  return [
    rule('┌', '┬', '┐'),
    line(columns.map(({ heading }) => heading)),
    rule('├', '┼', '┤'),
    ...texts.map(line),
    rule('└', '┴', '┘'),
    ...(shown === undefined
      ? []
      : [wrapped(`(${columns.length} columns, ${shown.length} shown; all of them: | less -S)`, width)]),
  ].join('\n');
}

/** Writes a table that fits the output. */
export function printTable(out: Output, columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
  out.write(`${formatTable(columns, rows, widthOf(out))}\n`);
}

/** A column as it is drawn. */
interface Place {
  readonly column: number;
  readonly width: number;
  readonly align: 'left' | 'right';
}

/** The place of the columns that are left out. */
const gapPlace: Place = { column: -1, width: 1, align: 'left' };

/** The columns that fit, where not all do: from both ends, as what a row is of stands first and its last value last. */
function shownColumns(
  columns: readonly Column[],
  natural: readonly number[],
  width: number,
): readonly number[] | undefined {
  const least = columns.map((column, i) => leastWidth(column, natural[i] ?? 0) + perColumn);
  const needed = least.reduce((sum, one) => sum + one, 1);
  if (needed <= width) return undefined;
  const fromEnds = columns.map((_column, i) => (i % 2 === 0 ? i / 2 : columns.length - (i + 1) / 2));
  const shown: number[] = [];
  let used = 1 + perColumn + 1;
  for (const column of fromEnds) {
    used += least[column] ?? 0;
    if (used > width && shown.length > 0) break;
    shown.push(column);
  }
  return shown.sort((left, right) => left - right);
}

function isCut({ cut, align }: Column): boolean {
  return (cut ?? (align === 'right' ? 'never' : 'end')) === 'end';
}

function leastWidth(column: Column, natural: number): number {
  return isCut(column) ? Math.min(natural, Math.max(leastTextWidth, widthOfText(column.heading))) : natural;
}

/** The widths of the columns that are shown: the widest text gives way until the table fits. */
function fitted(
  columns: readonly Column[],
  natural: readonly number[],
  shown: readonly number[],
  width: number,
): ReadonlyMap<number, number> {
  const widths = new Map(shown.map((column) => [column, natural[column] ?? 0]));
  let excess = shown.reduce((sum, column) => sum + (natural[column] ?? 0) + perColumn, 1) - width;
  while (excess > 0) {
    const cuttable = shown.filter((i) => {
      const column = columns[i];
      return column !== undefined && (widths.get(i) ?? 0) > leastWidth(column, natural[i] ?? 0);
    });
    if (cuttable.length === 0) break;
    const widest = cuttable.reduce((most, i) => ((widths.get(i) ?? 0) > (widths.get(most) ?? 0) ? i : most));
    widths.set(widest, (widths.get(widest) ?? 0) - 1);
    excess--;
  }
  return widths;
}

function placed({ width, align }: Place, text: string): string {
  const fitting = cutTo(text, width);
  const blanks = ' '.repeat(width - widthOfText(fitting));
  return align === 'right' ? `${blanks}${fitting}` : `${fitting}${blanks}`;
}

/** Text of at most a width, with `…` for what was cut. */
export function cutTo(text: string, width: number): string {
  if (widthOfText(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += widthOfText(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}${ellipsis}`;
}

const plain = /^[\x20-\x7e]*$/;

function widthOfText(text: string): number {
  return plain.test(text) ? text.length : stringWidth(text);
}

/** Line ends and other control characters would break the frame. */
function cellText(cell: Cell): string {
  return typeof cell === 'number' ? formatNumber(cell) : plain.test(cell) ? cell : cell.replace(/\p{Cc}/gu, '?');
}
