import { describe, expect, it } from 'vitest';
import { type CostQuestion, costOf, totalOf } from '../../cli/cost/model.ts';

const asked: CostQuestion = {
  eventsPerSecond: 1000,
  keys: 100,
  shards: 1,
  eventBytes: 200,
  dedup: 'none',
  windowSeconds: 3600,
  batchSeconds: 1,
  requestsPerMonth: 0,
};
const monthSeconds = 730 * 3600;

/** Write units a million events of one shard with 1,000 events a second, by `npm run bench -- path`. */
const measuredUnits = {
  twoKeysByMinute: 1_260,
  hundredKeysByMinute: 1_294,
  hundredKeys: 1_118,
  deduplicated: 18_948,
  manyKeys: 5_092,
};

describe('the monthly bill', () => {
  it('of Kinesis is its price list, for shards and on demand', () => {
    const events = 1000 * monthSeconds;
    expect(costOf({ ...asked, shards: 2 }).tidemark['Kinesis']).toBeCloseTo(
      2 * 730 * (0.015 + 0.02) + (events / 1e6) * 0.014,
      6,
    );
    // A record is rounded up to a kilobyte, and kept for six more days than the first one.
    const gb = (events * 1024) / 2 ** 30;
    expect(costOf({ ...asked, shards: 0 }).tidemark['Kinesis']).toBeCloseTo(
      730 * 0.04 + gb * 0.12 + ((gb * 24 * 6) / 730) * 0.1,
      6,
    );
  });

  it.each<[what: Partial<CostQuestion>, measured: number]>([
    [{ keys: 2, windowSeconds: 60 }, measuredUnits.twoKeysByMinute],
    [{ windowSeconds: 60 }, measuredUnits.hundredKeysByMinute],
    [{}, measuredUnits.hundredKeys],
    [{ dedup: 'ids' }, measuredUnits.deduplicated],
    [{ keys: 100_000 }, measuredUnits.manyKeys],
  ])('has the write units that the bench measured, within a seventh: %o', (what, measured) => {
    const ratio = costOf({ ...asked, ...what }).writeUnitsPerMillion / measured;
    expect(ratio).toBeGreaterThan(1 - 1 / 7);
    expect(ratio).toBeLessThan(1 + 1 / 7);
  });

  it('of a stream in which nothing comes is the idle one, and no zero', () => {
    const nothing = costOf({ ...asked, eventsPerSecond: 0 });
    expect(nothing.tidemark).toEqual(nothing.idle);
    expect(costOf(asked).idle).toEqual(nothing.idle);
    expect(nothing.writeUnitsPerMillion).toBe(0);
    expect(totalOf(nothing.idle)).toBeGreaterThan(730 * 0.035);
  });

  it('is of finite amounts, and never falls with more events, keys, requests or shards', () => {
    const grows = (change: (n: number) => Partial<CostQuestion>, values: readonly number[]) => {
      const totals = values.map((n) => totalOf(costOf({ ...asked, ...change(n) }).tidemark));
      for (const total of totals) expect(Number.isFinite(total)).toBe(true);
      expect(totals).toEqual([...totals].sort((left, right) => left - right));
    };
    grows((eventsPerSecond) => ({ eventsPerSecond }), [0, 1, 10, 100, 1000]);
    grows((keys) => ({ keys }), [1, 10, 100, 1000, 100_000]);
    grows((requestsPerMonth) => ({ requestsPerMonth }), [0, 1, 1e6, 1e9]);
    grows((shards) => ({ shards }), [1, 2, 10, 100]);
  });

  it('of a write a message is dominated by a write unit an event', () => {
    expect(costOf(asked).writePerMessage['DynamoDB']).toBeCloseTo(1000 * monthSeconds * 0.625e-6, 6);
  });
});
