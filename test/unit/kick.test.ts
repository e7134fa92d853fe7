import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, session, tumbling } from '../../functions/core/index.ts';
import { noteHeldBy } from '../../functions/state/log/held.ts';
import { edgePassed, isHoldingBack } from '../../functions/state/log/kick.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const minuteMs = 60_000;
const pipeline = definePipeline({
  name: 'kick',
  event: z.object({ time: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '10 seconds', idle: '1 minute' },
  queries: {
    perMinute: { window: tumbling('1 minute'), aggregates: { count: count() } },
    perHour: { window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});

describe('the edge that a batch passes', () => {
  it.each([
    ['none while the watermark stays in its window', 70_000, 129_999, undefined],
    ['exactly at the end of a window', 129_999, 130_000, 2 * minuteMs],
    ['the latest of several windows', 70_000, 70_000 + 5 * minuteMs, 6 * minuteMs],
    ['none when nothing moves', 130_000, 130_000, undefined],
    ['the first one of a shard', undefined, 130_000, 0],
    ['before 1970', -50_001, -49_999, -minuteMs],
    ['the least of the queries', 3_600_000, 3_610_000, 3_600_000],
  ])('is %s', (_, before, after, edge) => {
    expect(edgePassed(pipeline, before, after)).toBe(edge);
  });
});

it('sessions end at the multiples of their resolution, which the watermark passes when it reaches them', () => {
  const sessions = definePipeline({
    name: 'kick',
    event: z.object({ time: z.number() }),
    eventTime: (event) => event.time,
    watermark: { delay: 0 },
    queries: { sessions: { window: session('1 minute', { resolution: '10 s' }), aggregates: { count: count() } } },
  });
  expect(edgePassed(sessions, 19_999, 20_000)).toBe(20_000);
  expect(edgePassed(sessions, 20_000, 29_999)).toBeUndefined();
  expect(edgePassed(sessions, 20_000, 47_000)).toBe(40_000);
});

describe('a shard asks for an epoch', () => {
  it.each([
    ['when nobody has looked yet', undefined, true],
    ['when no shard holds the watermark', { by: undefined, watermark: 1, shards: 2 }, true],
    ['when it held the watermark at the last look', { by: 'a', watermark: 1, shards: 2 }, true],
    ['and leaves it to the shard that held it', { by: 'b', watermark: 1, shards: 2 }, false],
  ] as const)('%s', async (_, held, asks) => {
    const state = memoryTable(itemStore());
    if (held !== undefined) await noteHeldBy(state, held);
    expect(await isHoldingBack(state, 'a')).toBe(asks);
  });
});
