import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';
import { totalsAtBarrier } from '../../functions/core/log/totals.ts';
import { entryKey } from '../../functions/state/log/entry.ts';
import { electEpoch } from '../../functions/state/log/epoch.ts';
import { putEntry, readTail } from '../../functions/state/log/log.ts';
import { readRegistrations } from '../../functions/state/log/registration.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import {
  broken,
  type Call,
  fatefulTable,
  notedTable,
  onceBeforeEntry,
  type PutFate,
} from '../fixtures/log/faulty-tables.ts';
import { cut, entriesOf, putBarrier, seal } from '../fixtures/log/shard-log.ts';
import {
  always,
  recordOf,
  type ShardWorld,
  shardId,
  shardWorld,
  startMs,
  textAt,
} from '../fixtures/log/shard-world.ts';

const minuteMs = 60_000;
/** Events that the user's code was asked about. */
let asked = 0;
const pipeline = definePipeline({
  name: 'logs',
  event: z.object({ time: z.number(), key: z.string(), n: z.number() }),
  eventTime: {
    of: (event) => {
      asked++;
      return event.time;
    },
    unit: 'ms',
  },
  watermark: { delay: 0 },
  queries: {
    minutes: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count(), sum: sum('n') } },
    hours: { window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});

const isEntry = ({ pk }: { readonly pk: string }) => pk === `log#${shardId}`;

/** A world whose first record is in. */
async function begun() {
  const world = shardWorld(pipeline);
  const records: StreamRecord[] = [recordOf(0, textAt(0))];
  await world.container().apply(records, always);
  const more = (...given: readonly StreamRecord[]) => {
    records.push(...given);
    return given;
  };
  return { world, records, more };
}

/** A warm container, before the next entry of which something happens. */
async function interrupted(world: ShardWorld, records: readonly StreamRecord[], act: () => Promise<unknown>) {
  let armed = false;
  const state = fatefulTable(world.state, async (item): Promise<PutFate> => {
    if (armed && isEntry(item)) {
      armed = false;
      await act();
    }
    return 'told';
  });
  const container = world.container({ state });
  await container.apply(records, always);
  armed = true;
  return container;
}

describe('a put whose outcome is not told', () => {
  it.each([
    ['fails after it took effect', 'brokenAfter'],
    ['is made again by the client, which hears that the place is taken', 'repeated'],
  ] as const)('is found to be ours when the call %s', async (_, fate) => {
    const { world, records, more } = await begun();
    const state = fatefulTable(world.state, (item) => (isEntry(item) ? fate : 'told'));
    const container = world.container({ state });
    for (const n of [1, 2]) {
      const report = await container.apply(more(recordOf(n, textAt(n))), always);
      expect(report.counters).toMatchObject({ received: 1, counted: 1 });
      expect(report.maxEventTime).toBe(startMs + n);
    }
    expect(await world.kinds()).toEqual(['join', 'batch', 'batch', 'batch']);
    await world.checked(records);
  });

  it('is found to be ours below a barrier and what others have put behind it', async () => {
    const { world, records, more } = await begun();
    const [one] = more(recordOf(1, textAt(1)));
    more(recordOf(2, textAt(2)));
    let armed = true;
    const state = {
      ...world.state,
      put: async (...[item, when]: Parameters<typeof world.state.put>) => {
        const outcome = await world.state.put(item, when);
        if (!armed || !isEntry(item)) return outcome;
        armed = false;
        await cut(world.state, shardId, { epoch: 1, closedThrough: startMs - 1 }, startMs);
        await world.container().apply(records, always);
        throw broken;
      },
    };
    const container = world.container({ state });
    expect((await container.apply(one === undefined ? [] : [one], always)).counters.counted).toBe(1);
    expect((await container.apply(records, always)).counters.received).toBe(0);
    expect(await world.kinds()).toEqual(['join', 'batch', 'batch', 'barrier', 'batch']);
    await world.checked(records);
  });

  it('ends the batch when nothing is there, and the next attempt begins anew', async () => {
    const { world, records, more } = await begun();
    let failing = true;
    const state = fatefulTable(world.state, (item) => (failing && isEntry(item) ? 'brokenBefore' : 'told'));
    const container = world.container({ state });
    const given = more(recordOf(1, textAt(1)));
    await expect(container.apply(given, always)).rejects.toBe(broken);
    failing = false;
    expect((await container.apply(given, always)).counters.counted).toBe(1);
    await world.checked(records);
  });

  it('does not count what comes to lie there later, when the batch has failed', async () => {
    const { world, records, more } = await begun();
    const given = more(recordOf(1, textAt(1)));
    let late: (() => Promise<unknown>) | undefined;
    const slow = {
      ...world.state,
      put: (...put: Parameters<typeof world.state.put>) => {
        if (!isEntry(put[0])) return world.state.put(...put);
        late = () => world.state.put(...put);
        return Promise.reject(broken);
      },
    };
    await expect(world.container({ state: slow }).apply(given, always)).rejects.toBe(broken);
    world.nowMs++;
    const state = onceBeforeEntry(world.state, async () => late?.());
    expect((await world.container({ state }).apply(given, always)).counters.received).toBe(0);
    expect(await world.kinds()).toEqual(['join', 'batch', 'batch']);
    await world.checked(records);
  });
});

describe('a barrier between read and put', () => {
  it('with the same C leaves the sections as they are; the totals are made anew', async () => {
    const { world, records, more } = await begun();
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs - 1 }, startMs);
    const container = await interrupted(world, records, () =>
      cut(world.state, shardId, { epoch: 2, closedThrough: startMs - 1 }, startMs + 5),
    );
    asked = 0;
    world.nowMs = startMs + 9;
    await container.apply(more(recordOf(1, textAt(1))), always);
    expect(asked).toBe(1);
    const entries = await entriesOf(world.state, shardId);
    expect(entries.map(({ kind }) => kind)).toEqual(['join', 'batch', 'barrier', 'barrier', 'batch']);
    expect(entries[4]?.totals).toMatchObject({ epoch: 2, barrier: 4, freshSince: startMs + 9, oldest: undefined });
    await world.checked(records);
  });

  it('with a higher C makes late what closes with it; the user is not asked again', async () => {
    const { world, records, more } = await begun();
    const container = await interrupted(world, records, () =>
      cut(world.state, shardId, { epoch: 1, closedThrough: startMs + minuteMs }, startMs),
    );
    asked = 0;
    const given = more(recordOf(1, textAt(1), textAt(minuteMs), 'garbage'));
    const report = await container.apply(given, always);
    expect(asked).toBe(2);
    expect(report.queries.minutes).toEqual({ counted: 1, late: 1, filtered: 0 });
    expect(report.counters).toMatchObject({ received: 3, counted: 2, rejected: 1 });
    expect((await world.checked(records)).late).toEqual({ minutes: [1] });
  });

  it('after another, one before each try, is gone behind', async () => {
    const { world, records, more } = await begun();
    let epoch = 0;
    const state = fatefulTable(world.state, async (item): Promise<PutFate> => {
      if (isEntry(item) && epoch < 20) {
        epoch++;
        await cut(world.state, shardId, { epoch, closedThrough: startMs + epoch * 10_000 }, startMs);
      }
      return 'told';
    });
    await world.container({ state }).apply(more(recordOf(1, textAt(1), textAt(3 * minuteMs))), always);
    expect((await world.kinds()).filter((kind) => kind === 'barrier')).toHaveLength(20);
    expect((await world.checked(records)).late).toEqual({ minutes: [1] });
  });
});

describe('a zombie between read and put', () => {
  it('that has put the same records leaves nothing to put', async () => {
    const { world, records, more } = await begun();
    const given = more(recordOf(1, textAt(1)), recordOf(2, textAt(2)));
    const container = await interrupted(world, records.slice(0, 1), () => {
      world.nowMs += 3;
      return world.container().apply(given, always);
    });
    const report = await container.apply(given, always);
    expect(report.counters.received).toBe(0);
    expect(report).toMatchObject({ maxEventTime: startMs + 2, maxEventTimeBefore: startMs });
    expect(await world.kinds()).toEqual(['join', 'batch', 'batch']);
    await world.checked(records);
  });

  it('that has put some of them leaves the others, at their own positions', async () => {
    const { world, records, more } = await begun();
    const given = more(recordOf(1, textAt(1), 'garbage'), recordOf(2, textAt(2)), recordOf(3, 'garbage'));
    const container = await interrupted(world, records.slice(0, 1), async () => {
      await world.container().apply(given.slice(0, 1), always);
      await cut(world.state, shardId, { epoch: 1, closedThrough: startMs + minuteMs }, startMs);
    });
    expect((await container.apply(given, always)).counters).toMatchObject({ received: 2, counted: 1, rejected: 1 });
    expect((await world.checked(records)).late).toEqual({ minutes: [3] });
  });

  it('finds its place taken, whatever it knows of the log', async () => {
    const { world, records, more } = await begun();
    const zombies = [world.container(), world.container(), world.container()];
    const given = more(recordOf(1, textAt(1)));
    await zombies[0]?.apply(records, always);
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs + minuteMs }, startMs);
    await zombies[1]?.apply(records, always);
    more(recordOf(2, textAt(2)));
    await world.container().apply(records, always);
    for (const zombie of zombies) expect((await zombie.apply(given, always)).counters.received).toBe(0);
    expect((await world.checked(records)).late).toEqual({ minutes: [2] });
  });

  it('goes on behind entries that have expired since it was here', async () => {
    const { world, records, more } = await begun();
    const zombie = world.container();
    await zombie.apply(records, always);
    for (const n of [1, 2, 3]) await world.container().apply(more(recordOf(n, textAt(n))), always);
    const expired = await Promise.all([3, 4].map((position) => world.state.get(entryKey(shardId, position))));
    for (const position of [3, 4]) await world.state.delete(entryKey(shardId, position));
    expect((await zombie.apply(more(recordOf(4, textAt(4))), always)).counters.counted).toBe(1);
    for (const item of expired) if (item !== undefined) await world.state.put(item);
    await world.checked(records);
  });
});

describe('a shard joins', () => {
  it('once, when two containers begin at the same time', async () => {
    const world = shardWorld(pipeline);
    const records = [recordOf(0, textAt(0)), recordOf(1, textAt(1))];
    const state = onceBeforeEntry(world.state, () => world.container().apply(records.slice(0, 1), always));
    expect((await world.container({ state }).apply(records, always)).counters.counted).toBe(1);
    expect(await world.kinds()).toEqual(['join', 'batch', 'batch']);
    await world.checked(records);
  });

  it('at an epoch that it reads after it is registered', async () => {
    const world = shardWorld(pipeline);
    const records = [recordOf(0, textAt(0))];
    const elected = { epoch: 3, closedThrough: startMs + minuteMs };
    let registered: readonly string[] = [];
    const state = {
      ...world.state,
      query: async (...[pk, range]: Parameters<typeof world.state.query>) => {
        if (pk === 'epochs') {
          registered = (await readRegistrations(world.state)).map((one) => one.shardId);
          await electEpoch(world.state, { ...elected, electedAt: startMs });
        }
        return world.state.query(pk, range);
      },
    };
    await world.container({ state }).apply(records, always);
    expect(registered).toEqual([shardId]);
    const [join] = await entriesOf(world.state, shardId);
    expect(join?.totals).toMatchObject(elected);
    expect((await world.checked(records)).late).toEqual({ minutes: [0] });
  });

  it('and a barrier that comes before its first batch is below it', async () => {
    const world = shardWorld(pipeline);
    const records = [recordOf(0, textAt(0))];
    const elected = { epoch: 1, closedThrough: startMs + minuteMs };
    let puts = 0;
    const state = fatefulTable(world.state, async (item): Promise<PutFate> => {
      if (isEntry(item) && ++puts === 2) {
        await electEpoch(world.state, { ...elected, electedAt: startMs });
        await putBarrier(world.state, shardId, elected, startMs);
      }
      return 'told';
    });
    await world.container({ state }).apply(records, always);
    expect(await world.kinds()).toEqual(['join', 'barrier', 'batch']);
    expect((await world.checked(records)).late).toEqual({ minutes: [0] });
  });

  it('never again when its log is lost', async () => {
    const { world, records } = await begun();
    for (const { item } of await entriesOf(world.state, shardId)) await world.state.delete(item);
    await expect(world.container().apply(records, always)).rejects.toMatchObject({ name: 'TidemarkError' });
    expect(await world.kinds()).toEqual([]);
  });
});

it('a seal between read and put stops the batch', async () => {
  const { world, records } = await begun();
  const container = await interrupted(world, records, () => seal(world.state, shardId, startMs));
  await expect(container.apply([recordOf(1, textAt(1))], always)).rejects.toMatchObject({ name: 'TidemarkError' });
  expect(await world.kinds()).toEqual(['join', 'batch', 'seal']);
  await world.checked(records);
});

it('an epoch that falls is a bug, which nothing is put behind', async () => {
  const { world, records } = await begun();
  await cut(world.state, shardId, { epoch: 5, closedThrough: startMs - 1 }, startMs);
  const container = world.container();
  await container.apply(records, always);
  const tail = await readTail(world.state, shardId);
  if (tail === undefined) throw new Error('no tail');
  const position = tail.position + 1;
  const totals = totalsAtBarrier(tail.totals, { epoch: 4, closedThrough: startMs }, false, position);
  await expect(
    putEntry(world.state, shardId, tail, { position, kind: 'barrier', putAt: startMs, totals }),
  ).rejects.toThrow('epoch');
  const { item } = tail;
  await world.state.put({ ...entryKey(shardId, position), attributes: { ...item.attributes, epoch: 4 } });
  await expect(container.apply([recordOf(1, textAt(1))], always)).rejects.toThrow('epoch');
  expect(await readTail(world.state, shardId)).toMatchObject({ position });
});

describe('a pipeline that deduplicates', () => {
  const deduplicating = definePipeline({
    name: 'logs',
    event: z.object({ time: z.number(), id: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    dedup: { by: (event) => event.id, within: '1 hour' },
    queries: { minutes: { window: tumbling('1 minute'), aggregates: { count: count() } } },
  });
  /** Judges by hand: every id that came before is a duplicate, for all is within the hour. */
  const byHand = () => {
    const seen = new Set<unknown>();
    return (event: unknown) => {
      const id = Reflect.get(Object(event), 'id');
      if (seen.has(id)) return true;
      seen.add(id);
      return false;
    };
  };
  const withId = (id: string, offsetMs = 0) => textAt(offsetMs, { id });

  it('finds what another container took, and what a parent took', async () => {
    const world = shardWorld(deduplicating);
    const parent = world.container({ shardId: 'parent' });
    await parent.apply([recordOf(0, withId('p'))], always);
    const over = { ancestors: async () => ['parent'] };
    const containers = [world.container(over), world.container(over)];
    const records = [
      recordOf(1, withId('a'), withId('b'), withId('a')),
      recordOf(2, withId('b'), withId('p'), withId('c')),
    ];
    const found = [];
    for (const [i, record] of records.entries())
      found.push((await containers[i]?.apply([record], always))?.counters.duplicate);
    expect(found).toEqual([1, 2]);
    const ofParent = byHand();
    ofParent({ id: 'p' });
    await world.checked(records, ofParent);
  });

  it('judges again what an attempt had judged and not put', async () => {
    const world = shardWorld(deduplicating);
    let failing = true;
    const state = fatefulTable(world.state, ({ pk, sk }) =>
      failing && pk === `log#${shardId}` && Number(sk) > 1 ? 'brokenBefore' : 'told',
    );
    const container = world.container({ state });
    const records = [recordOf(1, withId('a'), withId('b')), recordOf(2, withId('b'))];
    await expect(container.apply(records, always)).rejects.toBe(broken);
    failing = false;
    for (const one of [container, world.container()]) await one.apply(records, always);
    const { counters } = await world.checked(records, byHand());
    expect(counters).toMatchObject({ counted: 2, duplicate: 1 });
  });

  it('does not read its ids again for a barrier, and for records of another reads only theirs', async () => {
    const world = shardWorld(deduplicating);
    const calls: Call[] = [];
    const noted = notedTable(world.state, calls);
    const elected = { epoch: 1, closedThrough: startMs + minuteMs };
    let act: (() => Promise<unknown>) | undefined;
    const state = fatefulTable(noted, async (item): Promise<PutFate> => {
      const now = isEntry(item) ? act : undefined;
      if (now !== undefined) act = undefined;
      await now?.();
      return 'told';
    });
    const container = world.container({ state });
    const records = [recordOf(1, withId('a')), recordOf(2, withId('b'), withId('a')), recordOf(3, withId('c'))];
    await container.apply(records.slice(0, 1), always);
    calls.length = 0;
    act = () => cut(world.state, shardId, elected, startMs);
    const report = await container.apply(records.slice(1, 2), always);
    expect(report.counters).toMatchObject({ late: 1, duplicate: 1 });
    // The tail, a put that was refused, what was there, and the put behind it: ids take no call of their own.
    expect(calls.map(({ name, pk }) => `${name} ${pk}`)).toEqual(
      ['query', 'put', 'query', 'put'].map((name) => `${name} log#${shardId}`),
    );
    await world.container().apply(records.slice(2), always);
    records.push(recordOf(4, withId('c'), withId('d', minuteMs)));
    calls.length = 0;
    expect((await container.apply(records, always)).counters).toMatchObject({ counted: 1, duplicate: 1 });
    // The tail, the entries behind the known one, and the put.
    expect(calls.map(({ name, pk }) => `${name} ${pk}`)).toEqual(
      ['query', 'query', 'put'].map((name) => `${name} log#${shardId}`),
    );
    await world.checked(records, byHand());
  });

  it('keeps the ids of each part of a batch that is cut into several entries', async () => {
    const world = shardWorld(wide);
    const records = [1, 2, 3, 4, 5, 6, 7].map((n) => recordOf(n, ...wideTexts(n), wideText('same', n)));
    let puts = 0;
    // The second entry of the batch does not get there, and the container is gone.
    const state = fatefulTable(world.state, (item) => (isEntry(item) && ++puts === 3 ? 'brokenBefore' : 'told'));
    await expect(world.container({ state }).apply(records, always)).rejects.toBe(broken);
    expect(await world.kinds()).toEqual(['join', 'batch']);
    await world.container().apply(records, always);
    const { counters } = await world.checked(records, byHand());
    expect(counters.duplicate).toBe(6);
    expect((await world.kinds()).length).toBeGreaterThan(3);
    // One of each record, to a container that has only what was stored.
    const again = recordOf(
      8,
      ...records.flatMap(({ events: [first] }) => (typeof first?.text === 'string' ? [first.text] : [])),
    );
    expect((await world.container().apply([again], always)).counters).toMatchObject({ received: 7, duplicate: 7 });
    await world.checked([...records, again], byHand());
  });

  const wide = definePipeline({
    name: 'logs',
    event: z.object({ time: z.number(), id: z.string(), key: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    dedup: { by: (event) => event.id, within: '1 hour' },
    queries: { minutes: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count() } } },
  });
  const wideText = (id: string, n: number) => textAt(n, { id, key: id });
  /** Some 200 keys of a kilobyte, of text that does not compress. */
  const wideTexts = (n: number) => {
    const random = seededRandom(n);
    const letter = () => String.fromCharCode(random.int(35, 91));
    return Array.from({ length: 200 }, (_, i) =>
      textAt(n, { id: `${n}/${i}`, key: Array.from({ length: 1000 }, letter).join('') }),
    );
  };
});
