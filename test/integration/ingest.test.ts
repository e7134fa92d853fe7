import { gzipSync } from 'node:zlib';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const t0 = Date.parse('2026-01-01T00:00:00Z');
let system: System;
beforeAll(async () => {
  system = await startSystem({ pipelineFile: systemFixture('deduplicated'), shards: 4 });
});
afterAll(() => system.close());

const order = (id: number, changes: object = {}) => ({
  id: `order-${id}`,
  time: t0 + id,
  kind: 'a',
  amount: id,
  ...changes,
});

interface Posted {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly type: string;
  readonly body: {
    readonly accepted: number;
    readonly refused: number;
    readonly events: readonly { readonly [name: string]: unknown }[];
  };
}

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Posted> {
  const response = await fetch(`${system.local.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const { status } = response;
  return {
    status,
    retryAfter: response.headers.get('retry-after'),
    type: response.headers.get('content-type') ?? '',
    body: (await response.json()) as Posted['body'],
  };
}

/** Waits until this many events are received, and gives the counters. */
async function conservation(received: number) {
  return until(async () => {
    const { body } = await system.get('conservation');
    return body['received'] === received && body;
  });
}

describe('POST /v1/events', () => {
  it('takes one event, an array and lines, packed or not, each to be counted; what is sent again is counted once', async () => {
    const one = await post(JSON.stringify(order(0)));
    expect(one).toMatchObject({
      status: 202,
      body: { accepted: 1, refused: 0, events: [{ index: 0, outcome: 'accepted', status: 202 }] },
    });
    const array = Array.from({ length: 1200 }, (_, i) => order(i + 1));
    expect(await post(JSON.stringify(array))).toMatchObject({ status: 202, body: { accepted: 1200, refused: 0 } });
    const lines = Array.from({ length: 100 }, (_, i) => JSON.stringify(order(2000 + i))).join('\r\n\n');
    expect(await post(`${lines}\n`, { 'content-type': 'application/x-ndjson' })).toMatchObject({
      status: 202,
      body: { accepted: 100 },
    });
    const packed = await post(new Uint8Array(gzipSync(`${lines}\n`)), {
      'content-type': 'application/x-ndjson',
      'content-encoding': 'gzip',
    });
    expect(packed).toMatchObject({ status: 202, body: { accepted: 100 } });
    // The lines were sent twice. Their ids lead to the same shards.
    expect(await conservation(1401)).toMatchObject({ counted: 1301, duplicate: 100, rejected: 0, holds: true });
  });

  it('answers each event, puts none that it refuses, and says with its status whether they are of one kind', async () => {
    const mixed = await post(
      JSON.stringify([order(3000), { ...order(3001), amount: 'much' }, order(3002, { time: 'noon' }), 7, order(3003)]),
    );
    expect(mixed.status).toBe(207);
    expect(mixed.body).toMatchObject({ accepted: 2, refused: 3 });
    expect(mixed.body.events.map(({ outcome, reason }) => reason ?? outcome)).toEqual([
      'accepted',
      'schema',
      'schema',
      'schema',
      'accepted',
    ]);
    expect(mixed.body.events[1]?.['detail']).toMatch(/^amount: /);
    const future = await post(JSON.stringify(order(1, { time: Date.parse('2100-01-01T00:00:00Z') })));
    expect(future).toMatchObject({ status: 422, type: 'application/problem+json' });
    expect(future.body).toMatchObject({
      type: 'urn:problem-type:tidemark:events-refused',
      accepted: 0,
      refused: 1,
      events: [{ reason: 'future' }],
    });
    expect(await conservation(1403)).toMatchObject({ counted: 1303, rejected: 0, holds: true });
  });

  it('answers as the description of the API tells', async () => {
    const document = (await (await fetch(`${system.local.url}/openapi.json`)).json()) as {
      readonly paths: Readonly<Record<string, { readonly post?: unknown }>>;
    };
    expect(document.paths['/v1/events']?.post).toBeDefined();
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addSchema(document, 'openapi');
    const findings = await lintFromString({
      source: JSON.stringify(document),
      config: await createConfig({ extends: ['recommended-strict'] }),
    });
    expect(findings.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
    const holds = (name: string, body: unknown) => ajv.getSchema(`openapi#/components/schemas/${name}`)?.(body);
    expect(holds('Events', (await post(JSON.stringify([order(1), 7]))).body)).toBe(true);
    expect(holds('EventsProblem', (await post('7')).body)).toBe(true);
    expect(holds('Problem', (await post('[]')).body)).toBe(true);
    expect(holds('Events', { accepted: 1 })).toBe(false);
  });
});
