import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { totalsOf } from '../../functions/core/fold/totals.ts';
import { createStaticRun, type StaticWindow, staticAnswer } from '../../functions/core/static/static-run.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import latency from '../../pipelines/latency.ts';
import leaderboard from '../../pipelines/leaderboard.ts';
import sales from '../../pipelines/sales.ts';
import { logClock } from '../fixtures/log-clock.ts';

const examples = join(dirname(fileURLToPath(import.meta.url)), '../../examples');
const shards = ['shardId-000000000000', 'shardId-000000000001'];
const now = Date.parse('2026-06-01T00:00:00Z');

const linesOf = (name: string): readonly string[] =>
  readFileSync(join(examples, name, `${name}.ndjson`), 'utf8')
    .trimEnd()
    .split('\n');
const eventsOf = <Event>(name: string): readonly Event[] => linesOf(name).map((line) => JSON.parse(line) as Event);

/** The windows that `tidemark batch` prints. */
function asFiles(pipeline: Pipeline, lines: readonly string[]): readonly StaticWindow[] {
  const run = createStaticRun(pipeline);
  for (const line of lines) expect(run.add(line, now).outcome).toBe('accepted');
  return staticAnswer(pipeline, [run.part()]).windows;
}

/**
 * The windows that `tidemark stream` prints: batches of two shards by turns, each delivered twice, then a drain. Finals
 * are as the API reads them.
 */
async function asStream(pipeline: Pipeline, lines: readonly string[]) {
  const tables = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable() };
  const aggregators = shards.map((shardId) => shardAggregator({ ...logClock, pipeline, ...tables, shardId }));
  for (let at = 0; at < lines.length; at += 40) {
    const batch = lines.slice(at, at + 40).map((text, i) => ({
      sequenceNumber: String(at + i + 1),
      arrival: now,
      partitionKey: 'p',
      events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
    }));
    for (let delivery = 0; delivery < 2; delivery++)
      for (const [shard, aggregator] of aggregators.entries())
        await aggregator.apply(
          batch.filter((_, i) => i % 2 === shard),
          () => 60_000,
        );
  }
  const stream = {
    identity: async () => ({ name: 'stream', createdAt: 0 }),
    listShards: async () => shards.map((shardId) => ({ shardId, closed: false })),
    tail: async () => 'nothing' as const,
  };
  const options = {
    pipeline,
    ...tables,
    stream,
    limit: pLimit(8),
    publish: async () => undefined,
    now: () => now,
    runId: 'run',
  };
  const { counters, drained } = await finalize(
    { ...options, remainingMs: () => 60_000, retentionMs: 86_400_000 },
    'drain',
  );
  expect({ drained, counted: counters.counted, late: counters.late }).toEqual({
    drained: true,
    counted: lines.length,
    late: 0,
  });
  const range = {
    from: Number.NEGATIVE_INFINITY,
    to: Number.POSITIVE_INFINITY,
    order: 'ascending',
    limit: Number.POSITIVE_INFINITY,
  } as const;
  const views = await Promise.all(
    pipeline.queries.map((query) =>
      readWindows({ pipeline, ...tables }, query, { ...range, from: 0, to: now, status: 'final' }),
    ),
  );
  return views.flat();
}

const shown = (windows: readonly Pick<StaticWindow, 'query' | 'start' | 'end' | 'records' | 'rows'>[]) =>
  windows.map(({ query, start, end, records, rows }) => JSON.stringify({ query, start, end, records, rows })).sort();

describe.each([
  ['leaderboard', leaderboard],
  ['latency', latency],
  ['sales', sales],
] as const)('the example %s', (name, pipeline) => {
  it('gives the same bytes of its files and of its stream, whose batches come twice, and the same totals', async () => {
    const lines = linesOf(name);
    const [files, stream] = [asFiles(pipeline, lines), await asStream(pipeline, lines)];
    expect(files.length).toBeGreaterThan(0);
    expect(shown(stream)).toEqual(shown(files));
    for (const query of pipeline.queries) {
      const [one, other] = [files, stream].map((windows) =>
        totalsOf(
          query,
          windows.filter((window) => window.query === query.name),
          [],
        ),
      );
      expect(JSON.stringify(other)).toBe(JSON.stringify(one));
    }
  });
});

describe('the leaderboard', () => {
  it('names the three who won most often in an hour, and who had the best score', () => {
    type Round = { time: string; game: string; winner: string; points: number };
    const rounds = eventsOf<Round>('leaderboard').filter(
      ({ time, game }) => time.startsWith('2026-03-01T21') && game === 'chess',
    );
    const wins = new Map<string, number>();
    for (const { winner } of rounds) wins.set(winner, (wins.get(winner) ?? 0) + 1);
    const best = [...wins].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 3);
    const window = asFiles(leaderboard, linesOf('leaderboard')).find(
      ({ start }) => start === Date.parse('2026-03-01T21:00:00Z'),
    );
    expect(window?.rows.find(({ key }) => key['game'] === 'chess')?.values).toEqual({
      rounds: rounds.length,
      winners: { error: 0, items: best.map(([value, count]) => ({ count, value })), overflow: false },
      bestPlayer: rounds.reduce((left, right) => (right.points > left.points ? right : left)).winner,
      players: wins.size,
    });
  });
});

describe('the latency of the last hour', () => {
  it('is that of the requests of the hour, every minute', () => {
    type Request = { time: number; service: string; ms: number; status: number };
    const requests = eventsOf<Request>('latency');
    const windows = asFiles(latency, linesOf('latency'));
    const minutes = windows.map(({ start }) => start / 60_000);
    expect(minutes).toEqual(Array.from({ length: minutes.length }, (_, i) => (minutes[0] ?? 0) + i));
    for (const { start, end, rows } of windows) {
      for (const { key, values } of rows) {
        const inside = requests.filter(
          ({ time, service }) => time >= start && time < end && service === key['service'],
        );
        const sorted = inside.map(({ ms }) => ms).sort((left, right) => left - right);
        const { p50, p99 } = values['latency'] as { p50: number; p99: number };
        const exact = [0.5, 0.99].map((share) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
        expect(values).toMatchObject({
          requests: inside.length,
          failed: inside.filter(({ status }) => status >= 500).length,
        });
        for (const [i, found] of [p50, p99].entries())
          expect(Math.abs(found - (exact[i] ?? 0)) / (exact[i] ?? 0)).toBeLessThanOrEqual(0.01 + 1e-9);
      }
    }
  });
});

describe('the sales by calendar day', () => {
  it('have a day of 23 hours where clocks are put forward, and days of 24 elsewhere, each to the cent', () => {
    type Sale = { time: string; currency: string; amount: string };
    const all = eventsOf<Sale>('sales');
    const windows = asFiles(sales, linesOf('sales'));
    const hours = (query: string) =>
      windows.filter((window) => window.query === query).map(({ start, end }) => (end - start) / 3_600_000);
    expect(hours('newYork')).toEqual([24, 23, 24, 24]);
    expect(hours('berlin')).toEqual([24, 24, 24, 24]);
    expect(hours('tokyo')).toEqual([24, 24, 24]);
    for (const { start, end, rows } of windows) {
      for (const { key, values } of rows) {
        const inside = all.filter(
          ({ time, currency }) => Date.parse(time) >= start && Date.parse(time) < end && currency === key['currency'],
        );
        const cents = inside.reduce((total, { amount }) => total + Number(amount.replace('.', '')), 0);
        expect(values).toEqual({
          orders: inside.length,
          revenue: cents / 100,
          meanOrder: cents / (100 * inside.length),
        });
      }
    }
  });
});
