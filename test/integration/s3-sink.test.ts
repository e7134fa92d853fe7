import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { openTarget } from '../../functions/sinks/s3.ts';
import { DeliveryRefused } from '../../functions/state/sinks/delivery.ts';

/**
 * S3's answer to a PutObject with `If-None-Match: *` for an object that exists (API reference, PutObject,
 * PreconditionFailed).
 */
const preconditionFailed =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message><Condition>If-None-Match</Condition></Error>';

const objects = new Map<string, Buffer>();
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'GET') return response.end(objects.get(path));
      if (request.headers['if-none-match'] === '*' && objects.has(path))
        return response.writeHead(412, { 'content-type': 'application/xml' }).end(preconditionFailed);
      objects.set(path, Buffer.concat(chunks));
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => objects.clear());

const target = (format: 'json' | 'parquet') =>
  openTarget({
    sink: { name: 'objects', kind: 's3', format, prefix: 'p/' } as Sink,
    target: 'bucket',
    secret: undefined,
    secretArn: undefined,
    bucketIn: 'path',
  });

function pane(n: number, mode: 'append' | 'complete' = 'append'): Delivery {
  const window = { query: 'q', start: 0, end: 60_000, status: 'final', revision: 0, records: 1, emittedAt: n } as const;
  const whole = { ...window, rows: [{ key: { kind: 'a' }, values: { n } }] };
  return { ...whole, id: 'q/0/60000/0', pipeline: 'p', mode, ...(mode === 'complete' ? { table: [whole] } : {}) };
}

describe.each(['json', 'parquet'] as const)('an S3 sink of %s', (format) => {
  it('takes the same result twice, from another run too', async () => {
    await target(format).deliver(pane(1));
    await target(format).deliver({ ...pane(1), emittedAt: 2 });
    expect([...objects.keys()]).toEqual([expect.stringMatching(/^\/bucket\/p\/query%3Dq\/date%3D1970-01-01\//)]);
  });

  it("refuses a pane in whose place another run's result is, and leaves that as it is", async () => {
    await target(format).deliver(pane(1));
    const before = new Map(objects);
    const error = await target(format)
      .deliver(pane(2))
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DeliveryRefused);
    expect(String(error)).toMatch(/s3:\/\/bucket\/p\/query=q.*redrive/);
    expect(objects).toEqual(before);
  });

  it('keeps the table of an earlier attempt in mode complete', async () => {
    await target(format).deliver(pane(1, 'complete'));
    const before = new Map(objects);
    await target(format).deliver(pane(2, 'complete'));
    expect(objects).toEqual(before);
  });
});
