import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { judge } from '../../functions/api/event-answers.ts';
import { mostLookupRows, rowsHash } from '../../functions/core/definition/lookup-rows.ts';
import { versionAt } from '../../functions/core/definition/lookup-table.ts';
import { streamRetentionHours } from '../../functions/core/deployment/settings.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { count, definePipeline, lookup, type TableLookup, table, tumbling } from '../../functions/core/index.ts';
import { readLookupList, sealThrough } from '../../functions/state/lookups/lookup-list.ts';
import { publishLookup } from '../../functions/state/lookups/lookup-publish.ts';
import { writePart } from '../../functions/state/lookups/lookup-rows.ts';
import { storedLookups } from '../../functions/state/lookups/stored-lookups.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const at = 1_700_000_000_000;

interface Device {
  readonly id: number;
  readonly room: string;
  readonly watts: number;
}

const pipeline = definePipeline({
  name: 'devices',
  event: z.object({ time: z.number(), id: z.number() }),
  eventTime: (event) => event.time,
  enrich: lookup(table<Device>('devices'), 'id', { fields: ['room'], unknown: 'reject' }),
  watermark: { delay: 0 },
  queries: { byRoom: { groupBy: ['room'], window: tumbling('1 hour'), aggregates: { count: count() } } },
});

/**
 * A state table, and the number of its calls.
 * @param failAt the call that fails after it took effect; minus one: none
 */
function world(failAt = -1) {
  const store = itemStore();
  const table = memoryTable(store);
  let calls = 0;
  const counted = async <T>(call: () => Promise<T>): Promise<T> => {
    const fails = calls++ === failAt;
    const answer = await call();
    if (fails) throw new Error('planted');
    return answer;
  };
  const state = limitedTable(table, counted);
  return { state, store, calls: () => calls };
}

/** Publishes one row. Its room names its version. */
async function publish(state: Table, room: string, from?: number, nowMs = at) {
  const rows = [{ id: 1, room }];
  const name = { table: 'devices', id: room.replaceAll(' ', '-') };
  await writePart(state, name, 0, rows, nowMs);
  const options = { pipeline, state, now: () => nowMs };
  return publishLookup(options, { ...name, parts: 1, hash: rowsHash(rows), from });
}

/** The room that an event gets, by its arrival, or the reason why it gets none. */
async function roomAt(state: Table, arrival: number): Promise<unknown> {
  const rowsAt = await storedLookups(pipeline, state).rowsAt([arrival]);
  const read = eventReader(pipeline, rowsAt).text(JSON.stringify({ time: at, id: 1 }), arrival);
  return read.outcome === 'accepted' ? Reflect.get(Object(read.event), 'room') : read.reason;
}

describe('lookup(table(...))', () => {
  it('has the types of the fields that are named', () => {
    expectTypeOf(lookup(table<Device>('devices'), 'id', { fields: ['room'] })).toEqualTypeOf<
      TableLookup<{ readonly id?: string | number | boolean | null | undefined }, { readonly room: string | null }>
    >();
    // @ts-expect-error no row has such a field
    lookup(table<Device>('devices'), 'id', { fields: ['rom'] });
    // @ts-expect-error the rows are not here to tell which fields there are
    expect(() => lookup(table<Device>('devices'), 'id')).toThrow();
  });

  it('has no row for an event before a version is published', () => {
    expect(eventReader(pipeline).text(`{"time":${at},"id":1}`, at)).toMatchObject({ reason: 'unknown-key' });
  });
});

describe('an event that is posted', () => {
  it('is judged as it came, for the rows it will be joined with are not at hand', () => {
    const post = (text: string) =>
      judge(pipeline, { parsed: JSON.parse(text), data: Buffer.from(text) }, 0, { nowMs: at, newKey: () => 'key' });
    expect(post(`{"time":${at},"id":1}`)).not.toHaveProperty('outcome');
    expect(post(`{"time":${at}}`)).toMatchObject({ outcome: 'refused', reason: 'schema' });
  });

  it('goes where its own fields say, when a row would replace them', () => {
    const moved = definePipeline({
      name: 'moved',
      event: z.object({ time: z.number(), id: z.number(), room: z.string() }),
      eventTime: (event) => event.time,
      partitionKey: (event) => event.room,
      enrich: lookup([{ id: 1, room: 'attic' }], 'id'),
      watermark: { delay: 0 },
      queries: { byRoom: { groupBy: ['room'], window: tumbling('1 hour'), aggregates: { count: count() } } },
    });
    const text = `{"time":${at},"id":1,"room":"cellar"}`;
    const put = judge(moved, { parsed: JSON.parse(text), data: Buffer.from(text) }, 0, {
      nowMs: at,
      newKey: () => 'key',
    });
    expect(put).toMatchObject({ partitionKey: 'cellar' });
  });
});

describe('the versions of a table', () => {
  it('hold from an arrival on, until the next one, and not before the first', async () => {
    const { state } = world();
    await publish(state, 'room 1', at);
    await publish(state, 'room 2', at + 10);
    expect(await Promise.all([at - 1, at, at + 9, at + 10, at + 1e9].map((arrival) => roomAt(state, arrival)))).toEqual(
      ['unknown-key', 'room 1', 'room 1', 'room 2', 'room 2'],
    );
  });

  it('begin after all that was asked for: what an arrival is joined with never changes', async () => {
    const step = fc.oneof(
      fc.record({ ask: fc.nat({ max: 100_000 }) }),
      fc.record({ publish: fc.nat({ max: 120_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { state } = world();
        const seen = new Map<number, unknown>();
        for (const [i, one] of steps.entries()) {
          if ('publish' in one) {
            await publish(state, `room ${i}`, at + one.publish).catch((error: unknown) =>
              expect(String(error)).toContain('TidemarkError'),
            );
            continue;
          }
          const arrival = at + one.ask;
          const room = await roomAt(state, arrival);
          expect(seen.get(arrival) ?? room).toBe(room);
          seen.set(arrival, room);
        }
        for (const [arrival, room] of seen) expect(await roomAt(state, arrival)).toBe(room);
      }),
      { numRuns: 60 },
    );
  });

  it('are found by a linear scan, too', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 50 })), fc.nat({ max: 60 }), (froms, arrival) => {
        const versions = froms
          .sort((a, b) => a - b)
          .map((from) => ({ id: `${from}`, from, rows: 0, parts: 0, hash: '', publishedAt: 0 }));
        expect(versionAt({ versions }, arrival)).toBe(versions.filter(({ from }) => from <= arrival).at(-1));
      }),
    );
  });

  it('are published once, whatever call of a publication fails after it took effect', async () => {
    for (let failAt = 0; ; failAt++) {
      const { state, store, calls } = world(failAt);
      const rooms: unknown[] = [];
      for (const room of ['room 1', 'room 2', 'room 2']) {
        const from = room === 'room 1' ? 0 : at + 60_000;
        const again = () => publish(state, room, from);
        rooms.push((await again().catch(again)).version.from);
      }
      if (calls() <= failAt) break;
      expect(rooms).toEqual([0, at + 60_000, at + 60_000]);
      const { versions } = await readLookupList(state, 'devices');
      expect(
        versions.map(({ from }) => from),
        `call ${failAt}`,
      ).toEqual([0, at + 60_000]);
      const expiries = [...store.all()].flatMap(({ attributes }) => Number(attributes['expiresAt'] ?? []) || []);
      expect([expiries.length, Math.min(...expiries) > at / 1000 + streamRetentionHours * 3600]).toEqual([2, true]);
      expect([await roomAt(state, at), await roomAt(state, at + 60_000)]).toEqual(['room 1', 'room 2']);
    }
  });

  it('begin at the beginning for the first, and in a minute for others, when nobody says when', async () => {
    const { state } = world();
    expect(await publish(state, 'room 1')).toMatchObject({ outcome: 'published', version: { from: 0 } });
    expect(await publish(state, 'room 1')).toMatchObject({ outcome: 'standing', version: { from: 0 } });
    expect(await publish(state, 'room 2')).toMatchObject({ outcome: 'published', version: { from: at + 60_000 } });
    const asked = world();
    await sealThrough(asked.state, 'devices', at);
    expect(await publish(asked.state, 'room 1')).toMatchObject({ version: { from: at + 60_000 } });
  });

  it('are refused when their rows are not what was uploaded', async () => {
    const { state } = world();
    const options = { pipeline, state, now: () => at };
    const request = { table: 'devices', id: 'x', parts: 1, hash: rowsHash([{ id: 1 }]), from: undefined };
    await expect(publishLookup(options, request)).rejects.toThrow('has not all its rows');
    await writePart(state, request, 0, [{ id: 2 }], at);
    await expect(publishLookup(options, request)).rejects.toThrow('has not all its rows');
    const twice = [{ id: 1 }, { id: 1 }];
    await writePart(state, { ...request, id: 'y' }, 0, twice, at);
    await expect(publishLookup(options, { ...request, id: 'y', hash: rowsHash(twice) })).rejects.toThrow('rows[1].id');
    const many = Array.from({ length: mostLookupRows + 1 }, (_, id) => ({ id }));
    await writePart(state, { ...request, id: 'z' }, 0, many, at);
    await expect(publishLookup(options, { ...request, id: 'z', hash: rowsHash(many) })).rejects.toThrow('50001');
    expect((await readLookupList(state, 'devices')).versions).toEqual([]);
  });

  it('go when nothing that may be read again needs them, and what arrived then is refused, not taken for unknown', async () => {
    const { state, store } = world();
    const keptMs = (streamRetentionHours + 48) * 3_600_000;
    await publish(state, 'room 1', 0);
    const expiryOf = (id: string) =>
      Number([...store.all()].find(({ pk }) => pk === `lookup#devices#${id}`)?.attributes['expiresAt']) * 1000 -
      (at + 60_000);
    expect(expiryOf('room-1')).toBeGreaterThan(1e12);
    await publish(state, 'room 2', at + 60_000);
    expect([expiryOf('room-1') >= keptMs, expiryOf('room-1') < keptMs + 2000, expiryOf('room-2') > 1e12]).toEqual([
      true,
      true,
      true,
    ]);
    await state.delete({ pk: 'lookup#devices#room-1', sk: '000000' });
    await expect(async () => (await storedLookups(pipeline, state).rowsAt([at]))(at)).rejects.toThrow('no longer kept');
    await publish(state, 'room 3', at + 60_001 + keptMs, at + 60_001 + keptMs);
    expect(await readLookupList(state, 'devices')).toMatchObject({
      keptFrom: at + 60_000,
      versions: [{ id: 'room-2' }, { id: 'room-3' }],
    });
    await expect(async () => (await storedLookups(pipeline, state).rowsAt([at]))(at)).rejects.toThrow('no longer kept');
    expect(await roomAt(state, at + 60_000)).toBe('room 2');
  });

  it('cost a warm container no call until it meets an arrival beyond what is sealed, and a pipeline without a table none at all', async () => {
    const { state, calls } = world();
    await publish(state, 'room 1', 0);
    const lookups = storedLookups(pipeline, state);
    await lookups.rowsAt([at]);
    const before = calls();
    for (let ms = 0; ms <= 5000; ms += 500) await lookups.rowsAt([at + ms]);
    expect(calls()).toBe(before);
    await lookups.rowsAt([at + 5001]);
    expect(calls()).toBe(before + 2);
    await storedLookups({ ...pipeline, lookupTable: undefined }, state).rowsAt([at + 1e9]);
    expect(calls()).toBe(before + 2);
  });
});
