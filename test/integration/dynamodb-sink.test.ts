import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import dynalite from 'dynalite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { openTarget } from '../../functions/sinks/dynamodb.ts';
import { DeliveryRefused, type SinkTarget } from '../../functions/state/sinks/delivery.ts';
import { ensureTargets } from '../../infra/local/resources/resources.ts';

let server: Server;
let client: DynamoDBClient;
let tables = 0;

beforeAll(async () => {
  server = dynalite({ createTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `http://127.0.0.1:${port()}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  client = new DynamoDBClient({});
});
afterAll(async () => {
  client.destroy();
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const port = () => (server.address() as AddressInfo).port;

interface Opened {
  readonly target: SinkTarget;
  items(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A new table, and a function that reads its items. */
async function open(): Promise<Opened> {
  const name = `sink-${tables++}`;
  await ensureTargets([{ kind: 'dynamodb', target: name }], { kinesis: 0, dynamodb: port() });
  const sink = { name: 'items' } as Sink;
  return {
    target: openTarget({ sink, target: name, secret: undefined, secretArn: undefined, bucketIn: 'path' }),
    async items() {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: name }));
      const key = (item: Readonly<Record<string, unknown>>) => `${item['query']} ${item['window']}`;
      return Items.map((item) => unmarshall(item)).sort((left, right) => (key(left) < key(right) ? -1 : 1));
    },
  };
}

interface PaneOptions {
  readonly n: number;
  readonly revision?: number;
  readonly pipeline?: string;
  readonly emittedAt?: number;
  /** Rows of 100 KB each. @default one small row */
  readonly large?: number;
}

function pane({ n, revision = 0, pipeline = 'p', emittedAt = 1, large }: PaneOptions): Delivery {
  const padding = large === undefined ? '' : 'x'.repeat(100 * 1024);
  const rows = Array.from({ length: large ?? 1 }, (_, i) => ({
    key: { kind: `k${i}` },
    values: { n, nested: { b: 1, a: [n, null] }, padding },
  }));
  const window = { query: 'q', start: 0, end: 60_000, status: 'final' as const, records: rows.length, emittedAt };
  return { ...window, revision, rows, id: `q/0/60000/${revision}`, pipeline, mode: 'append' };
}

const refusal = (target: SinkTarget, delivery: Delivery): Promise<unknown> =>
  target.deliver(delivery).then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each([
  ['in one item', undefined],
  ['in several items', 7],
] as const)('a window %s of a DynamoDB sink', (_name, large) => {
  const of = (options: Omit<PaneOptions, 'large'>) => pane({ ...options, ...(large === undefined ? {} : { large }) });

  it('is taken twice, also when another run made it at another time', async () => {
    const { target, items } = await open();
    await target.deliver(of({ n: 1 }));
    const before = await items();
    await target.deliver(of({ n: 1 }));
    await target.deliver(of({ n: 1, emittedAt: 2 }));
    expect(await items()).toEqual(before);
    expect(before).toHaveLength(large === undefined ? 1 : 5);
  });

  it('is refused where the same revision has other content, and leaves all of that as it is', async () => {
    const { target, items } = await open();
    await target.deliver(of({ n: 1 }));
    const before = await items();
    const error = await refusal(target, of({ n: 2 }));
    expect(error).toBeInstanceOf(DeliveryRefused);
    expect(String(error)).toMatch(/item q \/ 1970-01-01T00:00:00.*redrive/);
    expect(await items()).toEqual(before);
  });

  it("is refused where another pipeline's window stands, of a lesser revision too", async () => {
    const { target, items } = await open();
    await target.deliver(of({ n: 1 }));
    const before = await items();
    expect(await refusal(target, of({ n: 2, revision: 1, pipeline: 'other' }))).toBeInstanceOf(DeliveryRefused);
    expect(await items()).toEqual(before);
  });

  it('replaces an earlier revision, and is not replaced by one that comes late', async () => {
    const { target, items } = await open();
    await target.deliver(of({ n: 1 }));
    await target.deliver(of({ n: 2, revision: 1 }));
    const after = await items();
    expect(after).toHaveLength(large === undefined ? 1 : 5);
    await target.deliver(of({ n: 1 }));
    expect(await items()).toEqual(after);
  });

  it('is there once when several runs deliver it at a time', async () => {
    const { target, items } = await open();
    await Promise.all([1, 2, 3].map(() => target.deliver(of({ n: 1 }))));
    expect(await items()).toHaveLength(large === undefined ? 1 : 5);
  });

  it('is one of two when two runs deliver other results at a time', async () => {
    const { target, items } = await open();
    const errors = await Promise.all([1, 2].map((n) => refusal(target, of({ n }))));
    // With parts, each run may find the other one's items. Then neither of the errors names them.
    expect(errors.filter((error) => error instanceof DeliveryRefused).length).toBeGreaterThanOrEqual(1);
    const rows = (await items()).flatMap(({ rows: own = [] }) => own as readonly { readonly n: number }[]);
    if (large === undefined) expect(new Set(rows.map(({ n }) => n)).size).toBe(1);
  });
});
