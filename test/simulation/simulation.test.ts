import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { patch } from './bundle.ts';
import { mutations } from './mutations.ts';
import { drawOptions, noFaults } from './options.ts';
import { runTraced } from './run-many.ts';
import { testSeeds } from './seeds.ts';

describe('the simulator', () => {
  testSeeds(50);

  it('takes the same course for the same seed', async () => {
    const [first, second] = [await runTraced(drawOptions(7)), await runTraced(drawOptions(7))];
    expect(first.lines.length).toBeGreaterThan(100);
    expect(second.lines).toStrictEqual(first.lines);
  });

  it('counts everything where nothing goes wrong and nothing is out of order', async () => {
    const options = {
      ...drawOptions(1),
      faults: noFaults,
      disorderMs: 0,
      garbage: 0,
      shards: 1,
      away: false,
      reshard: 'none',
    } as const;
    const { outcome } = await runTraced(options);
    expect(outcome).toMatchObject({ violation: undefined, lateEvents: 0 });
    expect(outcome.finalWindows).toBeGreaterThan(0);
  });

  it.each(mutations.map((mutation) => [mutation.id, mutation.rule, mutation] as const))(
    'still has a patch (%s) that turns off: %s',
    (_id, _rule, { edits }) => {
      for (const { file, find, replace } of edits) {
        const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
        expect(patch(text, file, find, replace)).not.toBe(text);
      }
    },
  );
});
