import pLimit from 'p-limit';
import type { Pipeline } from '../../../../functions/core/definition/pipeline.ts';
import { finalizeRunsAtATime, finalizeTasksAtATime } from '../../../../functions/core/deployment/settings.ts';
import type { StreamRecord } from '../../../../functions/core/fold/stream-record.ts';
import type { BatchTotals } from '../../../../functions/core/log/totals.ts';
import { totalsAfterBatch } from '../../../../functions/core/log/totals.ts';
import type { FinalizeAnswer } from '../../../../functions/operations/advance.ts';
import { prepareOperation } from '../../../../functions/operations/table.ts';
import type { OtherRuns } from '../../../../functions/state/epochs/task-runner.ts';
import type { LogEntry } from '../../../../functions/state/log/entry.ts';
import { followedLog } from '../../../../functions/state/log/followed-log.ts';
import { edgePassed, isHoldingBack } from '../../../../functions/state/log/kick.ts';
import { putEntry, readTail } from '../../../../functions/state/log/log.ts';
import { type ShardAggregator, shardAggregator } from '../../../../functions/state/log/shard-aggregator.ts';
import { outboxPublisher } from '../../../../functions/state/sinks/outbox.ts';
import type { Stream } from '../../../../functions/state/stream/stream.ts';
import { limitedTable } from '../../../../functions/state/table/limited-table.ts';
import type { Attributes, Table } from '../../../../functions/state/table/table.ts';
import { Violation } from '../../violation.ts';
import type { AwsAccount, Invoked } from './aws-account.ts';
import type { Invocation } from './invocation.ts';
import { recordsThrough } from './scale-pipeline.ts';

/** A shard of the stream. */
export interface AwsShard {
  readonly shardId: string;
  /** Records that were put so far. */
  put: number;
}

/** Applies batches of a shard, each in an invocation of aggregate, from one container that stays warm. */
export interface AwsAggregator {
  readonly shard: AwsShard;
  /** @throws Violation when a batch is cut off or fails */
  apply(records: readonly StreamRecord[]): Promise<Invoked<Applied>>;
}

/** What a batch has come to. */
export interface Applied {
  /** Whether it has asked for a run of finalize. */
  readonly kicked: boolean;
}

/** A batch that a copy of a shard takes over from the shard whose batch was folded. */
export interface FoldedBatch {
  /** Its entry, without the running totals. */
  readonly content: Attributes;
  readonly added: BatchTotals;
}

/** A deployed pipeline in a simulated account. */
export interface AwsPipeline {
  readonly account: AwsAccount;
  readonly pipeline: Pipeline;
  readonly shards: AwsShard[];
  aggregator(shard: AwsShard): AwsAggregator;
  /**
   * Applies a batch that was folded for another shard: all calls of aggregate, none of its folding in this process. Its
   * CPU counts as if it had.
   */
  applyFolded(shard: AwsShard, batch: FoldedBatch): Promise<void>;
  /** A run of finalize, as the schedule and kicks ask for it. */
  finalize(options?: { readonly killAfterMs?: number | undefined }): Promise<Invoked<FinalizeAnswer>>;
  /**
   * Asks for runs of finalize as the schedule does, each minute, until nothing is left to do.
   * @param isDone looked at after each run
   * @param mostMs given up after this, in ms
   */
  schedule(
    isDone: (run: Invoked<FinalizeAnswer>) => boolean,
    mostMs: number,
  ): Promise<readonly Invoked<FinalizeAnswer>[]>;
  /** Resolves when all runs of finalize have ended that kicks and other runs have asked for. */
  settled(): Promise<void>;
  /** How many runs of finalize kicks have asked for. */
  readonly kicks: number;
}

/** Calls to the tables under way at a time, as in functions/finalize.ts. */
const concurrency = 32;

const minuteMs = 60_000;

/** How a pipeline is deployed. */
export interface Deployment {
  /** Invocations of finalize that take tasks beside the one that leads. @default as deployed */
  readonly tasksAtATime?: number;
  /** Whether aggregate asks for runs of finalize. @default on */
  readonly asks?: 'on' | 'off';
}

export function awsPipeline(
  account: AwsAccount,
  pipeline: Pipeline,
  shards: AwsShard[],
  { tasksAtATime = finalizeTasksAtATime, asks = 'on' }: Deployment = {},
): AwsPipeline {
  const { time, limits } = account;
  let ids = 0;
  const newId = () => `id-${++ids}`;
  const under: Promise<unknown>[] = [];
  /** The last entries of the logs of shards whose batches were folded for others, as their containers know them. */
  const tails = new Map<string, LogEntry>();
  let kicks = 0;

  /** A call of Kinesis. */
  const asked = async <T>(invocation: Invocation, answer: () => T): Promise<T> => {
    await invocation.compute(limits.callCpuMs);
    await invocation.wait(limits.callMs);
    return answer();
  };
  const streamFor = (invocation: Invocation): Stream => ({
    identity: () => asked(invocation, () => ({ name: 'scale', createdAt: 0 })),
    listShards: () => asked(invocation, () => shards.map(({ shardId }) => ({ shardId, closed: false }))),
    tail: (shardId, after) =>
      asked(invocation, () => {
        const shard = shards.find((one) => one.shardId === shardId);
        return (after === undefined ? 0 : recordsThrough(after)) < (shard?.put ?? 0) ? 'more' : 'nothing';
      }),
  });

  const finalize = (event: unknown, killAfterMs?: number) =>
    account.invoke(
      'finalize',
      async (invocation, tables) => {
        const limit = pLimit(concurrency);
        const limited = (table: Table) => limitedTable(table, limit);
        const state = limited(tables.state);
        const now = () => invocation.now();
        const { answer } = await prepareOperation(event)({
          pipeline,
          state,
          windows: limited(tables.windows),
          rejects: limited(tables.rejects),
          stream: streamFor(invocation),
          served: new Set(pipeline.sinks.map(({ name }) => name)),
          publish: outboxPublisher(tables.state, pipeline, new Set(pipeline.sinks.map(({ name }) => name)), now)
            .publish,
          wake: () => {},
          now,
          remainingMs: () => invocation.remainingMs(),
          sleep: (ms) => invocation.wait(ms),
          others: tasksAtATime === 0 ? undefined : othersOf(invocation, killAfterMs),
          newId,
          logError: (message, fields) => {
            throw new Violation('I1', `${message}: ${JSON.stringify(fields)}`);
          },
        });
        return answer as FinalizeAnswer;
      },
      { mostAtOnce: tasksAtATime + finalizeRunsAtATime, killAfterMs },
    );

  /** As functions/finalize.ts asks for invocations of itself. */
  const othersOf = (invocation: Invocation, killAfterMs: number | undefined): OtherRuns => ({
    most: tasksAtATime,
    start: async (request) => {
      await asked(invocation, () => {
        under.push(finalize(request === undefined ? {} : { request: 'tasks', ...request }, killAfterMs));
      });
    },
    wait: (ms) => invocation.wait(ms),
  });

  const kickAfter = async (state: Table, shardId: string, before: number | undefined, after: number | undefined) => {
    const edge = edgePassed(pipeline, before, after);
    const kicked = asks === 'on' && edge !== undefined && (await isHoldingBack(state, shardId));
    if (kicked) {
      kicks++;
      under.push(finalize({}));
    }
    return { kicked };
  };

  const deployed: AwsPipeline = {
    account,
    pipeline,
    shards,
    async applyFolded({ shardId }, { content, added }) {
      const { answer, error } = await account.invoke('aggregate', async (invocation, { state }) => {
        const known = tails.get(shardId);
        let before = known ?? (await followedLog(state, shardId, invocation.now())).tail;
        await invocation.compute(added.counters.received * account.costs.fold);
        for (;;) {
          before = (await readTail(state, shardId, before.position)) ?? before;
          const putAt = invocation.now();
          const totals = totalsAfterBatch(before.totals, added, before.kind === 'batch', putAt);
          const entry: LogEntry = { position: before.position + 1, kind: 'batch', putAt, totals };
          if ((await putEntry(state, shardId, before, entry, content)) === 'refused') continue;
          tails.set(shardId, entry);
          return kickAfter(state, shardId, before.totals.maxEventTime, totals.maxEventTime);
        }
      });
      if (answer === undefined) throw new Violation('I8', `aggregate: ${String(error)}`);
    },
    get kicks() {
      return kicks;
    },
    finalize: ({ killAfterMs } = {}) => finalize({}, killAfterMs),
    settled: async () => {
      for (let known = -1; known !== under.length; ) {
        known = under.length;
        await Promise.all(under);
      }
    },
    aggregator(shard) {
      let container: { readonly tables: Switched; readonly aggregator: ShardAggregator } | undefined;
      return {
        shard,
        async apply(records) {
          const invoked = await account.invoke('aggregate', async (invocation, tables) => {
            container ??= containerOf(tables);
            container.tables.now = invocation;
            container.tables.state = tables.state;
            container.tables.rejects = tables.rejects;
            await invocation.compute(records.length * account.costs.fold);
            const report = await container.aggregator.apply(records, () => invocation.remainingMs());
            if (report.resumeAt !== undefined) throw new Violation('I8', `${shard.shardId}: a batch has no time`);
            return kickAfter(tables.state, shard.shardId, report.maxEventTimeBefore, report.maxEventTime);
          });
          if (invoked.answer === undefined) throw new Violation('I8', `aggregate: ${String(invoked.error)}`);
          return invoked;
        },
      };

      function containerOf(tables: { readonly state: Table; readonly rejects: Table }) {
        const switched: Switched = { ...tables, now: undefined };
        const { shardId } = shard;
        return {
          tables: switched,
          aggregator: shardAggregator({
            pipeline,
            state: following(() => switched.state),
            rejects: following(() => switched.rejects),
            shardId,
            now: () => switched.now?.now() ?? time.now(),
            attempt: newId,
          }),
        };
      }
    },
    async schedule(isDone, mostMs) {
      const began = time.now();
      const runs: Invoked<FinalizeAnswer>[] = [];
      let done = false;
      while (!done && time.now() - began < mostMs) {
        const run = finalize({}).then((ended) => {
          runs.push(ended);
          done ||= isDone(ended);
        });
        under.push(run);
        await Promise.race([run, time.sleep(minuteMs)]);
        // The schedule comes each minute, whatever the run before it does.
        if (!done) {
          const next = began + (Math.floor((time.now() - began) / minuteMs) + 1) * minuteMs;
          if (time.now() < next && (time.now() - began) % minuteMs !== 0) await time.sleep(next - time.now());
        }
      }
      await deployed.settled();
      return runs;
    },
  };
  return deployed;
}

/** The tables of the invocation that a container works for now. */
interface Switched {
  state: Table;
  rejects: Table;
  now: Invocation | undefined;
}

/** A table that is whichever one is the right one now: a container outlives its invocations. */
function following(table: () => Table): Table {
  return {
    get: (...call) => table().get(...call),
    query: (...call) => table().query(...call),
    put: (...call) => table().put(...call),
    putAll: (...call) => table().putAll(...call),
    update: (...call) => table().update(...call),
    delete: (...call) => table().delete(...call),
  };
}
