import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { WindowJson } from '../../functions/api/window-json.ts';
import { apiWorld, pipeline, step } from './api-world.ts';

it('pages of windows neither skip nor repeat a window, while windows open, are finalized and refined', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pipeline.queries.map(({ name }) => name)),
      fc.constantFrom('ascending', 'descending'),
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 25 }),
      fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }),
      async (query, order, limit, first, between) => {
        const { play, get } = apiWorld();
        await play(first);
        const names = (windows: readonly WindowJson[]) => windows.map(({ start, end }) => `${start}/${end}`);
        const atFirst = names((await get(`${query}/windows?order=${order}&limit=1000`)).windows);
        const seen: WindowJson[] = [];
        let cursor: string | null = null;
        let page = 0;
        do {
          const answer: { readonly windows: readonly WindowJson[]; readonly cursor: string | null } = await get(
            `${query}/windows?order=${order}&limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
          );
          expect(answer.windows.length).toBeLessThanOrEqual(limit);
          seen.push(...answer.windows);
          ({ cursor } = answer);
          await play(between[page++] ?? []);
        } while (cursor !== null);
        const found = names(seen);
        expect(new Set(found).size).toBe(found.length);
        expect(found).toEqual(expect.arrayContaining(atFirst));
        const sorted = [...seen].sort((left, right) => left.start - right.start || left.end - right.end);
        expect(found).toEqual(names(order === 'ascending' ? sorted : sorted.reverse()));
      },
    ),
    { numRuns: 150 },
  );
});
