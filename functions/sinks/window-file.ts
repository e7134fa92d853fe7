import { parquetWriteBuffer } from 'hyparquet-writer';
import type { DeliveredWindow, Delivery, WindowFileFormat } from '../core/definition/sink.ts';
import { isoTime } from '../core/events/event-time.ts';
import { flatRow } from '../core/fold/window-result.ts';
import { DeliveryRefused } from '../state/sinks/delivery.ts';

/**
 * The name of a pane's file: `query=Q/date=YYYY-MM-DD/START-END-rREVISION.jsonl`. The partitions are of the window's
 * start in UTC, as Hive, Athena, Spark and DuckDB read them. The name follows from (query, window, revision) alone.
 */
export function windowFileName({ query, start, end, revision }: Delivery, format: WindowFileFormat): string {
  const moment = (ms: number) => isoTime(ms).replace(/[-:]/g, '');
  const ending = format === 'json' ? 'jsonl' : 'parquet';
  return `query=${query}/date=${isoTime(start).replace(/T.*/, '')}/${moment(start)}-${moment(end)}-r${String(revision).padStart(6, '0')}.${ending}`;
}

/**
 * A pane's rows as a file, a line or row each. All columns are flat: names of group-by fields and aggregates differ
 * from one another and from those here.
 */
export function windowFile(delivery: Delivery, format: WindowFileFormat): Uint8Array {
  const windows = delivery.table ?? [delivery];
  const rows = windows.flatMap(flatRows);
  if (format === 'json') return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const names = [...new Set([...Object.keys(headOf(delivery)), ...rows.flatMap((row) => Object.keys(row))])];
  const columnData = names.map((name) =>
    columnOf(
      name,
      rows.map((row) => row[name] ?? null),
    ),
  );
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/**
 * Checks the content in a pane's place against the pane. The same content is an earlier attempt's. Mode `complete` is
 * not compared: its table grows between two attempts.
 * @throws DeliveryRefused when the content is another run's result, which is left as it is
 */
export function checkStanding(place: string, standing: Uint8Array, content: Uint8Array, { id, mode }: Delivery): void {
  if (mode === 'complete' || Buffer.compare(standing, content) === 0) return;
  throw new DeliveryRefused(
    `${place} holds another result of ${id}, of another run or pipeline: move it away or deliver elsewhere, then redrive`,
  );
}

type FlatRow = Readonly<Record<string, unknown>>;

const headOf = ({ query, start, end, status, revision }: DeliveredWindow): FlatRow => ({
  query,
  start,
  end,
  status,
  revision,
});

function flatRows(window: DeliveredWindow): readonly FlatRow[] {
  return window.rows.map((row) => ({ ...headOf(window), ...flatRow(row) }));
}

/**
 * A column of a file. Numbers are doubles, whatever a window happens to hold: a column has one type in all files. A
 * value that is not a number, a text or a truth value is JSON.
 */
function columnOf(name: string, data: readonly unknown[]) {
  if (name === 'start' || name === 'end')
    return { name, type: 'TIMESTAMP' as const, data: data.map((ms) => new Date(Number(ms))) };
  const known = data.filter((value) => value !== null);
  if (known.length > 0 && known.every((value) => typeof value === 'number'))
    return { name, type: 'DOUBLE' as const, data: [...data], nullable: true };
  if (known.length > 0 && known.every((value) => typeof value === 'boolean'))
    return { name, type: 'BOOLEAN' as const, data: [...data], nullable: true };
  const text = (value: unknown) => (value === null || typeof value === 'string' ? value : JSON.stringify(value));
  return { name, type: 'STRING' as const, data: data.map(text), nullable: true };
}
