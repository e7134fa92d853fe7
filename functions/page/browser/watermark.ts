import type { ShardJson, WatermarkJson } from './api.ts';
import { element, replace, styled } from './dom.ts';
import { formatShard, formatSpan, formatTime } from './format.ts';

/** More lanes than these are cut: those that are furthest behind stay. */
const mostLanes = 32;

/** What a shard's state means for the watermark. */
const meanings: Readonly<Record<string, string>> = {
  idle: 'idle: proven to hold nothing back',
  drained: 'drained: read to its end',
  unreadable: 'cannot be read: holds the watermark',
  holding: '',
};

/** The watermark with a lane a shard, on one scale of event time, and which of them holds it back. */
export function drawWatermark(place: HTMLElement, { watermark, heldBy, shards }: WatermarkJson): void {
  const times = shards.flatMap(({ watermark: own, maxEventTime }) => [own, maxEventTime]).filter((time) => time !== null);
  if (watermark !== null) times.push(watermark);
  const [least, most] = [Math.min(...times), Math.max(...times)];
  // A little of what was before, so that the one furthest behind has a lane to be seen in.
  const from = least - Math.max(1, most - least) * 0.25;
  const at = (time: number) => `${Math.min(100, Math.max(0, (100 * (time - from)) / (most - from)))}%`;
  const lanes = shown(shards, heldBy).map((shard) => laneOf(shard, shard.shardId === heldBy, watermark, at));
  const hidden = shards.length - lanes.length;
  replace(
    place,
    element('p', { class: 'help' }, sentence(watermark, heldBy, shards)),
    element('ul', { class: 'lanes' }, ...lanes),
    ...(times.length === 0
      ? []
      : [
          element(
            'p',
            { class: 'scale', 'aria-hidden': 'true' },
            element('span', {}, formatTime(Math.round(from / 1000) * 1000)),
            element('span', {}, formatTime(most)),
          ),
        ]),
    ...(hidden > 0 ? [element('p', { class: 'help' }, `and ${hidden} more shards, which are further on`)] : []),
  );
}

function shown(shards: readonly ShardJson[], heldBy: string | null): readonly ShardJson[] {
  if (shards.length <= mostLanes) return shards;
  const rank = ({ shardId, watermark }: ShardJson) => (shardId === heldBy ? Number.NEGATIVE_INFINITY : (watermark ?? Number.NEGATIVE_INFINITY));
  return shards.toSorted((a, b) => rank(a) - rank(b)).slice(0, mostLanes);
}

function sentence(watermark: number | null, heldBy: string | null, shards: readonly ShardJson[]): string {
  if (shards.length === 0) return 'No shard has been seen yet.';
  const holder = heldBy === null ? undefined : formatShard(heldBy);
  if (watermark === null) return holder === undefined ? 'There is none yet.' : `There is none yet: ${holder} has had no event.`;
  const reason = holder === undefined ? 'no shard holds it back' : `${holder} is furthest behind and holds it back`;
  return `Windows that end by ${formatTime(watermark)} are closed; ${reason}.`;
}

function laneOf(
  { shardId, state, watermark: own, maxEventTime }: ShardJson,
  holds: boolean,
  global: number | null,
  at: (time: number) => string,
): HTMLElement {
  const track = element('span', { class: 'track', 'aria-hidden': 'true' });
  if (own !== null) track.append(styled(element('span', { class: 'reach' }), { width: at(own) }));
  if (own !== null && maxEventTime !== null)
    track.append(styled(element('span', { class: 'delay' }), { left: at(own), width: `calc(${at(maxEventTime)} - ${at(own)})` }));
  if (global !== null) track.append(styled(element('span', { class: 'mark' }), { left: at(global) }));
  const ahead = own === null || global === null || own <= global ? '' : `, ${formatSpan(own - global)} ahead`;
  const said = own === null ? 'no event yet' : `${formatTime(own)}${ahead}`;
  const meaning = meanings[state] ?? state;
  return element(
    'li',
    { class: `lane ${state}${holds ? ' holds' : ''}` },
    element(
      'span',
      { class: 'label', title: shardId },
      formatShard(shardId),
      ...(holds ? [element('span', { class: 'badge' }, 'holds it back')] : []),
    ),
    track,
    element('span', { class: 'said' }, said, ...(meaning === '' ? [] : [element('em', {}, meaning)])),
  );
}
