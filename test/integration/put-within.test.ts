import { afterEach, describe, expect, it } from 'vitest';
import { type PutWithinOptions, putWithin } from '../../functions/feeder/put-within.ts';
import { type FailingKinesis, failingKinesis, type Verdict } from '../fixtures/failing-kinesis.ts';

let server: FailingKinesis;
afterEach(() => server.close());

const records = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ data: Buffer.from(`event ${i}`), partitionKey: `key ${i}` }));

async function put(verdict: Verdict, count: number, changes: Partial<PutWithinOptions> = {}) {
  server = await failingKinesis(verdict);
  const errors: unknown[] = [];
  const given = records(count);
  const outcomes = await putWithin(given, {
    kinesis: server.kinesis,
    streamName: 'stream',
    withinMs: 60_000,
    now: () => 0,
    random: () => 0,
    onError: (error) => errors.push(error),
    ...changes,
  });
  return { outcomes: given.map((record) => outcomes.get(record) ?? 'stored'), errors, calls: server.calls };
}

describe('records that have to be stored within a time', () => {
  it('go in calls of 500, and again alone where the stream did not take them', async () => {
    const { outcomes, calls } = await put(
      (call, entries) =>
        entries.map((_, i) => (call <= 2 && i % 100 === 7 ? 'ProvisionedThroughputExceededException' : 'stored')),
      1200,
    );
    expect(calls.map(({ length }) => length)).toEqual([500, 500, 200, 10]);
    expect(calls[3]?.map(({ PartitionKey }) => PartitionKey)).toEqual(
      [7, 107, 207, 307, 407, 507, 607, 707, 807, 907].map((i) => `key ${i}`),
    );
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
  });

  it('are told apart when the time is over: what the stream refused to the end is throttled', async () => {
    let asked = 0;
    const { outcomes, calls } = await put(
      (_call, entries) =>
        entries.map(({ Data }) => (Data === Buffer.from('event 1').toString('base64') ? 'InternalFailure' : 'stored')),
      3,
      {
        now: () => asked++ * 10,
        withinMs: 100,
      },
    );
    expect(outcomes).toEqual(['stored', 'throttled', 'stored']);
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.slice(1).every(({ length }) => length === 1)).toBe(true);
  });

  it('are unavailable when a call fails for another reason, which is told, and nobody knows what was stored', async () => {
    const { outcomes, errors, calls } = await put(
      (call, entries) => (call === 1 ? { refuse: 'AccessDeniedException' } : entries.map(() => 'stored')),
      501,
    );
    expect(calls.map(({ length }) => length)).toEqual([500, 1]);
    expect([outcomes[0], outcomes[499], outcomes[500]]).toEqual(['unavailable', 'unavailable', 'stored']);
    expect(errors).toMatchObject([{ name: 'AccessDeniedException' }]);
  });

  it('are not even tried once the time is over', async () => {
    let asked = 0;
    const { outcomes, calls } = await put((_call, entries) => entries.map(() => 'stored'), 1001, {
      now: () => asked++ * 60,
      withinMs: 100,
    });
    expect(calls).toHaveLength(1);
    expect([outcomes[0], outcomes[500], outcomes[1000]]).toEqual(['stored', 'unavailable', 'unavailable']);
  });
});
