import { describe, expect, it } from 'vitest';
import { globalWatermark, type ShardObservation, shardWatermark } from '../../functions/core/fold/watermark.ts';

function shard(
  shardId: string,
  maxEventTime: number | undefined,
  state: ShardObservation['state'] = 'holding',
): ShardObservation {
  return { shardId, maxEventTime, state };
}

describe('the watermark of a shard', () => {
  it('is its greatest event time less the delay, whatever the sign', () => {
    expect(shardWatermark(1337, 10)).toBe(1327); // flink-wm-bounded-one, exclusive
    expect(shardWatermark(723_456, 10)).toBe(723_446); // flink-wm-bounded-repeat, exclusive
    expect(shardWatermark(5, 10)).toBe(-5);
    expect(shardWatermark(-5, 0)).toBe(-5);
  });
});

describe('the global watermark', () => {
  it('is undefined, never infinity, without shards', () => {
    expect(globalWatermark([], 0)).toStrictEqual({ watermark: undefined, heldBy: undefined });
  });

  it('is the minimum over the shards that hold it, and names the one', () => {
    const shards = [shard('a', 12), shard('b', 15), shard('c', 10)];
    expect(globalWatermark(shards, 0)).toStrictEqual({ watermark: 10, heldBy: 'c' });
    expect(globalWatermark(shards, 100)).toStrictEqual({ watermark: -90, heldBy: 'c' });
  });

  it('is held at minus infinity by a shard without an event time, wherever it stands', () => {
    for (const shards of [
      [shard('new', undefined), shard('b', 5)],
      [shard('b', 5), shard('new', undefined)],
      [shard('b', 5, 'idle'), shard('new', undefined)],
    ])
      expect(globalWatermark(shards, 0)).toStrictEqual({ watermark: undefined, heldBy: 'new' });
  });

  it('is not held by shards that are proven idle or drained', () => {
    expect(globalWatermark([shard('a', 2, 'idle'), shard('b', 5)], 0)).toStrictEqual({ watermark: 5, heldBy: 'b' });
    expect(globalWatermark([shard('a', 2, 'drained'), shard('b', 5), shard('c', 1, 'idle')], 0)).toStrictEqual({
      watermark: 5,
      heldBy: 'b',
    });
    expect(globalWatermark([shard('a', undefined, 'idle'), shard('b', 5)], 0)).toStrictEqual({
      watermark: 5,
      heldBy: 'b',
    });
  });

  it('is not raised by an idle shard that is ahead of those that hold it', () => {
    expect(globalWatermark([shard('a', 100, 'idle'), shard('b', 5)], 0)).toStrictEqual({ watermark: 5, heldBy: 'b' });
  });

  it('is the maximum over all when none holds it', () => {
    expect(globalWatermark([shard('a', 10, 'idle'), shard('b', 5, 'idle'), shard('c', 3, 'idle')], 1)).toStrictEqual({
      watermark: 9,
      heldBy: undefined,
    });
    expect(
      globalWatermark([shard('a', 3, 'idle'), shard('b', 7, 'drained'), shard('c', undefined, 'idle')], 0),
    ).toStrictEqual({
      watermark: 7,
      heldBy: undefined,
    });
    expect(globalWatermark([shard('a', -7, 'idle')], 0)).toStrictEqual({ watermark: -7, heldBy: undefined });
  });

  it('stays where it is when all are idle and none ever had an event', () => {
    expect(globalWatermark([shard('a', undefined, 'idle'), shard('b', undefined, 'drained')], 0)).toStrictEqual({
      watermark: undefined,
      heldBy: undefined,
    });
  });

  it('takes an event time of zero for a time', () => {
    expect(globalWatermark([shard('a', 0), shard('b', 5)], 0)).toStrictEqual({ watermark: 0, heldBy: 'a' });
    expect(globalWatermark([shard('a', 0, 'idle')], 0)).toStrictEqual({ watermark: 0, heldBy: undefined });
  });

  // The steps of the peers' vectors. Each is the list of observations after it.
  const steps: readonly (readonly [
    id: string,
    times: readonly (number | 'idle' | undefined)[],
    watermark: number | undefined,
  ])[] = [
    ['flink-valve-min', [0, 0, 0], 0],
    ['flink-valve-min', [12, 0, 10], 0],
    ['flink-valve-min', [12, 15, 10], 10],
    ['flink-valve-min', [12, 15, 17], 12],
    ['flink-valve-min', [20, 15, 17], 15],
    ['flink-valve-partial-idle', [15, 10, undefined], undefined],
    ['flink-valve-partial-idle', [15, 10, 'idle'], 10],
    ['flink-valve-partial-idle', [15, 18, 'idle'], 15],
    ['flink-valve-partial-idle', [20, 18, 'idle'], 18],
    ['flink-mux-idle-advances', [2, 5], 2],
    ['flink-mux-idle-advances', ['idle', 5], 5],
    ['flink-mux-single-idle', ['idle'], undefined],
  ];

  it.each(steps)('follows the peers: %s with %j', (_id, times, watermark) => {
    const shards = times.map((time, i) => (time === 'idle' ? shard(`${i}`, undefined, 'idle') : shard(`${i}`, time)));
    expect(globalWatermark(shards, 0).watermark).toBe(watermark);
  });
});
