import { byId } from './dom.ts';
import type { PollState } from './poll.ts';
import { viewersZone, zoneClock } from './zone-clock.ts';

/**
 * Says whether the API answers, in the viewer's time.
 * @param shownAt when what is shown was read, epoch ms; undefined: nothing is shown yet
 */
export function drawConnection({ failures, nextAt }: PollState, shownAt: number | undefined): void {
  const connection = byId('connection', HTMLElement);
  const isAway = failures > 0;
  connection.classList.toggle('away', isAway);
  connection.classList.toggle('live', !isAway);
  document.body.classList.toggle('stale', isAway && shownAt !== undefined);
  const known =
    shownAt === undefined ? '' : `; this is of ${zoneClock(viewersZone).clock(Math.floor(shownAt / 1000) * 1000)}`;
  const again = failures === 1 ? 'now' : `every ${Math.ceil((nextAt - Date.now()) / 1000)} s`;
  const text = isAway ? `The API does not answer${known}. Trying again ${again}` : 'Live';
  const place = byId('connection-text', HTMLElement);
  if (place.textContent !== text) place.textContent = text;
}
