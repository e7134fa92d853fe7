import { describe, expect, it } from 'vitest';
import { noPatience, type Patience } from '../../functions/state/table/patience.ts';
import type { Item } from '../../functions/state/table/table.ts';
import { openTables } from '../../functions/state/table/tables.ts';
import { type Admission, throttledDynamoDb, throttledTable } from '../fixtures/throttled-dynamodb.ts';

const items = (pk: string, count: number): readonly Item[] =>
  Array.from({ length: count }, (_, i) => ({ pk, sk: String(i).padStart(4, '0'), attributes: { i } }));

/** Two runs of a DynamoDB whose time passes only while they wait. */
async function throttled(admit: Admission, { remainingMs = 60_000 } = {}) {
  const dynamo = await throttledDynamoDb(admit);
  const clock = { nowMs: 0 };
  const waits: number[] = [];
  const patience: Patience = {
    random: () => 0.5,
    async sleep(ms) {
      waits.push(ms);
      clock.nowMs += ms;
      await new Promise(setImmediate);
    },
    remainingMs: () => remainingMs - clock.nowMs,
  };
  const names = { state: 'none', windows: 'none', rejects: throttledTable };
  // The SDK's own attempts are real time, and are left out.
  const open = (given: Patience = patience) => openTables(names, given, { ...dynamo.config, maxAttempts: 1 }).rejects;
  return { dynamo, clock, waits, open };
}

/** A partition takes so many items a second of a clock; what it does not use is lost. */
function capacity(itemsASecond: number, nowMs: () => number): Admission {
  const used = new Map<string, { readonly second: number; items: number }>();
  return (partition) => {
    const second = Math.floor(nowMs() / 1000);
    const held = used.get(partition);
    const own = held?.second === second ? held : { second, items: 0 };
    used.set(partition, own);
    if (own.items >= itemsASecond) return 'throttled';
    own.items++;
    return 'admitted';
  };
}

describe('a table of DynamoDB without enough capacity', () => {
  it('writes the unprocessed items of a batch again, with waits that double while nothing is taken', async () => {
    let left = 4 * 25 + 10;
    const { dynamo, waits, open } = await throttled(() => (left-- > 0 ? 'throttled' : 'admitted'));
    try {
      const table = open();
      await table.putAll(items('a', 25));
      // Four calls take nothing, the fifth takes 15 of 25, the sixth takes the rest.
      expect(waits).toStrictEqual([25, 50, 100, 200, 400]);
      expect(dynamo.calls.get('BatchWriteItem')).toBe(6);
      expect(await table.query('a')).toStrictEqual(items('a', 25));
    } finally {
      await dynamo.close();
    }
  });

  it('gives up when the run has no time for another wait, and says how much is not written', async () => {
    const { dynamo, clock, open } = await throttled(() => 'throttled', { remainingMs: 10_000 });
    try {
      await expect(open().putAll(items('a', 30))).rejects.toThrow(throttledTable);
      expect(clock.nowMs).toBeGreaterThan(3_000);
      expect(clock.nowMs).toBeLessThanOrEqual(9_000);
      await expect(open(noPatience).putAll(items('a', 1))).rejects.toThrow(throttledTable);
    } finally {
      await dynamo.close();
    }
  });

  it('ends two runs that write the same items at once to a partition of 100 items a second', async () => {
    const clocks: { nowMs: () => number } = { nowMs: () => 0 };
    const { dynamo, clock, waits, open } = await throttled(capacity(100, () => clocks.nowMs()));
    clocks.nowMs = () => clock.nowMs;
    try {
      await Promise.all([open().putAll(items('a', 400)), open().putAll(items('a', 400))]);
      expect(await open().query('a')).toStrictEqual(items('a', 400));
      expect(waits.length).toBeGreaterThan(7);
    } finally {
      await dynamo.close();
    }
  });

  it('asks the partitions in turn: a batch holds items of all ten', async () => {
    const order: string[] = [];
    const { dynamo, open } = await throttled((partition) => {
      order.push(partition);
      return 'admitted';
    });
    try {
      const partitions = Array.from({ length: 10 }, (_, i) => `p${i}`);
      await open().putAll(partitions.flatMap((pk) => items(pk, 10)));
      const [first, second] = [order.slice(0, 25), order.slice(25, 50)];
      expect(new Set(first).size).toBe(10);
      expect(new Set(second).size).toBe(10);
      for (const pk of partitions) expect(await open().query(pk)).toStrictEqual(items(pk, 10));
    } finally {
      await dynamo.close();
    }
  });

  it('makes every other call again too, a conditional one as one that was not made', async () => {
    let left = 3;
    const { dynamo, waits, open } = await throttled(() => (left-- > 0 ? 'throttled' : 'admitted'));
    try {
      const table = open();
      const [item] = items('a', 1);
      if (item === undefined) throw new Error('no item');
      const isAbsent = [{ attribute: 'i', is: 'absent' }] as const;
      expect(await table.put(item, isAbsent)).toBe('applied');
      expect(waits).toStrictEqual([25, 50, 100]);
      left = 1;
      expect(await table.put(item, isAbsent)).toBe('refused');
      left = 1;
      expect(await table.get(item)).toStrictEqual(item);
      left = 1;
      expect((await table.query('a')).length).toBe(1);
      expect(waits).toStrictEqual([25, 50, 100, 25, 25, 25]);
    } finally {
      await dynamo.close();
    }
  });

  it('names a table that is missing at once', async () => {
    const { dynamo, waits } = await throttled(() => 'admitted');
    try {
      const names = { state: 'none', windows: 'none', rejects: throttledTable };
      const missing = openTables(names, noPatience, { ...dynamo.config, maxAttempts: 1 }).state;
      await expect(missing.put({ pk: 'a', sk: 'b', attributes: {} })).rejects.toMatchObject({ name: 'TidemarkError' });
      expect(waits).toHaveLength(0);
    } finally {
      await dynamo.close();
    }
  });
});
