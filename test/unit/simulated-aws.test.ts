import { describe, expect, it } from 'vitest';
import type { Item } from '../../functions/state/table/table.ts';
import { awsAccount } from '../simulation/scale/aws/aws-account.ts';
import { awsLimits } from '../simulation/scale/aws/limits.ts';
import { fixedRowCosts } from '../simulation/scale/aws/row-costs.ts';

const account = () => awsAccount(awsLimits, fixedRowCosts);

/** Items of a write unit each. */
const items = (count: number, partitions: number): readonly Item[] =>
  Array.from({ length: count }, (_, i) => ({
    pk: `p${i % partitions}`,
    sk: String(i).padStart(6, '0'),
    attributes: { text: 'x'.repeat(900) },
  }));

describe('the simulated account of AWS', () => {
  it('writes a thousand units a second to a partition, and more to several', async () => {
    const took = async (partitions: number): Promise<number> => {
      const { time, invoke } = account();
      const { ms, answer, invocation } = await time.run(
        invoke('writer', async (_invocation, { state }) => {
          await state.putAll(items(4_000, partitions));
          return (await state.query('p0')).length;
        }),
      );
      expect(answer).toBe(4_000 / partitions);
      expect(invocation.spent.writeUnits).toBe(4_000);
      return ms;
    };
    // The bucket is full at first, with the units of a second.
    expect(await took(1)).toBeGreaterThan(2_900);
    expect(await took(20)).toBeLessThan(1_500);
  });

  it('answers a query in pages of a megabyte', async () => {
    const { time, invoke } = account();
    const large = Array.from({ length: 10 }, (_, i) => ({
      pk: 'p',
      sk: String(i),
      attributes: { text: 'x'.repeat(300_000) },
    }));
    const { answer, invocation } = await time.run(
      invoke('reader', async ({ spent }, { state }) => {
        for (const item of large) await state.put(item);
        const before = spent.calls;
        const found = await state.query('p');
        return { found: found.length, calls: spent.calls - before };
      }),
    );
    expect(answer).toStrictEqual({ found: 10, calls: 3 });
    expect(invocation.spent.readUnits).toBeGreaterThan(730);
  });

  it('refuses an item that is too large', async () => {
    const { time, invoke } = account();
    const { error } = await time.run(
      invoke('writer', async (_invocation, { state }) =>
        state.put({ pk: 'p', sk: 's', attributes: { text: 'x'.repeat(410_000) } }),
      ),
    );
    expect(String(error)).toContain('410');
  });

  it('cuts an invocation off at its time-out; what it has sent takes effect', async () => {
    const { time, invoke, dynamo } = account();
    let heard = 0;
    const { answer, error, ms } = await time.run(
      invoke('slow', async (invocation, { state }) => {
        for (let i = 0; ; i++) {
          await state.put({ pk: 'p', sk: String(i), attributes: {} });
          heard++;
          await invocation.compute(999);
        }
      }),
    );
    expect({ answer, error, ms }).toStrictEqual({ answer: undefined, error: 'cut off', ms: awsLimits.timeoutMs });
    const written = dynamo.items.state.get('p')?.items.size ?? 0;
    expect(written).toBeGreaterThan(55);
    expect(written - heard).toBeLessThanOrEqual(1);
  });

  it('gives an invocation one vCPU', async () => {
    const { time, invoke } = account();
    const { ms } = await time.run(
      invoke('busy', async (invocation) => {
        await Promise.all([invocation.compute(1_000), invocation.compute(1_000)]);
      }),
    );
    expect(ms).toBe(2_000);
  });

  it('runs no more of a function at a time than are reserved for it', async () => {
    const { time, invoke } = account();
    const all = await time.run(
      Promise.all(
        Array.from({ length: 6 }, () => invoke('reserved', (invocation) => invocation.wait(1_000), { mostAtOnce: 2 })),
      ),
    );
    const ends = all.map(({ endedAt }) => endedAt);
    expect(Math.max(...ends) - Math.min(...ends)).toBe(2_000);
  });
});
