import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { afterEach, describe, expect, it } from 'vitest';
import { createFeeder } from '../../functions/feeder/feeder.ts';
import { type Entry, type FailingKinesis, failingKinesis, type Verdict } from '../fixtures/failing-kinesis.ts';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function startServer(verdict: Verdict): Promise<FailingKinesis> {
  const server = await failingKinesis(verdict);
  closing.push(server.close);
  return server;
}

async function feed(kinesis: KinesisClient, lines: number) {
  const feeder = createFeeder({ kinesis, streamName: 'stream', packing: 'single', random: () => 0 });
  async function* input() {
    for (let number = 1; number <= lines; number += 1) yield { line: Buffer.from(`line ${number}`), number };
  }
  await feeder.putLines(input(), 'lines');
  const last = await feeder.flush();
  return { last, progress: feeder.progress() };
}

const keys = (entries: readonly Entry[] | undefined) => entries?.map(({ PartitionKey }) => PartitionKey);

describe('retries of a feeder', () => {
  it('put again only the records that failed, until all are stored, before any later ones', async () => {
    const { kinesis, calls } = await startServer((call, entries) =>
      entries.map((_, index) =>
        (call === 1 && index % 2 === 1) || (call === 2 && index === 0)
          ? 'ProvisionedThroughputExceededException'
          : 'stored',
      ),
    );
    const { last, progress } = await feed(kinesis, 504);
    const odd = keys(calls[0])?.filter((_, index) => index % 2 === 1);
    expect(keys(calls[0])).toHaveLength(500);
    expect(keys(calls[1])).toEqual(odd);
    expect(keys(calls[2])).toEqual(odd?.slice(0, 1));
    expect(keys(calls[3])).toEqual(['lines:501-501', 'lines:502-502', 'lines:503-503', 'lines:504-504']);
    expect(calls).toHaveLength(4);
    expect(progress).toMatchObject({ eventsPut: 504, recordsPut: 504, retried: 251 });
    expect([...last]).toEqual([['shardId-000000000000', '4003']]);
  });

  it('repeat a call that is throttled as a whole', async () => {
    const { kinesis, calls } = await startServer((call, entries) =>
      call <= 2 ? { refuse: 'ProvisionedThroughputExceededException' } : entries.map(() => 'stored'),
    );
    const { progress } = await feed(kinesis, 3);
    expect(calls.map(keys)).toEqual(Array(3).fill(['lines:1-1', 'lines:2-2', 'lines:3-3']));
    expect(progress).toMatchObject({ eventsPut: 3, retried: 6 });
  });

  it('end when nothing is stored attempt after attempt', async () => {
    const { kinesis, calls } = await startServer((_, entries) => entries.map(() => 'InternalFailure'));
    await expect(feed(kinesis, 3)).rejects.toMatchObject({ name: 'TidemarkError' });
    expect(calls.length).toBeGreaterThan(5);
  });

  it('do not happen for a call that can never succeed', async () => {
    const { kinesis, calls } = await startServer(() => ({ refuse: 'AccessDeniedException' }));
    await expect(feed(kinesis, 3)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(calls).toHaveLength(1);
  });
});
