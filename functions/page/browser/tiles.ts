import { byId, element, replace } from './dom.ts';
import { formatShard, formatShare, numberText } from './format.ts';
import type { Snapshot } from './load.ts';
import { viewersZone, type ZoneClock, zoneClock } from './zone-clock.ts';

/** The four numbers that people look at first. */
export function drawTiles({ windows, watermark, conservation, receivedPerSecond }: Snapshot, clock: ZoneClock): void {
  const { received, late, rejected, asOf } = conservation;
  const open = windows.filter(({ status }) => status !== 'final').length;
  const rate = receivedPerSecond === undefined ? ' ' : `${numberText(Math.round(receivedPerSecond))} a second`;
  const seenAt = asOf === null ? rate : `as of ${zoneClock(viewersZone).moment(asOf)}`;
  const holder = watermark.heldBy === null ? 'nothing holds it back' : `held back by ${formatShard(watermark.heldBy)}`;
  const tiles = [
    ['Watermark', watermark.watermark === null ? 'none yet' : clock.moment(watermark.watermark), holder],
    ['Received', numberText(received), seenAt],
    [
      'Windows shown',
      numberText(windows.length),
      `${numberText(open)} open, ${numberText(windows.length - open)} final`,
    ],
    ['Late and rejected', numberText(late + rejected), `${formatShare(late + rejected, received)} of all events`],
  ] as const;
  replace(
    byId('tiles', HTMLElement),
    ...tiles.map(([name, value, detail]) =>
      element('div', {}, element('dt', {}, name), element('dd', { class: 'value' }, value), element('dd', {}, detail)),
    ),
  );
}
