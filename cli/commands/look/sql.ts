import type { DuckDBType } from '@duckdb/node-api';
import { csvRow, type FormulaForm } from '../../../functions/api/csv.ts';
import { apiOptions, openApi, rawFlag } from '../../deployment/api-options.ts';
import { printTable } from '../../print/table.ts';
import { defineCommand, flag, valueOr } from '../../program/command.ts';
import { TidemarkError, UsageError } from '../../program/errors.ts';
import type { Output } from '../../program/output.ts';
import { openDatabase } from '../../results/duckdb.ts';
import { columnsOf, flatRows } from '../../results/flat-rows.ts';
import { allWindows } from '../../results/window-pages.ts';

const formats = ['table', 'json', 'csv', 'ndjson'] as const;
type Format = (typeof formats)[number];

export default defineCommand({
  operands: [{ name: 'SQL', description: 'one query in the SQL of DuckDB' }],
  description:
    'Asks the final windows in SQL. Each query of the pipeline is a table of its name ("NAME@2" in quotes) with the columns window_start, window_end, ' +
    'status, revision, records, finalized_at, its group-by fields, its aggregates and, of ' +
    'rollup and cube, grouping: 0 for a group, else a bit for each field that is totalled, as GROUPING.',
  options: {
    ...apiOptions,
    live: flag('open windows too, as they are now'),
    format: valueOr('format', formats.join(', '), formatOf, 'table'),
    raw: rawFlag,
    json: flag('the same as --format ndjson'),
  },
  examples: [
    [
      `tidemark sql 'select action, sum(count) as total from actionsPerHour group by action' --port 4500`,
      "the lesson's query",
    ],
    [
      `tidemark sql 'from actionsPerHour order by count desc limit 3' --live --stack counts`,
      'the three greatest rows, open windows too',
    ],
  ],
  async run({ operands: [sql = ''], options, process }) {
    const api = await openApi(options);
    const queries = await api.queries();
    const database = await openDatabase({ use: 'tidemark sql', instead: 'use windows --json or export --format csv' });
    try {
      // Only queries that the text may mean are fetched: the names of its tables are somewhere in it.
      const named = queries.filter(({ name }) => sql.toLowerCase().includes(name.toLowerCase()));
      for (const query of named) {
        const status = options.live ? 'all' : 'final';
        const windows = await allWindows('sql', api, query.name, { status }, process);
        await database.addTable(query.name, columnsOf(query), flatRows(windows));
      }
      const answer = await database.connection.runAndReadAll(sql).catch((error: unknown) => {
        const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n\n');
        const known = named.length === 0 ? `; the tables are ${queries.map(({ name }) => name).join(', ')}` : '';
        throw new TidemarkError(`sql: ${reason.replace(/\s*\n\s*/g, ' ')}${known}`);
      });
      const columns = answer.deduplicatedColumnNames();
      const types = answer.columnTypes();
      const rows = answer
        .getRowsJson()
        .map((row) => Object.fromEntries(columns.map((name, i) => [name, plain(row[i], types[i])])));
      print(options.json ? 'ndjson' : options.format, options.raw ? 'raw' : 'defused', columns, rows, process.stdout);
      return 0;
    } finally {
      await database.close();
    }
  },
});

function formatOf(text: string, option: string): Format {
  const format = formats.find((known) => known === text);
  if (format === undefined) throw new UsageError(`${option} ${text} is not known: use ${formats.join(', ')}`);
  return format;
}

/**
 * Whole numbers of 64 bits and more come as text. Those that a double holds become numbers, in structures and lists
 * too.
 */
function plain(value: unknown, type: DuckDBType | undefined): unknown {
  if (Array.isArray(value))
    return type !== undefined && 'valueType' in type ? value.map((element) => plain(element, type.valueType)) : value;
  if (typeof value === 'object' && value !== null && type !== undefined && 'entryNames' in type) {
    const { entryNames, entryTypes } = type;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, plain(member, entryTypes[entryNames.indexOf(name)])]),
    );
  }
  if (typeof value !== 'string' || !/^U?(BIGINT|HUGEINT)$/.test(String(type))) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function print(
  format: Format,
  formulas: FormulaForm,
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
  out: Output,
): void {
  if (format === 'json') out.write(`${JSON.stringify(rows)}\n`);
  else if (format === 'ndjson') for (const row of rows) out.write(`${JSON.stringify(row)}\n`);
  else if (format === 'csv')
    for (const line of [columns, ...rows.map((row) => columns.map((column) => row[column]))])
      out.write(csvRow(line, formulas));
  else
    printTable(
      out,
      columns.map((heading) => ({
        heading,
        align: rows.every((row) => typeof row[heading] === 'number') ? ('right' as const) : ('left' as const),
      })),
      rows.map((row) => columns.map((column) => shown(row[column]))),
    );
}

function shown(value: unknown): string | number {
  if (value === null || value === undefined) return '';
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}
