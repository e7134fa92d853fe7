import { describe, expect, test } from 'vitest';
import type { ShownRow, ShownWindow } from '../../functions/page/browser/api.ts';
import { guideOf } from '../../functions/page/browser/guide.ts';
import {
  type HistorySample,
  historyMs,
  keepHistory,
  keptHistory,
  nothingSeen,
  type SeenHistory,
  seen,
  wholeHistory,
} from '../../functions/page/browser/history.ts';
import { keysOf, othersId } from '../../functions/page/browser/keys.ts';
import { readView, writeView } from '../../functions/page/browser/view.ts';
import { zoneClock } from '../../functions/page/browser/zone-clock.ts';

const at = Date.parse;

describe('the clock of a zone', () => {
  const berlin = zoneClock('Europe/Berlin');

  test('shows calendar days, weeks and months as such, also those of 23 and 25 hours', () => {
    expect(berlin.window(at('2026-03-28T23:00Z'), at('2026-03-29T22:00Z'))).toBe('2026-03-29');
    expect(berlin.window(at('2026-10-24T22:00Z'), at('2026-10-25T23:00Z'))).toBe('2026-10-25');
    expect(berlin.window(at('2026-10-18T22:00Z'), at('2026-10-25T23:00Z'))).toBe('2026-10-19 – 2026-10-25');
    expect(berlin.window(at('2024-01-31T23:00Z'), at('2024-02-29T23:00Z'))).toBe('2024-02');
    expect(berlin.window(at('2026-01-30T23:00Z'), at('2026-02-27T23:00Z'))).toBe('2026-01-31 – 2026-02-27');
    // The same moments are no days in UTC.
    expect(zoneClock('UTC').window(at('2026-03-28T23:00Z'), at('2026-03-29T22:00Z'))).toBe(
      '2026-03-28 23:00 – 2026-03-29 22:00',
    );
  });

  test('merges start and end of a window within a day, and tells the hour that comes twice', () => {
    expect(berlin.window(at('2026-01-05T01:00Z'), at('2026-01-05T02:00Z'))).toBe('2026-01-05 02:00–03:00');
    expect(berlin.window(at('2026-01-05T22:00Z'), at('2026-01-05T23:00Z'))).toBe('2026-01-05 23:00–00:00');
    expect(berlin.window(at('2026-01-05T01:00:00.250Z'), at('2026-01-05T01:00:30Z'))).toBe(
      '2026-01-05 02:00:00.250–02:00:30',
    );
    expect(berlin.window(at('2026-10-25T00:30Z'), at('2026-10-25T01:30Z'))).toBe('2026-10-25 02:30+02–02:30+01');
    expect(zoneClock('Asia/Kolkata').window(at('2026-01-05T01:00Z'), at('2026-01-05T02:00Z'))).toBe(
      '2026-01-05 06:30–07:30',
    );
  });

  test('reads back what it shows, on both sides of a change of the clocks', () => {
    for (let ms = at('2026-03-28T00:00Z'); ms < at('2026-03-31T00:00Z'); ms += 600_000)
      expect(berlin.parse(berlin.input(ms))).toBe(ms);
    // Of the hour that comes twice, the first.
    expect(berlin.parse('2026-10-25T02:30')).toBe(at('2026-10-25T00:30Z'));
    // An hour that does not come is taken by the offset behind the change.
    expect(berlin.parse('2026-03-29T02:30')).toBe(at('2026-03-29T00:30Z'));
    expect(berlin.parse('soon')).toBeNaN();
  });

  test('is that of UTC where the browser does not know the zone', () => {
    expect(zoneClock('Mars/Olympus').time(0)).toBe('1970-01-01 00:00');
  });
});

describe('the history that a page has seen', () => {
  const sample = (seconds: number, received: number, late = 0, lagMs: number | null = 1000): HistorySample => ({
    at: seconds * 1000,
    received,
    lagMs,
    queries: { q: { counted: received - late, late } },
  });
  const afterPolls = (...samples: readonly HistorySample[]): SeenHistory => samples.reduce(seen, nothingSeen);

  test('has what came between polls, joined to stretches of ten seconds', () => {
    const { points } = afterPolls(
      sample(0, 100),
      sample(2, 120),
      sample(4, 125, 5, 3000),
      sample(10, 150, 6),
      sample(12, 160, 6),
    );
    expect(points).toEqual([
      { from: 0, to: 10_000, received: 50, lagMs: 3000, queries: { q: { counted: 44, late: 6 } } },
      { from: 10_000, to: 12_000, received: 10, lagMs: 1000, queries: { q: { counted: 10, late: 0 } } },
    ]);
  });

  test('begins with the second poll, and anew when counters go back', () => {
    expect(afterPolls(sample(0, 100)).points).toEqual([]);
    expect(afterPolls(sample(0, 100), sample(2, 120), sample(4, 3)).points).toEqual([]);
    // A clock that was set back adds nothing.
    expect(afterPolls(sample(10, 100), sample(5, 120)).points).toEqual([]);
  });

  test('goes an hour back', () => {
    const samples = Array.from({ length: 500 }, (_, i) => sample(i * 30, i));
    const { points } = afterPolls(...samples);
    expect(points).toHaveLength(historyMs / 30_000);
    expect(points[0]?.to).toBeGreaterThan(499 * 30_000 - historyMs);
  });

  test('follows on what was measured, without counting a minute twice', () => {
    const own = afterPolls(sample(600, 100), sample(660, 160));
    const point = (minute: number) => ({ at: minute * 60_000, received: minute, lagMs: null, queries: {} });
    const measured = { source: 'CloudWatch', points: [8, 9, 10].map(point) };
    const whole = wholeHistory(own, measured, 660_000);
    expect(whole.map(({ from, to, received }) => [from, to, received])).toEqual([
      [480_000, 540_000, 8],
      [540_000, 600_000, 9],
      [600_000, 660_000, 60],
    ]);
    expect(wholeHistory(nothingSeen, undefined, 0)).toEqual([]);
  });

  test('outlives a reload, and what it cannot read or keep does not matter', () => {
    const kept = new Map<string, string>();
    const store = {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (n: string, t: string) => void kept.set(n, t),
    };
    const history = afterPolls(sample(0, 1), sample(2, 2));
    keepHistory(store, 'here', history);
    expect(keptHistory(store, 'here')).toEqual(history);
    expect(keptHistory(store, 'elsewhere')).toEqual(nothingSeen);
    kept.set('here', '{');
    expect(keptHistory(store, 'here')).toEqual(nothingSeen);
    keepHistory(
      {
        ...store,
        setItem: () => {
          throw new Error('full');
        },
      },
      'here',
      history,
    );
    expect(keptHistory(undefined, 'here')).toEqual(nothingSeen);
  });
});

describe('the keys of a chart', () => {
  const name = (key: number) => `k${String(key).padStart(2, '0')}`;
  const rowOf = (key: number, n: number): ShownRow => ({ key: { k: name(key) }, values: { n } });
  const rows = Array.from({ length: 50 }, (_, key) => rowOf(key, key + 1));
  const windowOf = (start: number, own: readonly ShownRow[]): ShownWindow => ({
    start,
    end: start + 1,
    status: 'open',
    records: 1,
    rows: own,
  });
  const windows = [windowOf(0, rows), windowOf(1, [rowOf(0, 5)])];
  const totals = rows.map((row, key) => (key === 0 ? rowOf(0, 6) : row));
  const choice = { aggregate: 'n', isAdditive: true, totals, pins: [] };

  test('are the eight with the greatest totals, and all others together', () => {
    const { all, series } = keysOf(windows, choice);
    expect(all).toHaveLength(50);
    expect(all[0]).toMatchObject({ label: 'k49', total: 50 });
    expect(series.map(({ label }) => label)).toEqual([
      ...Array.from({ length: 8 }, (_, i) => name(42 + i)),
      '42 others',
    ]);
    expect(series.at(-1)).toMatchObject({ id: othersId, place: undefined, values: [(42 * 43) / 2, 5] });
    const sum = (at: number) => series.reduce((total, { values }) => total + (values[at] ?? 0), 0);
    expect([sum(0), sum(1)]).toEqual([(50 * 51) / 2, 5]);
  });

  test('hold pinned ones in the place of the least, and no sum of what cannot be added up', () => {
    const pins = [JSON.stringify({ k: 'k03' }), JSON.stringify({ k: 'gone' })];
    const { series } = keysOf(windows, { ...choice, isAdditive: false, pins });
    expect(series.map(({ label }) => label)).toEqual(['k03', ...Array.from({ length: 7 }, (_, i) => name(43 + i))]);
  });

  test('of few keys are all of them by name', () => {
    const { all, series } = keysOf([windowOf(0, rows.slice(0, 3))], { ...choice, totals: rows.slice(0, 3) });
    expect(all.map(({ label }) => label)).toEqual(['k00', 'k01', 'k02']);
    expect(series.map(({ place }) => place)).toEqual([0, 1, 2]);
  });
});

describe('what to do where nothing has come yet', () => {
  const health = { pipeline: 'orders', source: 'kinesis', stream: 'tidemark-orders', stack: null, port: 4500 } as const;
  const commands = (given: Parameters<typeof guideOf>[0]) => guideOf(given).commands.map(([, command]) => command);

  test('is a command for where the page runs: the port here, the stack where it is deployed, else the stream', () => {
    expect(commands(health)[0]).toBe('npx tidemark replay events/*.json --port 4500');
    expect(commands({ ...health, stack: 'counts', port: null })[0]).toBe(
      'npx tidemark replay events/*.json --stack counts',
    );
    expect(commands({ ...health, port: null })[0]).toBe('npx tidemark replay events/*.json --stream tidemark-orders');
    expect(commands({ ...health, pipeline: 'device-actions' })[0]).toBe('npx tidemark sample open-close --out events');
    expect(commands({ ...health, source: 'kafka', stream: 'topic' })).toEqual([]);
  });
});

describe('the view in an address', () => {
  test('is the same when it is read again', () => {
    for (const search of [
      '',
      'query=q&aggregate=sum&last=12&filter=a+b&sort=k',
      'span=1d&form=stack&zone=yours&pin=%7B%22k%22%3A1%7D&pin=%7B%22k%22%3A2%7D&find=oak',
      'from=2026-01-05T00%3A00%3A00Z&to=0',
    ])
      expect(writeView(readView(`?${search}`))).toBe(search);
  });

  test('takes nothing that it does not know', () => {
    expect(writeView(readView('?last=0&span=2d&form=cake&zone=mars&other=1'))).toBe('');
  });
});
