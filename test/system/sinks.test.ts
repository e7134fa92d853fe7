import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../functions/core/definition/sink.ts';
import { delivered, hourMs, hours, sunkSystem, t0, tableItems } from '../fixtures/sinks/sunk-system.ts';
import { order } from '../fixtures/system/system.ts';

const sunk = sunkSystem();

describe('the sinks of this machine', () => {
  it('are told of by the API, with what waits and what has no function here', async () => {
    const system = await sunk.start(['hook']);
    await system.put(hours(4));
    await system.finalize({});
    const told = async () => (await system.get('sinks')).body['sinks'] as readonly Readonly<Record<string, unknown>>[];
    const hook = async () => (await told()).find(({ name }) => name === 'hook');
    expect(await hook()).toMatchObject({ served: true, delivered: 0, dead: 0, hasMore: false, lastDeliveredAt: null });
    expect(Number((await hook())?.['waiting'])).toBeGreaterThan(0);
    expect(Number((await hook())?.['waitingSince'])).toBeGreaterThan(t0);
    await system.deliver();
    expect(await hook()).toMatchObject({ waiting: 0, waitingSince: null, failing: null, deadLetters: [] });
    expect(Number((await hook())?.['delivered'])).toBeGreaterThan(0);
    expect((await told()).find(({ name }) => name === 'queue')).toMatchObject({ kind: 'sqs', served: false });
  });

  it('are signed, where they are webhooks, as standardwebhooks.com says', async () => {
    const system = await sunk.start(['hook']);
    await system.put(hours(4));
    await system.finalize({});
    await system.deliver();
    const [first] = sunk.receiver.received.filter(({ path }) => path === '/');
    const verifier = new Webhook(Buffer.from('tidemark on this machine').toString('base64'));
    expect(verifier.verify(first?.body ?? '', first?.headers as Record<string, string>)).toEqual(first?.delivery);
    expect(first?.headers['webhook-id']).toBe(`sunk/byKind/${t0}/${t0 + hourMs}/0`);
    expect(() => verifier.verify(`${first?.body} `, first?.headers as Record<string, string>)).toThrow();
  });

  it('get changed rows with mode update, and all windows with mode complete', async () => {
    const system = await sunk.start(['changes', 'whole', 'items']);
    await system.put([
      { data: order(t0 + 1, 'a') },
      { data: order(t0 + 2, 'b') },
      { data: order(t0 + 3, 'b'), shard: 1 },
    ]);
    await system.finalize({});
    await system.deliver();
    await system.put([{ data: order(t0 + 4, 'b') }, { data: order(t0 + 24 * hourMs, 'c') }]);
    await system.finalize({});
    await system.deliver();
    const row = (kind: string, n: number) => ({ key: { kind }, values: { n } });
    const byStart = (deliveries: readonly Delivery[], start: number) =>
      deliveries.filter((one) => one.start === start).map(({ revision, rows }) => [revision, rows]);
    expect(byStart(delivered(sunk, '/changes'), t0)).toEqual([
      [0, [row('a', 1), row('b', 2)]],
      [1, [row('b', 3)]],
    ]);
    const last = delivered(sunk, '/whole').at(-1);
    expect(last?.table?.map(({ start, rows }) => [start, rows])).toEqual([
      [t0, [row('a', 1), row('b', 3)]],
      [t0 + 24 * hourMs, [row('c', 1)]],
    ]);
    const item = (await tableItems(sunk)).find(({ query, start }) => query === 'early' && start === t0);
    expect(item).toMatchObject({
      revision: 1,
      rows: [
        { kind: 'a', n: 1 },
        { kind: 'b', n: 3 },
      ],
    });
  });
});
