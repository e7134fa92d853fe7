import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeStreamSummaryCommand, MergeShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeAggregated } from '../../functions/feeder/kpl-record.ts';
import { until } from '../fixtures/local/start.ts';
import { launch } from '../fixtures/system/command-line.ts';
import { order, read, t0, withRetries } from '../fixtures/system/repeated-orders.ts';
import { startSystem, systemFixture } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-dedup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipelineFile = systemFixture('deduplicated');
function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('events that were sent again', () => {
  it('are found across the pieces that the threads of batch take', async () => {
    const { lines, once } = withRetries(40_000, 'x'.repeat(200));
    const path = file('large.json', lines);
    // Separate processes: worker threads run the bundled command line.
    const batch = (...files: readonly string[]) =>
      launch(['batch', ...files, '--pipeline', pipelineFile, '--json']).ended;
    const large = await batch(path, path);
    const alone = await batch(file('large-once.json', once));
    expect(read(large).rows).toEqual(read(alone).rows);
    expect(read(large).conservation).toMatchObject({
      received: 2 * lines.length,
      counted: 40_000,
      duplicate: 2 * lines.length - 40_000,
    });
  });

  it('are found in a packed record, in the next batch, and in the shards that a shard becomes', async () => {
    const system = await startSystem({ pipelineFile, shards: 1 });
    try {
      const { kinesis, local } = system;
      const shards = async (open: number) => {
        const { StreamDescriptionSummary: summary } = await kinesis.send(
          new DescribeStreamSummaryCommand({ StreamName: local.streamName }),
        );
        return summary?.OpenShardCount === open && summary.StreamStatus === 'ACTIVE';
      };
      const counters = async () => (await system.get('conservation')).body;
      const packed = encodeAggregated(
        [order(1, 0), order(2, 0), order(1, 1)].map((line) => Buffer.from(line)),
        'key',
        '0',
      );
      await system.put([
        { data: packed },
        { data: order(2, 1) },
        { data: JSON.stringify({ time: t0, kind: 'a', amount: 1 }) },
      ]);
      await system.put([{ data: packed }, { data: order(3, 0) }]);
      expect(await counters()).toMatchObject({ received: 9, counted: 4, duplicate: 5, holds: true });

      await kinesis.send(
        new SplitShardCommand({
          StreamName: local.streamName,
          ShardToSplit: 'shardId-000000000000',
          NewStartingHashKey: (2n ** 127n).toString(),
        }),
      );
      await until(() => shards(2));
      // The two children know the ids that their parent knew, and none of each other's.
      await system.put([
        { data: order(1, 2) },
        { data: order(1, 3), shard: 1 },
        { data: order(4, 0), shard: 1 },
        { data: order(5, 0) },
      ]);
      expect(await counters()).toMatchObject({ received: 13, counted: 6, duplicate: 7, holds: true });

      await kinesis.send(
        new MergeShardsCommand({
          StreamName: local.streamName,
          ShardToMerge: 'shardId-000000000001',
          AdjacentShardToMerge: 'shardId-000000000002',
        }),
      );
      await until(() => shards(1));
      await system.put([{ data: order(4, 1) }, { data: order(5, 1) }, { data: order(1, 4) }, { data: order(6, 0) }]);
      expect(await counters()).toMatchObject({ received: 17, counted: 7, duplicate: 10, holds: true });
    } finally {
      await system.close();
    }
  });
});
