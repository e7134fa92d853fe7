import { createHash } from 'node:crypto';
import {
  type _Record,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  IncreaseStreamRetentionPeriodCommand,
  type KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type Shard,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSequenceNumbers } from '../../functions/core/events/sequence-number.ts';
import { until } from '../fixtures/local/start.ts';

/** A Kinesis as the contract sees it. */
export interface KinesisUnderTest {
  readonly client: KinesisClient;
  /** Ends it and starts it again with what it keeps. */
  restart(): Promise<KinesisClient>;
  close(): Promise<void>;
}

const hashKeys = 2n ** 128n;
const shardIdOf = (i: number): string => `shardId-${String(i).padStart(12, '0')}`;

/**
 * Tests of the behaviour of Kinesis that the functions, the feeder and the event source mapping rely on.
 * @param kind whether it can be restarted with what it keeps: one test is for those alone
 */
export function kinesisContract(name: string, kind: 'restarts' | 'stays', make: () => Promise<KinesisUnderTest>): void {
  describe(`Kinesis: ${name}`, () => {
    let under: KinesisUnderTest;
    let client: KinesisClient;
    let streams = 0;
    const run = Date.now().toString(36);

    beforeAll(async () => {
      under = await make();
      client = under.client;
    });
    afterAll(() => under?.close());

    const freshName = (): string => `tidemark-contract-${run}-${String(++streams).padStart(2, '0')}`;

    async function active(StreamName: string): Promise<void> {
      await until(async () => {
        const answer = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
        return answer.StreamDescriptionSummary?.StreamStatus === 'ACTIVE';
      });
    }

    async function stream(ShardCount: number): Promise<string> {
      const StreamName = freshName();
      await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
      await active(StreamName);
      return StreamName;
    }

    async function shardsOf(StreamName: string): Promise<readonly Shard[]> {
      return (await client.send(new ListShardsCommand({ StreamName }))).Shards ?? [];
    }

    async function iterator(StreamName: string, shard: number, from: Partial<GetShardIteratorCommandInput>) {
      const answer = await client.send(
        new GetShardIteratorCommand({
          StreamName,
          ShardId: shardIdOf(shard),
          ShardIteratorType: 'TRIM_HORIZON',
          ...from,
        }),
      );
      return answer.ShardIterator;
    }

    /** The records from an iterator to the tip of the shard, or to its end. */
    async function readFrom(start: string | undefined, Limit?: number): Promise<readonly _Record[]> {
      const records: _Record[] = [];
      for (let next = start; next !== undefined; ) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator: next, ...(Limit && { Limit }) }));
        records.push(...(answer.Records ?? []));
        if ((answer.Records ?? []).length === 0 && answer.MillisBehindLatest === 0) break;
        next = answer.NextShardIterator;
      }
      return records;
    }

    const textOf = (records: readonly _Record[]) => records.map(({ Data }) => Buffer.from(Data ?? []).toString());
    const numberOf = ({ SequenceNumber = '' }: { readonly SequenceNumber?: string | undefined }) => SequenceNumber;

    async function put(StreamName: string, texts: readonly string[], key = 'key') {
      const answers = [];
      for (const text of texts)
        answers.push(
          await client.send(new PutRecordCommand({ StreamName, Data: Buffer.from(text), PartitionKey: key })),
        );
      return answers;
    }

    const refused = (code: string) => ({ name: code });
    const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `event ${from + i}`);

    describe('streams', () => {
      it('have open shards that divide the hash keys evenly, without gaps', async () => {
        const StreamName = await stream(3);
        const shards = await shardsOf(StreamName);
        expect(shards.map(({ ShardId }) => ShardId)).toEqual([0, 1, 2].map(shardIdOf));
        let next = 0n;
        for (const { HashKeyRange, SequenceNumberRange, ParentShardId } of shards) {
          expect(BigInt(HashKeyRange?.StartingHashKey ?? -1)).toBe(next);
          next = BigInt(HashKeyRange?.EndingHashKey ?? -1) + 1n;
          expect(SequenceNumberRange?.EndingSequenceNumber).toBeUndefined();
          expect(ParentShardId).toBeUndefined();
        }
        expect(next).toBe(hashKeys);
        const { StreamDescriptionSummary: summary } = await client.send(
          new DescribeStreamSummaryCommand({ StreamName }),
        );
        expect(summary).toMatchObject({ StreamName, StreamStatus: 'ACTIVE', OpenShardCount: 3 });
        expect(summary?.StreamARN).toMatch(new RegExp(`:stream/${StreamName}$`));
        expect(Math.abs((summary?.StreamCreationTimestamp?.getTime() ?? 0) - Date.now())).toBeLessThan(300_000);
        const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
        expect(StreamDescription).toMatchObject({ HasMoreShards: false, RetentionPeriodHours: 24 });
        expect(StreamDescription?.Shards).toEqual(shards);
      });

      it('are made once under a name, and are gone when they are deleted', async () => {
        const StreamName = await stream(1);
        const again = new CreateStreamCommand({ StreamName, ShardCount: 1 });
        await expect(client.send(again)).rejects.toMatchObject(refused('ResourceInUseException'));
        await put(StreamName, ['before']);
        await client.send(new DeleteStreamCommand({ StreamName }));
        await until(() =>
          client.send(new DescribeStreamSummaryCommand({ StreamName })).then(
            () => false,
            () => true,
          ),
        );
        await expect(put(StreamName, ['x'])).rejects.toMatchObject(refused('ResourceNotFoundException'));
        await client.send(again);
        await active(StreamName);
        expect(await readFrom(await iterator(StreamName, 0, {}))).toEqual([]);
      });

      it('are listed in pages by name', async () => {
        const made = [await stream(1), await stream(1), await stream(1)];
        const names: string[] = [];
        let more = true;
        while (more) {
          const page = await client.send(
            new ListStreamsCommand({ Limit: 2, ExclusiveStartStreamName: names.at(-1) ?? 'tidemark-contract' }),
          );
          names.push(...(page.StreamNames ?? []));
          more = page.HasMoreStreams === true;
        }
        expect(names).toEqual([...new Set(names)].sort());
        expect(names).toEqual(expect.arrayContaining(made));
      });

      it('keep records for as long as they are told, within 24 hours to a year', async () => {
        const StreamName = await stream(1);
        const increase = (hours: number) =>
          client.send(new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: hours }));
        const decrease = (hours: number) =>
          client.send(new DecreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: hours }));
        await increase(168);
        await active(StreamName);
        const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
        expect(StreamDescriptionSummary?.RetentionPeriodHours).toBe(168);
        await expect(increase(48)).rejects.toMatchObject(refused('InvalidArgumentException'));
        await expect(decrease(12)).rejects.toMatchObject(refused('InvalidArgumentException'));
        await decrease(24);
      });
    });

    describe('puts', () => {
      it('go to the shard that holds the MD5 of the partition key, or the given hash key', async () => {
        const StreamName = await stream(4);
        const shards = await shardsOf(StreamName);
        const holds = ({ HashKeyRange }: Shard, hash: bigint): boolean =>
          BigInt(HashKeyRange?.StartingHashKey ?? 0) <= hash && hash <= BigInt(HashKeyRange?.EndingHashKey ?? 0);
        const keys = ['', 'a', 'ключ', '😀', 'x'.repeat(255)].map((key) => `${key}k`);
        const explicit = [0n, hashKeys / 4n - 1n, hashKeys / 4n, hashKeys - 1n];
        const Records = [
          ...keys.map((PartitionKey) => ({ PartitionKey, Data: Buffer.from('x') })),
          ...explicit.map((key) => ({ PartitionKey: 'k', ExplicitHashKey: String(key), Data: Buffer.from('x') })),
        ];
        const answer = await client.send(new PutRecordsCommand({ StreamName, Records }));
        expect(answer.FailedRecordCount).toBe(0);
        const hashes = [
          ...keys.map((key) => BigInt(`0x${createHash('md5').update(key, 'utf8').digest('hex')}`)),
          ...explicit,
        ];
        expect(answer.Records?.map(({ ShardId }) => ShardId)).toEqual(
          hashes.map((hash) => shards.find((shard) => holds(shard, hash))?.ShardId),
        );
      });

      it('give numbers that grow along a shard, in the order of the call', async () => {
        const StreamName = await stream(2);
        const numbers: string[] = [];
        for (let call = 0; call < 3; call++) {
          const Records = numbered(100, call * 100).map((text) => ({ PartitionKey: 'k', Data: Buffer.from(text) }));
          const answer = await client.send(new PutRecordsCommand({ StreamName, Records }));
          numbers.push(...(answer.Records ?? []).map(numberOf));
        }
        expect(numbers).toEqual([...numbers].sort(compareSequenceNumbers));
        expect(new Set(numbers).size).toBe(300);
        const shard = (
          await client.send(new PutRecordCommand({ StreamName, PartitionKey: 'k', Data: Buffer.from('.') }))
        ).ShardId;
        const records = await readFrom(await iterator(StreamName, Number(shard?.slice(-12)), {}));
        expect(textOf(records)).toEqual([...numbered(300), '.']);
        expect(records.slice(0, 300).map(numberOf)).toEqual(numbers);
      });

      it('give back bytes, keys and the time of arrival', async () => {
        const StreamName = await stream(1);
        const Data = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
        const PartitionKey = 'schlüssel 😀 "\\\u0001';
        const beforeMs = Date.now();
        await client.send(new PutRecordCommand({ StreamName, Data, PartitionKey }));
        await client.send(new PutRecordCommand({ StreamName, Data: new Uint8Array(), PartitionKey }));
        const [record, empty] = await readFrom(await iterator(StreamName, 0, {}));
        expect(Buffer.compare(record?.Data ?? Buffer.alloc(0), Data)).toBe(0);
        expect(empty?.Data).toHaveLength(0);
        expect(record?.PartitionKey).toBe(PartitionKey);
        expect(Math.abs((record?.ApproximateArrivalTimestamp?.getTime() ?? 0) - beforeMs)).toBeLessThan(60_000);
      });

      it('are refused beyond the limits, and store nothing then', async () => {
        const StreamName = await stream(1);
        const record = { PartitionKey: 'k', Data: Buffer.from('x') };
        const large = { PartitionKey: 'k', Data: Buffer.alloc(1024 * 1024 + 1) };
        const puts: [readonly { readonly PartitionKey: string; readonly Data: Buffer }[], RegExp][] = [
          [[], /ValidationException/],
          [Array.from({ length: 501 }, () => record), /ValidationException/],
          [[record, { ...record, PartitionKey: '' }], /ValidationException/],
          [[record, { ...record, PartitionKey: 'x'.repeat(257) }], /ValidationException/],
          [[record, large], /ValidationException|InvalidArgumentException/],
        ];
        for (const [Records, code] of puts)
          await expect(client.send(new PutRecordsCommand({ StreamName, Records: [...Records] }))).rejects.toMatchObject(
            {
              name: expect.stringMatching(code),
            },
          );
        const beyond = { ...record, ExplicitHashKey: String(hashKeys) };
        await expect(client.send(new PutRecordCommand({ StreamName, ...beyond }))).rejects.toMatchObject(
          refused('InvalidArgumentException'),
        );
        expect(await readFrom(await iterator(StreamName, 0, {}))).toEqual([]);
        await expect(put('no.such-stream', ['x'])).rejects.toMatchObject(refused('ResourceNotFoundException'));
        await expect(put('no such stream', ['x'])).rejects.toMatchObject(refused('ValidationException'));
      });
    });

    describe('iterators', () => {
      it('begin at the oldest record, at or after a number, after the newest, or at a time', async () => {
        const StreamName = await stream(1);
        const answers = await put(StreamName, numbered(5));
        const third = { StartingSequenceNumber: answers[2]?.SequenceNumber };
        const from = async (position: Partial<GetShardIteratorCommandInput>) =>
          textOf(await readFrom(await iterator(StreamName, 0, position)));
        expect(await from({ ShardIteratorType: 'TRIM_HORIZON' })).toEqual(numbered(5));
        expect(await from({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', ...third })).toEqual(numbered(3, 2));
        expect(await from({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', ...third })).toEqual(numbered(2, 3));
        expect(await from({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(0) })).toEqual(numbered(5));
        const last = { StartingSequenceNumber: answers[4]?.SequenceNumber };
        expect(await from({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', ...last })).toEqual([]);
        const [shard] = await shardsOf(StreamName);
        const start = { StartingSequenceNumber: shard?.SequenceNumberRange?.StartingSequenceNumber };
        expect(await from({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', ...start })).toEqual(numbered(5));

        const latest = await iterator(StreamName, 0, { ShardIteratorType: 'LATEST' });
        await put(StreamName, ['later']);
        expect(textOf(await readFrom(latest))).toEqual(['later']);
      });

      it('begin with the first record that arrived at a time or later, and there may be none yet', async () => {
        const StreamName = await stream(1);
        await put(StreamName, ['early']);
        const [early] = await readFrom(await iterator(StreamName, 0, {}));
        const earlyMs = early?.ApproximateArrivalTimestamp?.getTime() ?? 0;
        await until(() => Date.now() > earlyMs + 2);
        const between = { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(earlyMs + 1) } as const;
        const none = await iterator(StreamName, 0, between);
        await put(StreamName, ['late']);
        expect(textOf(await readFrom(none))).toEqual(['late']);
        expect(textOf(await readFrom(await iterator(StreamName, 0, between)))).toEqual(['late']);
      });

      it('lead through a shard in pages of any size, each record once, and tell how far behind they are', async () => {
        const StreamName = await stream(1);
        await put(StreamName, numbered(7));
        const start = await iterator(StreamName, 0, {});
        expect(textOf(await readFrom(start, 3))).toEqual(numbered(7));
        const first = await client.send(new GetRecordsCommand({ ShardIterator: start, Limit: 3 }));
        expect(textOf(first.Records ?? [])).toEqual(numbered(3));
        expect(first.MillisBehindLatest).toBeGreaterThan(0);
        const all = await client.send(new GetRecordsCommand({ ShardIterator: start }));
        expect(all.MillisBehindLatest).toBe(0);
        // An iterator may be used again.
        expect(textOf(await readFrom(first.NextShardIterator))).toEqual(numbered(4, 3));
        expect(textOf(await readFrom(first.NextShardIterator))).toEqual(numbered(4, 3));
      });

      it('are refused for what is not there', async () => {
        const StreamName = await stream(2);
        const [record] = await put(StreamName, ['x']);
        const other = record?.ShardId === shardIdOf(0) ? 1 : 0;
        const made = { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' } as const;
        await expect(iterator(StreamName, 9, {})).rejects.toMatchObject(refused('ResourceNotFoundException'));
        await expect(iterator('no-such-stream', 0, {})).rejects.toMatchObject(refused('ResourceNotFoundException'));
        await expect(
          iterator(StreamName, other, { ...made, StartingSequenceNumber: record?.SequenceNumber }),
        ).rejects.toMatchObject(refused('InvalidArgumentException'));
        await expect(iterator(StreamName, 0, made)).rejects.toMatchObject(refused('InvalidArgumentException'));
        const future = { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(Date.now() + 3_600_000) } as const;
        await expect(iterator(StreamName, 0, future)).rejects.toMatchObject(refused('InvalidArgumentException'));
        const get = (ShardIterator: string) => client.send(new GetRecordsCommand({ ShardIterator }));
        await expect(get('AAAA')).rejects.toMatchObject(refused('InvalidArgumentException'));
        const good = (await iterator(StreamName, 0, {})) ?? '';
        await expect(client.send(new GetRecordsCommand({ ShardIterator: good, Limit: 10_001 }))).rejects.toMatchObject({
          name: expect.stringMatching(/ValidationException|InvalidArgumentException/),
        });
      });
    });

    describe('a split', () => {
      it('closes the parent, whose records stay, and opens two children with greater numbers', async () => {
        const StreamName = await stream(1);
        const before = await put(StreamName, numbered(3));
        const middle = hashKeys / 2n;
        const split = new SplitShardCommand({
          StreamName,
          ShardToSplit: shardIdOf(0),
          NewStartingHashKey: String(middle),
        });
        await client.send(split);
        await active(StreamName);
        const [parent, ...children] = await shardsOf(StreamName);
        expect(parent?.SequenceNumberRange?.EndingSequenceNumber).toBeDefined();
        expect(children.map(({ ShardId, ParentShardId }) => [ShardId, ParentShardId])).toEqual([
          [shardIdOf(1), shardIdOf(0)],
          [shardIdOf(2), shardIdOf(0)],
        ]);
        expect(children.map(({ HashKeyRange }) => HashKeyRange)).toEqual([
          { StartingHashKey: '0', EndingHashKey: String(middle - 1n) },
          { StartingHashKey: String(middle), EndingHashKey: String(hashKeys - 1n) },
        ]);
        const Records = numbered(20, 3).map((text) => ({ PartitionKey: text, Data: Buffer.from(text) }));
        const after = (await client.send(new PutRecordsCommand({ StreamName, Records }))).Records ?? [];
        expect(new Set(after.map(({ ShardId }) => ShardId))).toEqual(new Set([shardIdOf(1), shardIdOf(2)]));
        const greatest = before.map(numberOf).sort(compareSequenceNumbers).at(-1) ?? '';
        for (const record of after) expect(compareSequenceNumbers(numberOf(record), greatest)).toBeGreaterThan(0);

        expect(textOf(await readFrom(await iterator(StreamName, 0, {})))).toEqual(numbered(3));
        const end = { StartingSequenceNumber: parent?.SequenceNumberRange?.EndingSequenceNumber };
        expect(
          await readFrom(await iterator(StreamName, 0, { ShardIteratorType: 'AT_SEQUENCE_NUMBER', ...end })),
        ).toEqual([]);
        const texts = [];
        for (const child of [1, 2]) texts.push(...textOf(await readFrom(await iterator(StreamName, child, {}))));
        expect(texts.sort()).toEqual(numbered(20, 3).sort());
        const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
        expect(StreamDescriptionSummary?.OpenShardCount).toBe(2);
      });

      it('ends the reading of the parent with the names of its children', async () => {
        const StreamName = await stream(1);
        await put(StreamName, ['x']);
        const start = await iterator(StreamName, 0, {});
        const latest = await iterator(StreamName, 0, { ShardIteratorType: 'LATEST' });
        const middle = String(hashKeys / 2n);
        await client.send(
          new SplitShardCommand({ StreamName, ShardToSplit: shardIdOf(0), NewStartingHashKey: middle }),
        );
        await active(StreamName);
        for (const begin of [start, latest]) {
          let answer = await client.send(new GetRecordsCommand({ ShardIterator: begin }));
          while (answer.NextShardIterator !== undefined)
            answer = await client.send(new GetRecordsCommand({ ShardIterator: answer.NextShardIterator }));
          expect(answer.ChildShards?.map(({ ShardId, ParentShards }) => [ShardId, ParentShards])).toEqual([
            [shardIdOf(1), [shardIdOf(0)]],
            [shardIdOf(2), [shardIdOf(0)]],
          ]);
        }
      });

      it('is refused at the edge of the shard, and of a shard that is closed or not there', async () => {
        const StreamName = await stream(2);
        const split = (shard: number, at: bigint) =>
          client.send(
            new SplitShardCommand({ StreamName, ShardToSplit: shardIdOf(shard), NewStartingHashKey: String(at) }),
          );
        await expect(split(0, 0n)).rejects.toMatchObject(refused('InvalidArgumentException'));
        await expect(split(0, hashKeys / 2n)).rejects.toMatchObject(refused('InvalidArgumentException'));
        await expect(split(7, 5n)).rejects.toMatchObject(refused('ResourceNotFoundException'));
        await split(0, hashKeys / 4n);
        await active(StreamName);
        await expect(split(0, hashKeys / 8n)).rejects.toMatchObject({
          name: expect.stringMatching(/InvalidArgumentException|ResourceInUseException/),
        });
      });
    });

    describe('a merge', () => {
      it('closes both parents and opens one child of both', async () => {
        const StreamName = await stream(3);
        const merge = (one: number, other: number) =>
          client.send(
            new MergeShardsCommand({
              StreamName,
              ShardToMerge: shardIdOf(one),
              AdjacentShardToMerge: shardIdOf(other),
            }),
          );
        await expect(merge(0, 2)).rejects.toMatchObject(refused('InvalidArgumentException'));
        await merge(0, 1);
        await active(StreamName);
        const shards = await shardsOf(StreamName);
        expect(shards.map((shard) => shard.SequenceNumberRange?.EndingSequenceNumber !== undefined)).toEqual([
          true,
          true,
          false,
          false,
        ]);
        expect(shards[3]).toMatchObject({
          ParentShardId: shardIdOf(0),
          AdjacentParentShardId: shardIdOf(1),
          HashKeyRange: { StartingHashKey: '0', EndingHashKey: shards[1]?.HashKeyRange?.EndingHashKey },
        });
        const put = await client.send(
          new PutRecordCommand({ StreamName, PartitionKey: 'k', ExplicitHashKey: '0', Data: Buffer.from('x') }),
        );
        expect(put.ShardId).toBe(shardIdOf(3));
      });
    });

    describe('the list of shards', () => {
      it('comes in pages, and may be of the open ones only', async () => {
        const StreamName = await stream(5);
        const middle = String(hashKeys / 10n);
        await client.send(
          new SplitShardCommand({ StreamName, ShardToSplit: shardIdOf(0), NewStartingHashKey: middle }),
        );
        await active(StreamName);
        const all = async (first: object): Promise<readonly (string | undefined)[]> => {
          const ids: (string | undefined)[] = [];
          let answer = await client.send(new ListShardsCommand({ StreamName, MaxResults: 2, ...first }));
          for (;;) {
            ids.push(...(answer.Shards ?? []).map(({ ShardId }) => ShardId));
            const { NextToken } = answer;
            if (NextToken === undefined) return ids;
            answer = await client.send(new ListShardsCommand({ NextToken, MaxResults: 2 }));
          }
        };
        expect(await all({})).toEqual([0, 1, 2, 3, 4, 5, 6].map(shardIdOf));
        expect(await all({ ExclusiveStartShardId: shardIdOf(3) })).toEqual([4, 5, 6].map(shardIdOf));
        expect(await all({ ShardFilter: { Type: 'AT_LATEST' } })).toEqual([1, 2, 3, 4, 5, 6].map(shardIdOf));
      });
    });

    it.runIf(kind === 'restarts')('goes on after a restart where it ended', async () => {
      const StreamName = await stream(2);
      const put = (texts: readonly string[]) =>
        client.send(
          new PutRecordsCommand({
            StreamName,
            Records: texts.map((text) => ({ PartitionKey: text, Data: Buffer.from(text) })),
          }),
        );
      const before = (await put(numbered(50))).Records ?? [];
      const start = await iterator(StreamName, 0, {});
      await client.send(
        new SplitShardCommand({
          StreamName,
          ShardToSplit: shardIdOf(1),
          NewStartingHashKey: String((hashKeys / 4n) * 3n),
        }),
      );
      const shards = await shardsOf(StreamName);
      client = await under.restart();
      expect(await shardsOf(StreamName)).toEqual(shards);
      const after = (await put(numbered(50, 50))).Records ?? [];
      const records = [await readFrom(start)];
      for (const shard of [1, 2, 3]) records.push(await readFrom(await iterator(StreamName, shard, {})));
      expect(records.flatMap(textOf).sort()).toEqual(numbered(100).sort());
      const numbers = [...before, ...after].filter(({ ShardId }) => ShardId === shardIdOf(0)).map(numberOf);
      expect(records[0]?.map(numberOf)).toEqual(numbers);
      expect(numbers).toEqual([...numbers].sort(compareSequenceNumbers));
    });
  });
}
