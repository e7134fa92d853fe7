import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { queryApp } from '../../functions/api/app.ts';
import { cloudWatchHistory } from '../../functions/edge/metric-history.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import pipeline from '../corpus/pipeline.ts';

/** The clock of the recording, and its three minutes. */
const recordedAt = 1_795_975_235_000;
const minutes = [1_795_975_020, 1_795_975_080, 1_795_975_140];
const [first = 0] = minutes;

/**
 * The answer of GetMetricData as ministack 1.5.33 gave it to this very request, after PutMetricData of three minutes
 * (2026-11-29). The client in front of it is the SDK's own.
 */
const recorded = {
  MetricDataResults: [
    { Id: 'received', Label: 'received', Timestamps: minutes, Values: [1200, 60, 600], StatusCode: 'Complete' },
    { Id: 'lag', Label: 'lag', Timestamps: minutes, Values: [3.6e6, 3.601e6, 3.602e6], StatusCode: 'Complete' },
    { Id: 'counted0', Label: 'counted0', Timestamps: minutes, Values: [1190, 60, 590], StatusCode: 'Complete' },
    { Id: 'late0', Label: 'late0', Timestamps: minutes, Values: [10, 0, 10], StatusCode: 'Complete' },
    { Id: 'counted1', Label: 'counted1', Timestamps: [], Values: [], StatusCode: 'Complete' },
    { Id: 'late1', Label: 'late1', Timestamps: [], Values: [], StatusCode: 'Complete' },
  ],
};

interface Asked {
  readonly StartTime: number;
  readonly EndTime: number;
  readonly MetricDataQueries: readonly {
    readonly Id: string;
    readonly MetricStat: {
      readonly Metric: {
        readonly Namespace: string;
        readonly MetricName: string;
        readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
      };
      readonly Period: number;
      readonly Stat: string;
    };
  }[];
}

const asked: Asked[] = [];
let status = 200;
let server: Server;
let endpoint: string;
beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push(JSON.parse(Buffer.concat(chunks).toString()) as Asked);
    const refusal = { __type: 'AccessDeniedException', message: 'is not authorized to perform: GetMetricData' };
    response
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
      .end(JSON.stringify(status === 200 ? recorded : refusal));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.splice(0);
  status = 200;
});

const reader = (now: () => number) =>
  cloudWatchHistory({ deployment: 'counts', queries: ['perHour', 'perDay'], now, endpoint });

describe('the history of a deployment', () => {
  it('is what the functions have measured, by minute, of this deployment alone', async () => {
    const history = await reader(() => recordedAt)();
    expect(history).toEqual({
      from: 1_795_971_660_000,
      to: 1_795_975_260_000,
      points: [
        { at: first * 1000, received: 1200, lagMs: 3.6e6, queries: { perHour: { counted: 1190, late: 10 } } },
        { at: (first + 60) * 1000, received: 60, lagMs: 3.601e6, queries: { perHour: { counted: 60, late: 0 } } },
        { at: (first + 120) * 1000, received: 600, lagMs: 3.602e6, queries: { perHour: { counted: 590, late: 10 } } },
      ],
    });
    const [{ StartTime, EndTime, MetricDataQueries } = { StartTime: 0, EndTime: 0, MetricDataQueries: [] }] = asked;
    expect([StartTime, EndTime]).toEqual([1_795_971_660, 1_795_975_260]);
    expect(MetricDataQueries).toHaveLength(6);
    expect(MetricDataQueries[2]).toEqual({
      Id: 'counted0',
      MetricStat: {
        Metric: {
          Namespace: 'Tidemark',
          MetricName: 'pairsCounted',
          Dimensions: [
            { Name: 'service', Value: 'counts' },
            { Name: 'function', Value: 'aggregate' },
            { Name: 'query', Value: 'perHour' },
          ],
        },
        Period: 60,
        Stat: 'Sum',
      },
    });
  });

  it('is asked for once a minute, however many want it, and a failure is not asked for again at once', async () => {
    let clock = recordedAt;
    const read = reader(() => clock);
    await Promise.all([read(), read()]);
    clock += 59_999;
    await read();
    expect(asked).toHaveLength(1);
    clock += 1;
    status = 400;
    await expect(read()).rejects.toThrow(/not authorized/);
    await expect(read()).rejects.toThrow(/not authorized/);
    expect(asked).toHaveLength(2);
    clock += 60_000;
    status = 200;
    expect((await read()).points).toHaveLength(3);
  });

  it('asks for the first hundred queries of a pipeline that has more', async () => {
    const queries = Array.from({ length: 150 }, (_, i) => `query${i}`);
    await cloudWatchHistory({ deployment: 'counts', queries, now: () => recordedAt, endpoint })();
    expect(asked[0]?.MetricDataQueries).toHaveLength(202);
  });

  it('is empty where nothing keeps measurements', async () => {
    const meter = { readUnits: 0, writeUnits: 0, refusedWrites: 0 };
    const tables = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable(), meter };
    const ask = async (history: ReturnType<typeof reader> | undefined) => {
      const errors: Error[] = [];
      const app = queryApp({
        pipeline,
        tables,
        now: () => recordedAt,
        newSecret: () => 'secret',
        history,
        onError: (error) => errors.push(error),
      });
      const response = await app.request('/v1/history');
      return { status: response.status, body: await response.json(), errors };
    };
    expect(await ask(undefined)).toEqual({
      status: 200,
      body: { source: null, from: null, fromTime: null, to: null, toTime: null, points: [] },
      errors: [],
    });
    expect(await ask(reader(() => recordedAt))).toMatchObject({
      body: {
        source: 'CloudWatch',
        toTime: '2026-11-29T18:01:00.000Z',
        points: [{ atTime: '2026-11-29T17:57:00.000Z', received: 1200 }, {}, {}],
      },
    });
    status = 400;
    expect(await ask(reader(() => recordedAt))).toMatchObject({ status: 500, errors: [{}] });
  });
});
