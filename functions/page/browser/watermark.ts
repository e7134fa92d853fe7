import type { ShownShard, ShownWatermark } from './api.ts';
import { element, replace, styled } from './dom.ts';
import { formatShard, formatSpan } from './format.ts';
import type { ZoneClock } from './zone-clock.ts';

/** Most lanes. Of more, those that are furthest behind stay. */
const mostLanes = 32;

/** The meaning of a shard's state for the watermark. */
const meanings: Readonly<Record<string, string>> = {
  idle: 'idle',
  drained: 'drained',
  unreadable: 'cannot be read',
  holding: '',
};

/** The least span of event time (ms) on the scale of the lanes. Smaller differences cannot be told from bars. */
const leastSpanMs = 60_000;

/** The watermark with a lane a shard, on one scale of event time, and which of them holds it back. */
export function drawWatermark(
  place: HTMLElement,
  { watermark, heldBy, lagMs, shards }: ShownWatermark,
  clock: ZoneClock,
): void {
  // A drained shard stays where it ended, which may be long ago.
  const times = shards.flatMap(({ state, watermark: own }) => (state === 'drained' || own === null ? [] : [own]));
  if (watermark !== null) times.push(watermark);
  const most = Math.max(...times);
  const span = Math.max(leastSpanMs, most - Math.min(...times));
  // The differences take three quarters of the lane, so that the shard furthest behind has a visible bar.
  const from = most - span / 0.75;
  const at = (time: number) => `${Math.min(100, Math.max(0, (100 * (time - from)) / (most - from)))}%`;
  const lanes = shown(shards, heldBy).map((shard) => laneOf(shard, shard.shardId === heldBy, watermark, at, clock));
  const hidden = shards.length - lanes.length;
  replace(
    place,
    element('p', { class: 'help' }, sentence({ watermark, heldBy, lagMs, shards }, clock)),
    element('ul', { class: 'lanes' }, ...lanes),
    ...(times.length === 0 ? [] : [scale(from, most, clock)]),
    ...(hidden > 0 ? [element('p', { class: 'help' }, `and ${hidden} more shards, which are further on`)] : []),
  );
}

function scale(from: number, to: number, clock: ZoneClock): HTMLElement {
  const ends = [from, to].map((time) => element('span', {}, clock.moment(time)));
  return element('p', { class: 'scale', 'aria-hidden': 'true' }, ...ends);
}

/**
 * The lanes that are shown. Shards that no longer hold anything come last. Of too many, those that are furthest on are
 * left out.
 */
function shown(shards: readonly ShownShard[], heldBy: string | null): readonly ShownShard[] {
  const rank = ({ shardId, state, watermark }: ShownShard): number => {
    if (shardId === heldBy) return Number.NEGATIVE_INFINITY;
    return state === 'drained' ? Number.POSITIVE_INFINITY : (watermark ?? -Number.MAX_VALUE);
  };
  const lanes =
    shards.length <= mostLanes ? shards : shards.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, mostLanes);
  const isDrained = ({ state }: ShownShard) => Number(state === 'drained');
  return lanes.toSorted((a, b) => isDrained(a) - isDrained(b));
}

function sentence(
  { watermark, heldBy, lagMs, shards }: Pick<ShownWatermark, 'watermark' | 'heldBy' | 'lagMs' | 'shards'>,
  clock: ZoneClock,
): string {
  if (shards.length === 0) return 'No shard has been seen yet.';
  const holder = heldBy === null ? undefined : formatShard(heldBy);
  if (watermark === null)
    return holder === undefined ? 'There is none yet.' : `There is none yet: ${holder} has had no event.`;
  const reason = holder === undefined ? 'no shard holds it back' : `${holder} is furthest behind and holds it back`;
  const lag = lagMs === null ? '' : `, ${formatSpan(lagMs)} behind the clock`;
  return `Windows that end by ${clock.moment(watermark)} are closed${lag}; ${reason}.`;
}

function laneOf(
  { shardId, state, watermark: own }: ShownShard,
  holds: boolean,
  global: number | null,
  at: (time: number) => string,
  clock: ZoneClock,
): HTMLElement {
  const track = element('span', { class: 'track', 'aria-hidden': 'true' });
  if (own !== null) track.append(styled(element('span', { class: 'reach' }), { width: at(own) }));
  if (global !== null) track.append(styled(element('span', { class: 'mark' }), { left: at(global) }));
  const meaning = meanings[state] ?? state;
  const isAhead = state !== 'drained' && own !== null && global !== null && own > global;
  const notes = [...(isAhead ? [`${formatSpan(own - global)} ahead`] : []), ...(meaning === '' ? [] : [meaning])];
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
    element(
      'span',
      { class: 'said' },
      own === null ? 'no event yet' : clock.moment(own),
      ...notes.map((note) => element('em', {}, note)),
    ),
  );
}
