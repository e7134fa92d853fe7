import type { SessionWindow, TimeWindow } from './case.ts';
import type { Database } from './sql.ts';
import { sessionsOf, windowsOfEvents } from './windows-sql.ts';

/**
 * Makes `members` (line, start_ms, end_ms): the events of `wanted` in each window that was not closed before they came.
 * Of a window over all of time nothing is late.
 */
export async function membersOfWindows(sql: Database, window: TimeWindow, latenessMs: number): Promise<void> {
  const isOpen = window.kind === 'global' ? 'true' : `(c IS NULL OR end_ms + ${latenessMs} > c)`;
  await sql.table(
    'members',
    `SELECT line, start_ms, end_ms FROM (${windowsOfEvents(window)}) JOIN wanted USING (line) WHERE ${isOpen}`,
  );
}

/**
 * The same for sessions. In a stream, a session is closed when C has passed its last record's slice and a gap (both in
 * multiples of the resolution). What comes afterwards begins another one. So sessions are made look by look, of what is
 * open and what has come since.
 */
export async function membersOfSessions(
  sql: Database,
  { gapMs, resolutionMs }: SessionWindow,
  latenessMs: number,
  keys: readonly string[],
  way: 'batch' | 'stream',
): Promise<void> {
  if (way === 'batch') {
    await sql.table('members', sessionsOf('wanted', keys, gapMs));
    return;
  }
  const up = (time: string) => `ceil((${time}) / ${resolutionMs})::BIGINT * ${resolutionMs}`;
  const closing = (last: string) => `${up(last)} + ${Math.ceil(gapMs / resolutionMs) * resolutionMs + latenessMs}`;
  await sql.table('open', 'SELECT * FROM wanted WHERE false');
  await sql.run('CREATE OR REPLACE TEMP TABLE members (line BIGINT, start_ms BIGINT, end_ms BIGINT)');
  const looks = await sql.rows<{ after_batch: number; c: number | null }>('SELECT * FROM looks ORDER BY after_batch');
  let from = 0;
  for (const { after_batch, c } of [...looks, { after_batch: 2 ** 31, c: null }]) {
    await sql.run(`INSERT INTO open SELECT * FROM wanted
      WHERE batch BETWEEN ${from} AND ${after_batch} AND (c IS NULL OR ${closing('time_ms')} > c)`);
    from = after_batch + 1;
    // The end of the stream closes everything.
    const isClosed = from > 2 ** 31 ? 'true' : c === null ? 'false' : `${closing(`end_ms - ${gapMs}`)} <= ${c}`;
    await sql.run(`INSERT INTO members SELECT * FROM (${sessionsOf('open', keys, gapMs)}) WHERE ${isClosed}`);
    await sql.run('DELETE FROM open WHERE line IN (SELECT line FROM members)');
  }
}
