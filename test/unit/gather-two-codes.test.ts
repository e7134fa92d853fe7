import { expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { encodeBlock } from '../../functions/core/log/block.ts';
import { sectionsText } from '../../functions/core/log/section.ts';
import { totalsAtJoin } from '../../functions/core/log/totals.ts';
import { epochBounds } from '../../functions/state/epochs/bounds.ts';
import { mismatchesAfter, noSums } from '../../functions/state/epochs/conservation.ts';
import { gatherEpoch } from '../../functions/state/epochs/gather.ts';
import { readMarks } from '../../functions/state/epochs/mark.ts';
import { contentOf, segmentSlices } from '../../functions/state/epochs/segment.ts';
import { itemOf } from '../../functions/state/log/entry.ts';
import type { Plan } from '../../functions/state/log/plan.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const shardId = 'shardId-000000000000';

/** A pipeline with other queries too: another version of the code. */
function codeWith(...names: readonly string[]) {
  return definePipeline({
    name: 'codes',
    event: z.object({ time: z.number(), user: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: Object.fromEntries(
      names.map((name) => [
        name,
        { groupBy: ['user'] as const, window: tumbling('1 hour'), aggregates: { count: count() } },
      ]),
    ),
  });
}

it('what one version of the code began to gather, another that does not know the query finishes (#17)', async () => {
  const state = memoryTable();
  const [query] = codeWith('users').queries;
  if (query === undefined) throw new Error('no query');
  const users = Array.from({ length: 12 }, (_, batch) =>
    Array.from({ length: 5000 }, (_, i) => `${batch}-${i}-${'x'.repeat(i % 20)}`),
  );
  const totals = totalsAtJoin(0, Number.NEGATIVE_INFINITY);
  for (const [i, names] of users.entries()) {
    const partials = names.map((name) => [JSON.stringify([name]), [1]] as const);
    const block = encodeBlock(query, [{ slice: 0, records: names.length, partials }]);
    const content = { sections: sectionsText([{ query: 'users', block, late: [] }]) };
    await state.put(itemOf(shardId, { position: i + 1, kind: 'batch', putAt: 0, totals }, 1, content));
  }
  const plan: Plan = {
    epoch: 1,
    closedBefore: Number.NEGATIVE_INFINITY,
    closedThrough: 1,
    at: 0,
    logs: { [shardId]: [1, users.length] },
    tasks: [[[shardId, 1, users.length]]],
    lanes: {},
    maxEventTime: 0,
    sums: noSums,
    places: { [shardId]: ['1', 0] },
    counted: { users: 60_000 },
    mismatches: {},
  };
  const cutOff: Table = {
    ...state,
    put: async (item, when) => {
      if (item.pk.startsWith('segment#')) throw new Error('cut off');
      return state.put(item, when);
    },
  };
  const run = { hasTime: () => true, now: () => 0, bounds: epochBounds, expiresAt: 1 };
  await expect(
    gatherEpoch({ ...run, pipeline: codeWith('users'), state: cutOff, runId: 'cut off' }, plan),
  ).rejects.toThrow('cut off');
  await gatherEpoch({ ...run, pipeline: codeWith('others'), state, runId: 'other' }, plan);
  let keys = 0;
  let records = 0;
  for await (const { segments } of segmentSlices(state, { query: 'users', lanes: 1, lane: 0 }, { from: 0, to: 0 }, 1)) {
    const content = contentOf(query, segments);
    keys += content.partials.size;
    ({ records } = content);
  }
  expect({ keys, records }).toStrictEqual({ keys: 60_000, records: 60_000 });
  const marks = (await readMarks(state, 1, 1)).map(({ mark }) => mark);
  expect(mismatchesAfter(plan, marks, ['users'])).toStrictEqual({});
});
