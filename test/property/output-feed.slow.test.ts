import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WindowJson } from '../../functions/api/window-json.ts';
import { apiWorld, pipeline, step, type WindowsPage } from './api-world.ts';

/** Records and finalize runs. Now and then the late events are corrected. */
const course = fc.array(fc.record({ steps: fc.array(step, { maxLength: 8 }), replays: fc.boolean() }), {
  minLength: 1,
  maxLength: 8,
});
const queries = fc.constantFrom(...pipeline.queries.map(({ name }) => name));
const limits = fc.integer({ min: 1, max: 4 });
const nameOf = ({ start, end }: WindowJson) => `${start}/${end}`;
const contentOf = ({ status, records, rows }: WindowJson) => ({ status, records, rows });

/** More requests than any course needs to reach its end. */
const mostRequests = 150;

async function follow(
  mode: 'append' | 'update',
  query: string,
  limit: number,
  steps: typeof course extends fc.Arbitrary<infer T> ? T : never,
  receive: (windows: readonly WindowJson[]) => void,
) {
  const world = apiWorld();
  const fromNothing = new Set<string>();
  let cursor: string | null = null;
  const poll = async () => {
    const page: WindowsPage = await world.get(
      `${query}/windows?mode=${mode}&limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    expect(page.windows.length).toBeLessThanOrEqual(limit);
    // The cursor goes into an address.
    expect(page.cursor?.length).toBeLessThan(1_000);
    receive(page.windows);
    ({ cursor } = page);
    return page.windows.length;
  };
  for (const { steps: own, replays } of steps) {
    await world.play(own);
    if (replays)
      for (const { start, end, revision } of (await world.replay(query)).windows)
        if (revision === 0) fromNothing.add(`${start}/${end}`);
    await poll();
  }
  const table = async () => (await world.get(`${query}/windows?mode=complete&limit=1000`)).windows;
  const open = (await table()).filter(({ status }) => status !== 'final').length;
  // A page may be empty because all of its windows are known, and the next page may not be empty.
  for (let quiet = 0, asked = 0; quiet <= open / limit + 2; asked++) {
    expect(asked).toBeLessThan(mostRequests);
    quiet = (await poll()) === 0 ? quiet + 1 : 0;
  }
  return { table: await table(), fromNothing };
}

describe('a reader who goes on behind the last cursor', () => {
  it('mode=append: gets each final window once, in the order in which they became final', async () => {
    await fc.assert(
      fc.asyncProperty(queries, limits, course, async (query, limit, steps) => {
        const got: WindowJson[] = [];
        const { table, fromNothing } = await follow('append', query, limit, steps, (windows) => got.push(...windows));
        expect(got.every(({ status }) => status === 'final')).toBe(true);
        const names = got.map(nameOf);
        expect(new Set(names).size).toBe(names.length);
        const times = got.map(({ finalizedAt }) => finalizedAt ?? 0);
        expect(times).toEqual([...times].sort((left, right) => left - right));
        // A correction that made a new window comes in its turn, and not in the order of closings.
        const ends = got.filter((window) => !fromNothing.has(nameOf(window))).map(({ end }) => end);
        expect(ends).toEqual([...ends].sort((left, right) => left - right));
        const finals = table.filter(({ status }) => status === 'final').map(nameOf);
        expect([...names].sort()).toEqual([...finals].sort());
      }),
      { numRuns: 40 },
    );
  });

  it('mode=update: has the whole table, when it puts each window in the place of what it has of it', async () => {
    await fc.assert(
      fc.asyncProperty(queries, limits, course, async (query, limit, steps) => {
        const has = new Map<string, unknown>();
        const { table } = await follow('update', query, limit, steps, (windows) => {
          for (const window of windows) has.set(nameOf(window), contentOf(window));
        });
        // A `closing` window is an open one that takes no more records. Nothing in it has changed.
        const isOpen = (content: unknown) => JSON.parse(JSON.stringify(content).replace('"closing"', '"open"'));
        expect(new Map([...has].map(([name, content]) => [name, isOpen(content)]))).toEqual(
          new Map(table.map((window) => [nameOf(window), isOpen(contentOf(window))])),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('mode=update: gets nothing where nothing has changed', async () => {
    const world = apiWorld();
    await world.play([{ do: 'put', time: 5 }, { do: 'put', time: 50 }, { do: 'finalize' }]);
    const first = await world.get('tumbling/windows?mode=update');
    expect(first.windows.map(({ start, status }) => [start, status])).toEqual([
      [0, 'final'],
      [50, 'open'],
    ]);
    const second = await world.get(`tumbling/windows?mode=update&cursor=${first.cursor}`);
    expect(second.windows).toEqual([]);
    await world.play([{ do: 'put', time: 51 }]);
    const third = await world.get(`tumbling/windows?mode=update&cursor=${second.cursor}`);
    expect(third.windows.map(({ start, records }) => [start, records])).toEqual([[50, 2]]);
  });
});
