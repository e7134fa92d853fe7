import { resultText } from '../../core/results/result-view.ts';
import type { ShownQuery, ShownRow, ShownWindow } from './api.ts';
import { byId, element, replace } from './dom.ts';
import { keyLabel, numberText } from './format.ts';
import { aggregateNumber, matcher } from './keys.ts';
import type { ZoneClock } from './zone-clock.ts';

/** A row of the table: a key in a window. */
interface Line {
  readonly window: ShownWindow;
  readonly key: Readonly<Record<string, unknown>>;
  readonly row: ShownRow;
  /** The values of its aggregates to sort by. */
  readonly values: readonly (number | null)[];
}

interface Column {
  readonly name: string;
  readonly heading: string;
  readonly align: 'left' | 'right';
  /** The value of a line that the column sorts by. */
  readonly of: (line: Line) => number | string;
}

export interface TableData {
  readonly query: ShownQuery;
  readonly windows: readonly ShownWindow[];
  readonly filter: string;
  /** A column's name, with `-` before it for the greatest first. */
  readonly sort: string;
  /** The clock of the windows. */
  readonly clock: ZoneClock;
}

const pageSize = 50;

/** The windows as a table, a row a key, to sort and to filter. @param onSort called with the column to sort by */
export function createTable(onSort: (sort: string) => void): (data: TableData) => void {
  const head = byId('thead', HTMLTableSectionElement);
  const body = byId('tbody', HTMLTableSectionElement);
  const more = byId('more', HTMLButtonElement);
  const said = byId('rows', HTMLElement);
  let shown = pageSize;
  let data: TableData | undefined;

  function draw(): void {
    if (data === undefined) return;
    const { query, windows, filter, sort, clock } = data;
    const aggregates = Object.keys(query.aggregates);
    const columns = columnsOf(query, aggregates, clock);
    const lines = sorted(matching(linesOf(windows, aggregates), filter, clock), columns, sort);
    drawHead(columns, sort);
    replace(body, ...lines.slice(0, shown).map((line) => rowOf(line, query, aggregates, clock)));
    more.hidden = lines.length <= shown;
    const text = `${numberText(Math.min(shown, lines.length))} of ${numberText(lines.length)} rows`;
    if (said.textContent !== text) said.textContent = text;
  }

  function drawHead(columns: readonly Column[], sort: string): void {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.column : undefined;
    const cells = columns.map(({ name, heading, align }) => {
      const direction = sort === name ? 'ascending' : sort === `-${name}` ? 'descending' : undefined;
      const button = element(
        'button',
        { type: 'button', 'data-column': name },
        heading,
        element('span', { class: 'arrow', 'aria-hidden': 'true' }),
      );
      return element('th', { scope: 'col', class: align, 'aria-sort': direction }, button);
    });
    const row = element('tr', {}, ...cells);
    if (head.firstElementChild?.isEqualNode(row)) return;
    for (const [i, cell] of cells.entries()) {
      const name = columns[i]?.name ?? '';
      cell.firstElementChild?.addEventListener('click', () => onSort(data?.sort === `-${name}` ? name : `-${name}`));
    }
    head.replaceChildren(row);
    if (focused !== undefined)
      cells[columns.findIndex(({ name }) => name === focused)]?.querySelector('button')?.focus();
  }

  more.addEventListener('click', () => {
    shown += pageSize;
    draw();
  });
  return (given) => {
    if (data?.filter !== given.filter || data.sort !== given.sort) shown = pageSize;
    data = given;
    draw();
  };
}

function columnsOf({ groupBy }: ShownQuery, aggregates: readonly string[], { timeZone }: ZoneClock): readonly Column[] {
  return [
    { name: 'window', heading: `Window (${timeZone})`, align: 'left', of: ({ window }) => window.start },
    ...groupBy.map(
      (field): Column => ({ name: field, heading: field, align: 'left', of: ({ key }) => sortable(key[field]) }),
    ),
    ...aggregates.map(
      (name, i): Column => ({
        name,
        heading: name,
        align: 'right',
        of: ({ values }) => values[i] ?? Number.NEGATIVE_INFINITY,
      }),
    ),
    { name: 'status', heading: 'Status', align: 'left', of: ({ window }) => window.status },
  ];
}

function sortable(value: unknown): number | string {
  return typeof value === 'number' ? value : String(value);
}

function linesOf(windows: readonly ShownWindow[], aggregates: readonly string[]): readonly Line[] {
  return windows.flatMap((window) =>
    window.rows.map((row) => ({
      window,
      key: row.key,
      row,
      values: aggregates.map((name) => aggregateNumber(row, name)),
    })),
  );
}

/** The text of a result. Nothing is a dash, such as the mean of nothing. */
function shownResult(result: unknown): string {
  return result === null || result === undefined ? '–' : resultText(result, numberText);
}

/** The lines that hold every word of the filter. */
function matching(lines: readonly Line[], filter: string, clock: ZoneClock): readonly Line[] {
  if (filter.trim() === '') return lines;
  const matches = matcher(filter);
  return lines.filter(({ window: { start, end, status }, key }) =>
    matches(`${clock.window(start, end)} ${keyLabel(key)} ${status}`),
  );
}

function sorted(lines: readonly Line[], columns: readonly Column[], sort: string): readonly Line[] {
  const sign = sort.startsWith('-') ? -1 : 1;
  const column = columns.find(({ name }) => name === sort.replace(/^-/, ''));
  if (column === undefined) return lines;
  return lines.toSorted((a, b) => {
    const [left, right] = [column.of(a), column.of(b)];
    if (left === right) return 0;
    const isLess = typeof left === 'number' && typeof right === 'number' ? left < right : String(left) < String(right);
    return isLess ? -sign : sign;
  });
}

function rowOf(
  { window, key, row }: Line,
  { groupBy }: ShownQuery,
  aggregates: readonly string[],
  clock: ZoneClock,
): HTMLTableRowElement {
  const { start, end, status } = window;
  return element(
    'tr',
    {},
    element(
      'th',
      { scope: 'row', title: `${new Date(start).toISOString()} – ${new Date(end).toISOString()}` },
      clock.window(start, end),
    ),
    ...groupBy.map((field) => element('td', {}, String(key[field]))),
    ...aggregates.map((name) => element('td', { class: 'right' }, shownResult(row.values[name]))),
    element('td', {}, element('span', { class: `status ${status}` }, status)),
  );
}
