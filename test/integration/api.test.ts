import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/app.ts';
import { type ApiAnswer, hourMs, kinds, type QueryApi, startQueryApi, t0, windowCount } from '../corpus/query-api.ts';
import { writePane } from '../fixtures/written-pane.ts';

let api: QueryApi;
beforeAll(async () => {
  api = await startQueryApi();
});
afterAll(() => api.close());

const windows = '/v1/queries/byKind/windows';
const one = `key=${encodeURIComponent('{"kind":"a"}')}`;
const get = (target: string, headers: Readonly<Record<string, string>> = {}) => api.request('GET', target, headers);

/** A request for each path of the API. */
const targets: Readonly<Record<string, string>> = {
  '/v1/queries': '/v1/queries',
  '/v1/queries/{query}/windows': `${windows}?limit=3`,
  '/v1/queries/{query}/windows/{start}': `${windows}/${t0}`,
  '/v1/queries/{query}/windows/{start}/revisions': `${windows}/${t0}/revisions`,
  '/v1/queries/{query}/totals': '/v1/queries/byKind/totals?by=kind',
  '/v1/queries/{query}/top': '/v1/queries/byKind/top?n=2',
  '/v1/queries/{query}/series': `/v1/queries/byKind/series?${one}&fill=identity&from=${t0}`,
  '/v1/late': '/v1/late?limit=3',
  '/v1/watermark': '/v1/watermark',
  '/v1/conservation': '/v1/conservation',
  '/v1/health': '/v1/health',
  '/v1/sinks': '/v1/sinks',
  '/v1/operations': '/v1/operations',
  '/v1/history': '/v1/history',
};

describe('/openapi.json', () => {
  it('has no finding of redocly', async () => {
    const { text } = await get('/openapi.json');
    const config = await createConfig({ extends: ['recommended-strict'] });
    const problems = await lintFromString({ source: text, config });
    expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual(
      [],
    );
  });

  it('tells of every path, and every answer is as it tells', async () => {
    const document = (await get('/openapi.json')).body as {
      readonly paths: Readonly<Record<string, { readonly get: unknown }>>;
    };
    expect(Object.keys(document.paths).sort()).toEqual(Object.keys(targets).sort());
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addSchema(document, 'openapi');
    for (const { path, answers } of routes) {
      const { status, body } = await get(targets[path] ?? '');
      expect(status, path).toBe(200);
      const validate = ajv.getSchema(`openapi#/components/schemas/${answers}`);
      expect(validate?.(body), `${path}: ${JSON.stringify(validate?.errors)}`).toBe(true);
    }
    const problem = ajv.getSchema('openapi#/components/schemas/Problem');
    expect(problem?.((await get(`${windows}?limit=0`)).body), JSON.stringify(problem?.errors)).toBe(true);
    // A schema that accepts anything proves nothing.
    expect(ajv.getSchema('openapi#/components/schemas/Windows')?.({ windows: [{}], cursor: null })).toBe(false);
  });
});

describe('answers', () => {
  it('carry times twice, and what holds the watermark', async () => {
    const [window] = (await get(`${windows}?from=${t0}&limit=1`)).body['windows'] as readonly Readonly<
      Record<string, unknown>
    >[];
    expect(window).toMatchObject({
      start: t0,
      startTime: '2026-01-01T00:00:00.000Z',
      finalizedAtTime: expect.stringMatching(/Z$/),
    });
    expect((await get('/v1/watermark')).body).toMatchObject({
      heldBy: 'shardId-000000000000',
      watermarkTime: '2026-01-01T07:00:00.000Z',
      shards: [{ maxEventTimeIso: '2026-01-01T07:00:00.000Z', state: 'holding' }],
    });
  });

  it('rank the rows of a window, and follow a key over windows', async () => {
    const top = (await get(`/v1/queries/byKind/top?window=${t0}&n=3`)).body;
    expect(top).toMatchObject({ by: 'n', window: { start: t0, status: 'final' }, rows: [{}, {}, {}] });
    const points = (await get(`/v1/queries/byKind/series?${one}`)).body['points'] as readonly Readonly<
      Record<string, unknown>
    >[];
    expect(points).toHaveLength(windowCount + 1);
    expect(points.at(-1)).toMatchObject({ start: t0 + (windowCount - 1) * hourMs, status: 'open', values: { n: 1 } });
    const other = `key=${encodeURIComponent('{"kind":"b"}')}`;
    const filled = (await get(`/v1/queries/byKind/series?${other}&fill=identity&from=${t0 - 5 * hourMs}&limit=2`)).body;
    expect(filled['points']).toMatchObject([{ start: t0 }, { start: t0 + hourMs }]);
    const next = (
      await get(`/v1/queries/byKind/series?${other}&fill=identity&from=${t0 - 5 * hourMs}&cursor=${filled['cursor']}`)
    ).body;
    expect((next['points'] as readonly unknown[]).length).toBe(windowCount - 2);
  });

  it('may be kept when nothing in them changes any more, and are not sent twice', async () => {
    const final = await get(`${windows}?from=${t0}&to=${t0 + 2 * hourMs}`);
    expect(final.headers['cache-control']).toBe('private, max-age=86400');
    const tag = String(final.headers['etag']);
    const again = await get(`${windows}?from=${t0}&to=${t0 + 2 * hourMs}`, { 'if-none-match': tag });
    expect([again.status, again.text]).toEqual([304, '']);
    for (const target of [
      windows,
      `${windows}?from=${t0}`,
      `${windows}?from=${t0}&to=${t0 + 100 * hourMs}`,
      '/v1/watermark',
      '/v1/late',
      `${windows}?limit=0`,
    ])
      expect((await get(target)).headers['cache-control'], target).toBe('no-store');
  });

  it('come as CSV and as NDJSON, a row a line, with the next page in a header', async () => {
    const csv = await get(`${windows}?from=${t0}&limit=1`, { accept: 'text/csv' });
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    const lines = csv.text.split('\r\n');
    expect(lines[0]).toBe('query,start,startTime,end,endTime,status,revision,kind,n');
    expect(lines).toHaveLength(kinds.length + 2);
    expect(lines.find((line) => line.includes('""""'))).toContain(',final,0,"""",1');
    const next = /^<(\?[^>]+)>; rel="next"$/.exec(String(csv.headers['link']))?.[1] ?? '';
    expect((await get(`${windows}${next}`)).body).toMatchObject({ windows: [{ start: t0 + hourMs }] });
    const ndjson = await get('/v1/queries/byKind/totals?by=', { accept: 'application/x-ndjson' });
    expect(JSON.parse(ndjson.text)).toMatchObject({ query: 'byKind', n: 1 + windowCount * kinds.length });
    for (const target of Object.values(targets).filter((path) => /windows|totals|top|series|late/.test(path))) {
      const rows = (await get(target, { accept: 'text/csv' })).text.split('\r\n').filter((line) => line !== '');
      const objects = (await get(target, { accept: 'application/x-ndjson' })).text
        .split('\n')
        .filter((line) => line !== '');
      expect(rows.length - 1, target).toBe(objects.length);
      expect(Object.keys(JSON.parse(objects[0] ?? '{}')).sort(), target).toEqual(
        [...(rows[0] ?? '').split(',')].sort(),
      );
    }
  });

  it('take formulas=raw for every list, and refuse another word', async () => {
    const raw = await get(`${windows}?from=${t0}&limit=1&formulas=raw`, { accept: 'text/csv' });
    expect([raw.status, raw.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
    expect((await get(`${windows}?formulas=cooked`)).status).toBe(400);
  });

  it.each([
    ['*/*', 'application/json'],
    ['text/html, application/json;q=0.5', 'application/json'],
    ['text/csv;q=0.5, application/x-ndjson', 'application/x-ndjson'],
    ['text/*', 'text/csv; charset=utf-8'],
  ])('are of the type that is liked best: %s', async (accept, type) => {
    expect((await get(windows, { accept })).headers['content-type']).toBe(type);
  });

  it.each(['image/png', 'application/json;q=0', 'text/html', ''])(
    'are refused when they are wanted as %j',
    async (accept) => {
      const { status, body } = await get(windows, { accept });
      expect({ status, parameter: body['parameter'] }).toEqual({ status: 406, parameter: 'accept' });
    },
  );

  it('of a HEAD request have no body, and the same headers', async () => {
    const [head, whole]: readonly ApiAnswer[] = await Promise.all([api.request('HEAD', windows), get(windows)]);
    expect([head?.status, head?.text, head?.headers['content-type']]).toEqual([
      200,
      '',
      whole?.headers['content-type'],
    ]);
  });
});

describe('a cursor', () => {
  it('belongs to one list, asked in one way', async () => {
    const page = (await get(`${windows}?limit=1&from=${t0}`)).body;
    const cursor = String(page['cursor']);
    expect((await get(`${windows}?limit=2&from=${t0}&cursor=${cursor}`)).body).toMatchObject({
      windows: [{ start: t0 + hourMs }, {}],
    });
    const others = [
      `${windows}?cursor=${cursor}`,
      `${windows}?from=${t0}&order=descending&cursor=${cursor}`,
      `/v1/queries/weekly/windows?from=${t0}&cursor=${cursor}`,
      `/v1/late?cursor=${cursor}`,
      `${windows}?from=${t0}&cursor=${cursor.replace(/.\./, 'A.')}x`,
    ];
    for (const target of others)
      expect((await get(target)).body, target).toMatchObject({ status: 400, parameter: 'cursor' });
  });
});

describe('what an answer costs', () => {
  it('a page of 1,000 final rows takes at most two requests to the tables', async () => {
    const query = api.pipeline.queries[0];
    if (query === undefined) throw new Error('no query');
    const far = Date.parse('2020-01-01T00:00:00Z');
    const partials = new Map(Array.from({ length: 100 }, (_, i) => [`["key ${i}"]`, [i]]));
    for (let hour = 0; hour < 12; hour++) {
      const start = far + hour * hourMs;
      await writePane(api.tables.windows, query, { start, end: start + hourMs }, { partials, records: 1, nowMs: t0 });
    }
    const before = api.requests();
    const { body } = await get(`${windows}?from=${far}&to=${far + 100 * hourMs}&status=final&limit=10`);
    expect(api.requests() - before).toBeLessThanOrEqual(2);
    const rows = (body['windows'] as readonly { readonly rows: readonly unknown[] }[]).flatMap((window) => window.rows);
    expect(rows).toHaveLength(1000);
  });
});
