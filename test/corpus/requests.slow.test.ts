import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem } from './problem.ts';
import { kinds, type QueryApi, startQueryApi, windowCount } from './query-api.ts';
import { requests } from './requests.ts';

let api: QueryApi;

beforeAll(async () => {
  api = await startQueryApi();
});
afterAll(async () => {
  await api.close();
});

describe('a hostile request', () => {
  it.each(requests.map(({ name, ...request }) => [name, request] as const))(
    'has one answer: %s',
    async (_name, { method = 'GET', target, outcome }) => {
      const { status, headers, body } = await api.request(method, target);
      expect(api.errors).toEqual([]);
      if ('holds' in outcome) {
        expect({ status, body }).toMatchObject({ status: 200, body: outcome.holds });
        return;
      }
      expect({ status, type: String(headers['content-type']) }).toEqual({
        status: outcome.status,
        type: 'application/problem+json',
      });
      expectProblem(body, status, outcome);
      expect(String(body['instance']).length).toBeLessThanOrEqual(200);
      if (status === 405) expect(String(headers['allow'])).toBe('GET, HEAD');
    },
  );
});

describe('pages of one', () => {
  const page = async (target: string) => {
    const { status, body } = await api.request('GET', target);
    expect(status).toBe(200);
    return body;
  };

  it.each(['ascending', 'descending'])('join to all windows, %s', async (order) => {
    const starts: number[] = [];
    let cursor: unknown;
    do {
      const body = await page(
        `/v1/queries/byKind/windows?limit=1&order=${order}${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`,
      );
      starts.push(
        ...(body['windows'] as readonly { start: number; rows: readonly unknown[] }[]).map(({ start }) => start),
      );
      cursor = body['cursor'];
    } while (cursor !== null && starts.length < 100);
    const sorted = [...starts].sort((left, right) => (order === 'ascending' ? left - right : right - left));
    expect(starts).toEqual(sorted);
    expect(new Set(starts).size).toBe(windowCount + 1);
  });

  it('join to the whole side output', async () => {
    const whole = (await page('/v1/late'))['events'];
    const joined: unknown[] = [];
    let cursor: unknown;
    do {
      const body = await page(`/v1/late?limit=1${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`);
      joined.push(...(body['events'] as readonly unknown[]));
      cursor = body['cursor'];
    } while (cursor !== null && joined.length < 100);
    expect(joined).toEqual(whole);
  });

  it('are of a stream whose events are all there', async () => {
    const body = await page('/v1/conservation');
    expect(body).toMatchObject({ holds: true, counted: 1 + windowCount * kinds.length + 30, rejected: 3 });
  });
});
