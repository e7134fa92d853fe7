import type { RevisionJson } from '../../functions/api/revision-json.ts';
import type { Json } from '../../functions/core/aggregates/index.ts';
import { type Counters, eventClasses, lateShare, type QueryCounters } from '../../functions/core/events/counters.ts';
import type { GroupValue } from '../../functions/core/events/group-key.ts';
import type { TotalRow } from '../../functions/core/fold/totals.ts';
import { compareRows } from '../../functions/core/fold/window-result.ts';
import { resultText } from '../../functions/core/results/result-view.ts';
import type { Output } from '../program/output.ts';
import { formatNumber } from './number-text.ts';
import { type Column, printTable } from './table.ts';
import { timeText, utc, windowText, zonedHeading } from './time-text.ts';

/** One row of a window, as `batch`, `stream` and `windows` print it. */
export interface ResultRow {
  readonly query: string;
  /** Epoch ms; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly key: Readonly<Record<string, GroupValue>>;
  readonly values: Readonly<Record<string, Json>>;
  /** The grouping of rollup and cube, as GROUPING in SQL. */
  readonly grouping?: number | undefined;
  readonly status: string;
  /** Null while the window has no pane. */
  readonly revision: number | null;
}

/**
 * `json`: one object a line, names in the order of the interfaces, numbers as they are. `table`: one table a query for
 * people, times on the clocks on which its windows lie.
 */
export type ResultForm = 'json' | 'table';

/** The time zones of queries by name, as far as they are not UTC. */
export type Zones = Readonly<Record<string, string>>;

/**
 * Prints the rows of windows, in whatever order they come. They are sorted by query, window start and key unless told
 * otherwise: equal results are equal bytes.
 */
export function printRows(
  rows: readonly ResultRow[],
  form: ResultForm,
  out: Output,
  { order = 'sorted', zones = {} }: { readonly order?: 'sorted' | 'as given'; readonly zones?: Zones } = {},
): void {
  const inOrder = (left: ResultRow, right: ResultRow) =>
    byText(left.query, right.query) || left.start - right.start || left.end - right.end || byKey(left, right);
  const sorted = order === 'as given' ? rows : [...rows].sort(inOrder);
  const plain = sorted.map(({ query, start, end, key, values, grouping, status, revision }) => ({
    query,
    start,
    end,
    key,
    values,
    grouping,
    status,
    revision,
  }));
  // Of rows that are all final nobody needs to be told so.
  const status: readonly LeadColumn<ResultRow>[] = plain.every((row) => row.status === 'final') ? [] : [statusColumn];
  print(plain, form, out, { lead: [windowColumn(zones)], tail: status });
}

/** Prints the panes of windows, in the order given. */
export function printRevisions(
  revisions: readonly RevisionJson[],
  form: ResultForm,
  out: Output,
  zones: Zones = {},
): void {
  const rows = revisions.flatMap(({ rows: own, ...head }) => own.map((row) => ({ ...head, ...row })));
  const plain = rows.map(({ query, start, end, key, values, grouping, status, revision, emittedAt }) => ({
    query,
    start,
    end,
    key,
    values,
    grouping,
    status,
    revision,
    emittedAt,
  }));
  print(plain, form, out, {
    lead: [
      windowColumn(zones),
      { heading: () => 'revision', align: 'right', text: ({ revision }) => String(revision) },
      statusColumn,
      {
        heading: () => zonedHeading('emitted'),
        text: ({ emittedAt }) => (emittedAt === null ? '' : timeText(Math.floor(emittedAt / 1000) * 1000)),
      },
    ],
    tail: [],
  });
}

/** Prints totals by query and key. */
export function printTotals(rows: readonly TotalRow[], form: ResultForm, out: Output, zones: Zones = {}): void {
  const sorted = [...rows].sort((left, right) => byText(left.query, right.query) || byKey(left, right));
  const plain = sorted.map(({ query, from, to, key, values }) => ({ query, from, to, key, values }));
  print(plain, form, out, {
    lead: [
      {
        heading: (query) => zonedHeading('time', zones[query]),
        text: ({ query, from, to }) => windowText(from, to, zones[query]),
      },
    ],
    tail: [],
  });
}

/** The zones of queries as a pipeline defines them, or as an API shows them. */
export function zonesOf(
  queries: readonly {
    readonly name: string;
    readonly timeZone?: string;
    readonly definedKind?: { readonly timeZone?: string };
  }[],
): Zones {
  const zoned = queries.map(({ name, timeZone, definedKind }) => [name, timeZone ?? definedKind?.timeZone ?? utc]);
  return Object.fromEntries(zoned.filter(([, zone]) => zone !== utc));
}

/** A column before or behind those of the keys and values. */
interface LeadColumn<Row> extends Omit<Column, 'heading'> {
  readonly heading: (query: string) => string;
  readonly text: (row: Row) => string;
}

function windowColumn(zones: Zones): LeadColumn<Pick<ResultRow, 'query' | 'start' | 'end'>> {
  return {
    heading: (query) => zonedHeading('window', zones[query]),
    text: ({ query, start, end }) => windowText(start, end, zones[query]),
  };
}

const statusColumn: LeadColumn<{ readonly status: string }> = {
  heading: () => 'status',
  text: ({ status }) => status,
};

/** The counters at the end of a run. */
export interface Conservation {
  readonly counters: Counters;
  /** Pairs of a record and a query, by name of the query. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
  /** Write units of DynamoDB that the run took; the static query takes none. */
  readonly writeUnits: number;
  readonly seconds: number;
}

/**
 * The law of conservation with its numbers, on stderr: a sentence and a line for each query, and with `--json` one line
 * instead, `{"conservation":{"received":...},"queries":{"byHour":{"counted":...}},"writeUnits":0,"seconds":1.2}`. They
 * are not on stdout, which has the same bytes whoever has counted and however long that took.
 */
export function printConservation(
  { counters, queries, writeUnits, seconds }: Conservation,
  form: ResultForm,
  { stderr }: { readonly stderr: Output },
): void {
  const { received, counted, late, duplicate, rejected, filtered } = counters;
  stderr.write(
    form === 'json'
      ? `${JSON.stringify({ conservation: { received, counted, late, duplicate, rejected, filtered }, queries, writeUnits, seconds })}\n`
      : `${conservationLine(counters)}\n${pairLines(queries)}in ${seconds.toFixed(1)} s\n`,
  );
}

/** `received 100,000 = counted 99,900 + late 0 + ...`. */
export function conservationLine(counters: Counters): string {
  return `received ${formatNumber(counters.received)} = ${eventClasses.map((name) => `${name} ${formatNumber(counters[name])}`).join(' + ')}`;
}

/**
 * A line for each query: `  byHour: counted 18,292 + late 1,708 (8.5 %) + filtered 0`. An event is late as a whole only
 * where no query counts it. So that sum alone hides the events that one query loses beside another.
 */
export function pairLines(queries: Readonly<Record<string, QueryCounters>>): string {
  return Object.entries(queries)
    .map(([name, pairs]) => `  ${name}: ${pairsText(pairs)}\n`)
    .join('');
}

function pairsText(pairs: QueryCounters): string {
  const { counted, late, filtered } = pairs;
  const share = late === 0 ? '' : ` (${(100 * lateShare(pairs)).toFixed(1)} %)`;
  return `counted ${formatNumber(counted)} + late ${formatNumber(late)}${share} + filtered ${formatNumber(filtered)}`;
}

/**
 * The queries that lose events by being late, for a line without room for more: `; late for byHour 1,708 (8.5 %)`, or
 * nothing.
 */
export function lateText(queries: Readonly<Record<string, QueryCounters>>): string {
  const late = Object.entries(queries).filter(([, pairs]) => pairs.late > 0);
  if (late.length === 0) return '';
  return `; late for ${late.map(([name, pairs]) => `${name} ${formatNumber(pairs.late)} (${(100 * lateShare(pairs)).toFixed(1)} %)`).join(', ')}`;
}

interface PrintedRow {
  readonly query: string;
  readonly key: ResultRow['key'];
  readonly values: ResultRow['values'];
}

/** The number of lines that are written at once: a write for each would take longer than making them. */
const linesPerWrite = 4096;

function print<Row extends PrintedRow>(
  rows: readonly Row[],
  form: ResultForm,
  out: Output,
  { lead, tail }: { readonly lead: readonly LeadColumn<Row>[]; readonly tail: readonly LeadColumn<Row>[] },
): void {
  if (form === 'json') {
    for (let at = 0; at < rows.length; at += linesPerWrite)
      out.write(
        `${rows
          .slice(at, at + linesPerWrite)
          .map((row) => JSON.stringify(row))
          .join('\n')}\n`,
      );
    return;
  }
  if (rows.length === 0) out.write('no windows\n');
  for (const query of new Set(rows.map((row) => row.query))) {
    const own = rows.filter((row) => row.query === query);
    const [first] = own;
    if (first === undefined) continue;
    // A total of a rollup or cube lacks fields that its groups have.
    const fields = own
      .map(({ key }) => Object.keys(key))
      .reduce((most, names) => (names.length > most.length ? names : most), []);
    const around = ({ heading, align }: LeadColumn<Row>): Column => ({
      heading: heading(query),
      cut: 'never',
      ...(align === undefined ? {} : { align }),
    });
    const columns: readonly Column[] = [
      ...lead.map(around),
      ...fields.map((heading) => ({ heading })),
      ...Object.entries(first.values).map(([heading, value]) => valueColumn(heading, value)),
      ...tail.map(around),
    ];
    out.write(`${query}\n`);
    printTable(
      out,
      columns,
      own.map((row) => [
        ...lead.map(({ text }) => text(row)),
        ...fields.map((name) => (row.key[name] === undefined ? '(all)' : cell(row.key[name]))),
        ...Object.values(row.values).map(cell),
        ...tail.map(({ text }) => text(row)),
      ]),
    );
  }
}

/** A number keeps all of its digits. The text of a structure, such as the members of a set, may be shortened. */
function valueColumn(heading: string, value: Json): Column {
  return { heading, align: 'right', cut: typeof value === 'object' && value !== null ? 'end' : 'never' };
}

function cell(value: Json): string {
  return resultText(value, formatNumber);
}

function byText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Compares by the fields of the row that has more of them: a total lacks some. */
function byKey(left: PrintedRow, right: PrintedRow): number {
  const [one, other] = [Object.keys(left.key), Object.keys(right.key)];
  return compareRows(one.length > other.length ? one : other, left, right);
}
