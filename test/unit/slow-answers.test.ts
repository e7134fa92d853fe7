import { describe, expect, it } from 'vitest';
import { mostReadMs } from '../../functions/api/request-time.ts';
import { apiWorld, type Step, type WindowsPage } from '../property/api-world.ts';

interface TotalsJson {
  readonly windows: number;
  readonly missing: { readonly what: string; readonly from: number; readonly fromTime: string } | null;
  readonly totals: readonly { readonly values: { readonly n: number } }[];
}

const finals = 700;
const open = 60;
const steps = (from: number, count: number): readonly Step[] =>
  Array.from({ length: count }, (_, i) => ({ do: 'put', time: (from + i) * 10 }) as const);

/** So many final windows of one record, and open ones; each call of the API takes as long as `clock` says. */
async function world() {
  const clock = { readMs: 0 };
  const api = apiWorld(() => clock.readMs);
  await api.play(steps(0, finals));
  // The watermark stands 3 ms before the last record: its window and the one before are open.
  await api.play([{ do: 'finalize' }, { do: 'finalize' }]);
  await api.play(steps(finals, open));
  return { api, clock };
}

/** The API only reads. */
const made = world();

const totalsOf = async (response: Response): Promise<TotalsJson> => {
  expect(response.status).toBe(200);
  return (await response.json()) as TotalsJson;
};
const sum = ({ totals }: TotalsJson) => totals.reduce((total, { values }) => total + values.n, 0);

describe('an answer that takes long', () => {
  it('of totals is whole where there is time, final and open windows alike', async () => {
    const { api, clock } = await made;
    clock.readMs = 0;
    const whole = await totalsOf(await api.ask('tumbling/totals'));
    expect(whole).toMatchObject({ windows: finals + open, missing: null });
    expect(sum(whole)).toBe(finals + open);
    for (const status of ['final', 'open']) {
      const part = await totalsOf(await api.ask(`tumbling/totals?status=${status}`));
      expect(part.missing).toBeNull();
      expect(sum(part)).toBe(part.windows);
    }
    const middle = await totalsOf(await api.ask('tumbling/totals?from=100&to=7200'));
    expect(middle).toMatchObject({ windows: 710, missing: null });
  });

  it('of totals says what is missing, and the rest can be asked for', async () => {
    const { api, clock } = await made;
    const lengths = new Set<string>();
    for (const share of [2, 3, 4, 6, 8, 12, 20, 40]) {
      clock.readMs = mostReadMs / share;
      const response = await api.ask('tumbling/totals');
      clock.readMs = 0;
      if (response.status === 503) continue;
      const part = await totalsOf(response);
      if (part.missing === null) {
        expect(sum(part)).toBe(finals + open);
        continue;
      }
      lengths.add(part.missing.what);
      const { from, what } = part.missing;
      const before = await totalsOf(await api.ask(`tumbling/totals?to=${from}`));
      expect(sum(part)).toBeGreaterThanOrEqual(what === 'windows' ? sum(before) : finals - 2);
      const rest = await totalsOf(await api.ask(`tumbling/totals?from=${from}`));
      expect(sum(before) + sum(rest)).toBe(finals + open);
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
    expect([...lengths]).toContain('windows');
  });

  it('of totals as rows, which cannot say what is missing, is refused', async () => {
    const { api, clock } = await made;
    clock.readMs = mostReadMs / 6;
    for (const accept of ['text/csv', 'application/x-ndjson']) {
      const response = await api.ask('tumbling/totals', accept);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ type: 'urn:problem-type:tidemark:answer-too-slow' });
    }
  });

  it('is a problem that says how to ask for less, when there is no time for anything', async () => {
    const { api, clock } = await made;
    clock.readMs = mostReadMs;
    for (const path of ['tumbling/totals', 'tumbling/windows', 'tumbling/top', 'tumbling/windows/0']) {
      const response = await api.ask(path);
      expect([path, response.status]).toEqual([path, 503]);
      expect(await response.json()).toMatchObject({ type: 'urn:problem-type:tidemark:answer-too-slow', status: 503 });
    }
  });

  it('of windows is a shorter page, and the cursor leads to all of them', async () => {
    const { api, clock } = await made;
    const pages: (readonly number[])[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const behind: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      // Each open window costs a call: all of them take more than half of the time, a few do not.
      clock.readMs = pages.length === 0 ? mostReadMs / 60 : 0;
      const response = await api.ask(`tumbling/windows?status=open&limit=60${behind}`);
      expect(response.status).toBe(200);
      const page = (await response.json()) as WindowsPage;
      pages.push(page.windows.map(({ start }) => start));
      cursor = page.cursor;
    }
    expect(pages[0]).toHaveLength(3);
    expect(pages.flat()).toEqual(Array.from({ length: open + 2 }, (_, i) => (finals - 2 + i) * 10));
  });
});
