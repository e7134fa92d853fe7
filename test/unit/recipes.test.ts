import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { recipesOf } from '../recipes/recipe-page.ts';
import { tablesThatCome } from '../recipes/recipe-run.ts';

const recipes = recipesOf(readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8'));

describe('docs/recipes.md', () => {
  it('has at least 25 recipes, each with a peer, rows and what differs', () => {
    expect(recipes.length).toBeGreaterThanOrEqual(25);
    const bare = recipes.filter(
      ({ hasPeer, hasDifferences, tables }) =>
        !hasPeer || !hasDifferences || tables.length === 0 || tables.some(({ rows }) => rows.length === 0),
    );
    expect(bare.map(({ title }) => title)).toEqual([]);
  });

  it.each(recipes)('states what comes of it: $title', async (recipe) => {
    expect(await tablesThatCome(recipe)).toEqual(recipe.tables);
  });

  it.each(recipes)(
    'states what comes of it when batches come twice and functions are killed: $title',
    async (recipe) => {
      expect(await tablesThatCome(recipe, { deliveries: 'hostile' })).toEqual(recipe.tables);
    },
  );
});
