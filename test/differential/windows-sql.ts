import type { TimeWindow } from './case.ts';
import { shiftMinutes } from './zones.ts';

/** SQL of an interval of ms. */
const ms = (count: number) => `to_milliseconds(${count})`;

/** SQL of the beginning, epoch ms, of the bucket of a grid that holds a time. */
function bucket(sizeMs: number, offsetMs: number, timestamp = 'make_timestamp(time_ms * 1000)'): string {
  return `time_bucket(${ms(sizeMs)}, ${timestamp}, TIMESTAMP '1970-01-01' + ${ms(offsetMs)})`;
}

/** The distance around the events, in ms, in which the edges of windows on clocks are looked for. */
const marginMs = 40 * 86_400_000;

/** Clocks are read every quarter of an hour, the grain of all changes of the zones here. */
const grainMs = 900_000;

/**
 * The edges of windows on the clocks of a zone, from what the clocks show at each moment. That a moment shows a time
 * is unambiguous; when a time is shown is not, so nothing is converted in that direction. An edge is the first moment
 * of a bucket.
 */
function edges(window: Extract<TimeWindow, { zone?: string }>): string {
  const zone = window.zone ?? 'UTC';
  const weekStart = window.kind === 'calendar' ? (window.weekStart ?? 0) : 0;
  const of =
    window.kind === 'tumbling'
      ? bucket(window.sizeMs, window.offsetMs, 'shown')
      : window.unit === 'week'
        ? `date_trunc('week', shown - to_days(${weekStart})) + to_days(${weekStart})`
        : `date_trunc('${window.unit}', shown)`;
  return `(SELECT edge, lead(edge) OVER (ORDER BY edge) AS next FROM (
    SELECT DISTINCT min(moment) AS edge FROM (
      SELECT moment, (make_timestamp(moment * 1000) AT TIME ZONE 'UTC') AT TIME ZONE '${zone}' AS shown FROM (
        SELECT unnest(range(
          (SELECT min(time_ms) // ${grainMs} * ${grainMs} - ${marginMs} FROM wanted),
          (SELECT max(time_ms) + ${marginMs} FROM wanted), ${grainMs})) AS moment))
    GROUP BY ${of}))`;
}

/** Whether the clocks are moved by a multiple of the size: the grid then lies on the same times of day ever after. */
function isOnGrid(zone: string, sizeMs: number): boolean {
  return (shiftMinutes(zone) * 60_000) % sizeMs === 0;
}

/** The window began as long ago as the clocks, had they not been moved since, would have to be put back for it. */
function startOnGrid({ sizeMs, offsetMs, zone }: Extract<TimeWindow, { kind: 'tumbling' }>): string {
  if (zone === undefined) return `epoch_ms(${bucket(sizeMs, offsetMs)})`;
  const shown = `((make_timestamp(time_ms * 1000) AT TIME ZONE 'UTC') AT TIME ZONE '${zone}')`;
  return `time_ms - (epoch_ms(${shown}) - epoch_ms(${bucket(sizeMs, offsetMs, shown)}))`;
}

/**
 * SQL of (line, start_ms, end_ms): each event of `wanted` with each window that holds it. Not for sessions, which
 * follow from the events.
 */
export function windowsOfEvents(window: TimeWindow): string {
  switch (window.kind) {
    case 'global':
      return 'SELECT line, 0 AS start_ms, 0 AS end_ms FROM wanted';
    case 'tumbling':
      if (window.zone !== undefined && !isOnGrid(window.zone, window.sizeMs)) break;
      return `SELECT line, start_ms, start_ms + ${window.sizeMs} AS end_ms
        FROM (SELECT line, ${startOnGrid(window)} AS start_ms FROM wanted)`;
    case 'sliding':
      return `SELECT line, start_ms, start_ms + ${window.sizeMs} AS end_ms FROM (
        SELECT line, time_ms, epoch_ms(${bucket(window.slideMs, window.offsetMs)}) - ${window.slideMs} *
          unnest(range(0, ${Math.ceil(window.sizeMs / window.slideMs)})) AS start_ms FROM wanted)
        WHERE start_ms + ${window.sizeMs} > time_ms`;
    case 'cumulate':
      return `SELECT line, start_ms, end_ms FROM (
        SELECT line, time_ms, start_ms,
          start_ms + ${window.stepMs} * unnest(range(1, ${window.sizeMs / window.stepMs + 1})) AS end_ms
        FROM (SELECT line, time_ms, epoch_ms(${bucket(window.sizeMs, window.offsetMs)}) AS start_ms FROM wanted))
        WHERE end_ms > time_ms`;
    case 'calendar':
      break;
  }
  return `SELECT line, edge AS start_ms, next AS end_ms FROM wanted ASOF JOIN ${edges(window)} ON time_ms >= edge`;
}

/**
 * SQL of (line, start_ms, end_ms) for sessions of events that are all there: "gaps and islands". The last moment of a
 * session is `end_ms - gap`.
 * @param table with the columns line, time_ms and those of the keys
 */
export function sessionsOf(table: string, keys: readonly string[], gapMs: number): string {
  const by = keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')}`;
  const island = [...keys, 'island'].join(', ');
  return `SELECT line, min(time_ms) OVER (PARTITION BY ${island}) AS start_ms,
      max(time_ms) OVER (PARTITION BY ${island}) + ${gapMs} AS end_ms FROM (
    SELECT *, sum(CASE WHEN gap <= ${gapMs} THEN 0 ELSE 1 END) OVER (${by} ORDER BY time_ms, line) AS island FROM (
      SELECT *, time_ms - lag(time_ms) OVER (${by} ORDER BY time_ms, line) AS gap FROM ${table}))`;
}
