import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type CaseEvent, type DifferentialCase, type FieldName, fieldNames } from './case.ts';
import { fields } from './fields.ts';

/** Writes the events of a case into its folder. @returns the file */
export async function writeEvents(
  { format, timeForm, events }: DifferentialCase,
  folder: string,
  connection: DuckDBConnection,
): Promise<string> {
  const file = path.join(folder, `events.${format}`);
  if (format === 'json') writeFileSync(file, events.map((event) => `${jsonLine(event)}\n`).join(''));
  else if (format === 'csv') writeFileSync(file, [fieldNames.join(), ...events.map(csvRow)].join('\n').concat('\n'));
  else await writeParquet(events, timeForm, file, connection);
  return file;
}

function jsonLine({ fields: written = {}, line }: CaseEvent): string {
  return (
    line ??
    `{${Object.entries(written)
      .map(([name, text]) => `"${name}":${text}`)
      .join()}}`
  );
}

function csvRow({ fields: written = {} }: CaseEvent): string {
  return fieldNames.map((name) => csvCell(written[name])).join();
}

/** Text is in quotes, so that none of it is taken for a number. */
function csvCell(text: string | undefined): string {
  if (text === undefined || text === 'null') return '';
  return text.startsWith('"') ? `"${String(JSON.parse(text)).replaceAll('"', '""')}"` : text;
}

const timeColumn = { ms: 'BIGINT', s: 'DOUBLE', iso: 'TIMESTAMPTZ' } as const;

async function writeParquet(
  events: readonly CaseEvent[],
  timeForm: DifferentialCase['timeForm'],
  file: string,
  connection: DuckDBConnection,
): Promise<void> {
  const lines = `${file}.ndjson`;
  writeFileSync(lines, events.map((event) => `${jsonLine(event)}\n`).join(''));
  const type = (name: FieldName) => (name === 'time' ? timeColumn[timeForm] : fields[name].parquet);
  const columns = fieldNames.map((name) => `${name}: '${type(name)}'`).join(', ');
  await connection.run(
    `COPY (SELECT * FROM read_json('${lines}', format = 'newline_delimited', columns = {${columns}}))
     TO '${file}' (FORMAT parquet)`,
  );
  rmSync(lines);
}
