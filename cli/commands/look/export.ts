import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { csvRow, type FormulaForm } from '../../../functions/api/csv.ts';
import type { ApiClient, QueryJson, WindowFilter } from '../../deployment/api-client.ts';
import { apiOptions, chosenQueries, openApi, rawFlag, windowOptions } from '../../deployment/api-options.ts';
import { formatNumber } from '../../print/number-text.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag, value } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { text } from '../../program/option-value.ts';
import { identifier, literal, openDatabase } from '../../results/duckdb.ts';
import { columnsOf, type FlatRow, flatRows } from '../../results/flat-rows.ts';
import { windowPages } from '../../results/window-pages.ts';

const formats = ['csv', 'ndjson', 'parquet'] as const;
type Format = (typeof formats)[number];

export default defineCommand({
  description:
    'Writes the windows of a query to a file, a row a line or a Parquet row. The file is there when it is whole.',
  options: {
    ...apiOptions,
    ...windowOptions,
    query: value('name', 'the query (default: the only one of the pipeline)', text),
    status: { ...windowOptions.status, fallback: 'final' },
    format: value('format', `${formats.join(', ')} (default: the ending of the file's name)`, text),
    out: value('file', 'where to', text),
    raw: rawFlag,
    json: flag('print what was written as one JSON object'),
  },
  examples: [['tidemark export --port 4500 --out counts.parquet', 'the final windows, for whatever reads Parquet']],
  async run({ options, process }) {
    const { out, from, to, status } = options;
    if (out === undefined) throw new UsageError('--out is missing: give the file to write');
    const format = formatOf(options.format ?? path.extname(out).slice(1));
    const api = await openApi(options);
    const queries = await chosenQueries(api, options.query);
    const [query, ...others] = queries;
    if (query === undefined || others.length > 0)
      throw new UsageError(`--query is missing: name one of ${queries.map(({ name }) => name).join(', ')}`);
    const draft = `${out}.part`;
    try {
      const write = format === 'parquet' ? writeParquet : writeText;
      const rows = await write(
        api,
        query,
        { from, to, status },
        { draft, format, formulas: options.raw ? 'raw' : 'defused' },
        process,
      );
      await rename(draft, out);
      const written = { query: query.name, file: out, format, rows };
      if (options.json) process.stdout.write(`${JSON.stringify(written)}\n`);
      else printLines(`tidemark: ${formatNumber(rows)} rows of ${query.name} in ${out}`, process.stdout);
      return 0;
    } finally {
      await rm(draft, { force: true });
    }
  },
});

function formatOf(name: string): Format {
  const format = formats.find((known) => known === name.toLowerCase());
  if (format === undefined) throw new UsageError(`--format ${name || 'is missing'}: use ${formats.join(', ')}`);
  return format;
}

interface Target {
  readonly draft: string;
  readonly format: Format;
  readonly formulas: FormulaForm;
}

/** All rows, one page of windows after the other; the progress is shown meanwhile. */
async function* pagesOf(
  api: ApiClient,
  { name }: QueryJson,
  filter: WindowFilter,
  process: CommandProcess,
): AsyncGenerator<readonly FlatRow[]> {
  for await (const windows of windowPages('export', api, name, filter, process)) yield flatRows(windows);
}

async function writeText(
  api: ApiClient,
  query: QueryJson,
  filter: WindowFilter,
  { draft, format, formulas }: Target,
  process: CommandProcess,
): Promise<number> {
  const columns = columnsOf(query);
  const out = createWriteStream(draft);
  await once(out, 'open');
  const write = async (line: string): Promise<void> => {
    if (!out.write(line)) await once(out, 'drain');
  };
  let count = 0;
  if (format === 'csv') await write(csvRow(columns, formulas));
  for await (const rows of pagesOf(api, query, filter, process)) {
    for (const row of rows)
      await write(
        format === 'csv'
          ? csvRow(
              columns.map((column) => row[column]),
              formulas,
            )
          : `${JSON.stringify(row)}\n`,
      );
    count += rows.length;
  }
  out.end();
  await once(out, 'close');
  return count;
}

async function writeParquet(
  api: ApiClient,
  query: QueryJson,
  filter: WindowFilter,
  { draft }: Target,
  process: CommandProcess,
): Promise<number> {
  const rows: FlatRow[] = [];
  for await (const page of pagesOf(api, query, filter, process)) rows.push(...page);
  const database = await openDatabase({ use: 'writing Parquet', instead: 'write --format csv or ndjson' });
  try {
    await database.addTable(query.name, columnsOf(query), rows);
    await database.connection.run(
      `COPY ${identifier(query.name)} TO ${literal(draft)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    return rows.length;
  } finally {
    await database.close();
  }
}
