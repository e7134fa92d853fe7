import { isoTime } from '../core/event-time.ts';
import type { Row } from '../core/partial.ts';
import type { WindowView } from '../state/window-reader.ts';

/** A window as the API shows it. Times are epoch ms, with the same in ISO 8601 beside them. */
export interface WindowJson {
  readonly query: string;
  readonly start: number;
  readonly startTime: string;
  readonly end: number;
  readonly endTime: string;
  readonly status: 'open' | 'closing' | 'final';
  readonly revision: number | null;
  readonly finalizedAt: number | null;
  readonly records: number;
  readonly rows: readonly Row[];
}

/** The window with those of its rows that have the values of `key`. */
export function windowJson(view: WindowView, key: Readonly<Record<string, unknown>>): WindowJson {
  const { query, start, end, status, revision, finalizedAt, records, rows } = view;
  const wanted = Object.entries(key);
  const matching = wanted.length === 0 ? rows : rows.filter((row) => wanted.every(([name, value]) => row.key[name] === value));
  return { query, start, startTime: isoTime(start), end, endTime: isoTime(end), status, revision, finalizedAt, records, rows: matching };
}
