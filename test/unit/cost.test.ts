import { describe, expect, it } from 'vitest';
import { adviceOn } from '../../cli/cost/advice.ts';
import { misfitOf } from '../../cli/cost/misfit.ts';
import { costOf, monthSeconds, sumOf } from '../../cli/cost/model.ts';
import { idleOf } from '../../cli/cost/points.ts';
import { prices } from '../../cli/cost/prices.ts';
import { type CostQuestion, usualQuestion } from '../../cli/cost/question.ts';
import { cheapestOf, flinkUnits, rivalsOf, turnsOf } from '../../cli/cost/rivals.ts';

const asked: CostQuestion = { ...usualQuestion, shards: 2, requestsPerMonth: 0 };

describe('the monthly bill', () => {
  it('of Kinesis is its price list, for shards and on demand, by its retention', () => {
    const events = 1000 * monthSeconds;
    const kinesis = (change: Partial<CostQuestion>) => costOf({ ...asked, ...change }).services['Kinesis'];
    expect(kinesis({})).toBeCloseTo(2 * 730 * (0.015 + 0.02) + (events / 1e6) * 0.014, 6);
    expect(kinesis({ retentionHours: 24 })).toBeCloseTo(2 * 730 * 0.015 + (events / 1e6) * 0.014, 6);
    // A packed record of 100 events of 200 bytes is one put unit of 25 KB.
    expect(kinesis({ eventsPerRecord: 100 })).toBeCloseTo(2 * 730 * 0.035 + (events / 1e8) * 0.014, 6);
    // On demand, a record is rounded up to a kilobyte, and kept for six more days than the first one.
    const gb = (events * 1024) / 2 ** 30;
    expect(kinesis({ shards: 0 })).toBeCloseTo(730 * 0.04 + gb * 0.12 + ((gb * 24 * 6) / 730) * 0.1, 6);
  });

  it('meets its aims with the defaults of a deployment, the stream apart', () => {
    expect(costOf({ ...usualQuestion, shards: 2 }).withoutStream).toBeLessThanOrEqual(25);
    const large = { ...usualQuestion, eventsPerSecond: 100_000, keys: 100_000, shards: 200 };
    expect(costOf(large).withoutStream).toBeLessThanOrEqual(2_500);
  });

  it('of a stream in which nothing comes is not nothing, and finite', () => {
    const { terms, total, writeUnitsPerMillion } = costOf(idleOf(asked));
    for (const dollars of Object.values(terms)) expect(Number.isFinite(dollars)).toBe(true);
    expect(writeUnitsPerMillion).toBe(0);
    expect(total).toBeGreaterThan(2 * 730 * 0.035);
    expect(total).toBeLessThan(costOf(asked).total);
  });

  it.each<[what: string, change: (n: number) => Partial<CostQuestion>, values: readonly number[]]>([
    ['events', (eventsPerSecond) => ({ eventsPerSecond }), [0, 1, 10, 100, 1000]],
    ['keys', (keys) => ({ keys }), [1, 10, 100, 1000, 100_000]],
    ['requests', (requestsPerMonth) => ({ requestsPerMonth }), [0, 1, 1e6, 1e9]],
    ['shards', (shards) => ({ shards }), [1, 2, 10, 100]],
    ['queries', (queries) => ({ queries }), [1, 2, 10]],
    ['aggregates', (aggregates) => ({ aggregates }), [1, 2, 5, 20]],
    ['side output', (percent) => ({ sideShare: percent / 100 }), [0, 1, 10, 100]],
    ['shorter windows', (n) => ({ windowSeconds: 3600 / n, keys: 10_000 }), [1, 6, 60, 3600]],
    ['lateness', (latenessSeconds) => ({ latenessSeconds, windowSeconds: 60 }), [0, 60, 600]],
    ['memory', (memoryMb) => ({ memoryMb }), [512, 1024, 1769, 3008]],
    ['sinks', (n) => ({ sinks: Array.from({ length: n }, () => 'sqs' as const) }), [0, 1, 2, 8]],
    ['shorter batches', (n) => ({ batchSeconds: 10 / n }), [1, 2, 5, 10]],
  ])('never falls with more %s', (_what, change, values) => {
    const totals = values.map((n) => costOf({ ...asked, ...change(n) }).total);
    for (const total of totals) expect(Number.isFinite(total)).toBe(true);
    expect(totals).toEqual([...totals].sort((left, right) => left - right));
    expect(totals.at(-1)).toBeGreaterThan(totals[0] ?? Number.NaN);
  });

  it('is the sum of its terms, and of its services', () => {
    const { terms, services, total } = costOf({ ...asked, sinks: ['sqs', 'webhook'], tracing: 'on', source: 'ingest' });
    expect(sumOf(terms)).toBeCloseTo(total, 8);
    expect(sumOf(services)).toBeCloseTo(total, 8);
  });
});

describe('the rivals', () => {
  it('take a write unit an event and query, and processing units by throughput', () => {
    expect(rivalsOf(asked).writePerEvent['DynamoDB']).toBeCloseTo(1000 * monthSeconds * 0.625e-6, 6);
    expect(flinkUnits(asked)).toBe(1);
    expect(flinkUnits({ ...asked, eventsPerSecond: 100_000 })).toBe(5);
    expect(flinkUnits({ ...asked, eventsPerSecond: 100_000, eventBytes: 2_048 })).toBe(10);
  });

  it('take over where their bill is the least, and the turns are where it says', () => {
    const turns = turnsOf(asked);
    expect(turns.map(({ cheapest }) => cheapest)).toEqual(['writePerEvent', 'tidemark', 'managedFlink']);
    for (const { eventsPerSecond, cheapest } of turns) {
      const there = { ...asked, eventsPerSecond, shards: Math.max(1, Math.ceil(eventsPerSecond / 500)) };
      expect(cheapestOf(costOf(there), rivalsOf(there))).toBe(cheapest);
    }
  });
});

describe('the advice', () => {
  it('names the dearest term, and changes each of which saves what it says', () => {
    const question = { ...asked, tracing: 'on' as const };
    const { dearest, changes } = adviceOn(question);
    const { terms, total } = costOf(question);
    expect(dearest.dollars).toBe(Math.max(...Object.values(terms)));
    expect(terms[dearest.term]).toBe(dearest.dollars);
    const saved = (change: string) => changes.find((one) => one.change === change)?.saves;
    expect(saved('-c tracing=false')).toBeCloseTo(total - costOf(asked).total, 8);
    const slower = costOf({ ...question, batchSeconds: 2 }).total;
    expect(saved("-c batchWindow='2 seconds'")).toBeCloseTo(total - slower, 8);
    expect(changes.map(({ saves }) => saves)).toEqual(changes.map(({ saves }) => saves).sort((a, b) => b - a));
  });

  it('has nothing to say of a setting that would save nothing', () => {
    const { changes } = adviceOn({ ...asked, retentionHours: 24, monitoring: 'none' });
    expect(changes.map(({ change }) => change)).not.toContain("-c streamRetention='24 hours'");
    expect(changes.map(({ change }) => change)).not.toContain('-c operations=false');
  });
});

it('a deployment that could not run is one error that names the remedy', () => {
  expect(misfitOf({ ...asked, eventsPerSecond: 2_001 })).toContain('--shards: 2 shards take fewer than 2001');
  expect(misfitOf({ ...asked, shards: 1, eventBytes: 2_000 })).toContain('give 2 or more');
  expect(misfitOf({ ...asked, eventBytes: 1_048_576, eventsPerRecord: 100, shards: 0 })).toContain('--packed: ');
  expect(misfitOf({ ...asked, eventsPerSecond: 10_000, eventsPerRecord: 10 })).toBeUndefined();
});

it('the prices say of when and where they are', () => {
  expect(prices.date).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(prices.region).toBe('us-east-1');
});
