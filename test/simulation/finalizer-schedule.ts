import pLimit from 'p-limit';
import { type FinalizeReport, type FinalizeRequest, finalize } from '../../functions/state/finalizer.ts';
import { sliceCache } from '../../functions/state/merged-slice.ts';
import { outboxPublisher } from '../../functions/state/outbox.ts';
import type { Stream } from '../../functions/state/stream.ts';
import { queryOf, windowName } from './ledger.ts';
import type { Process } from './network.ts';
import { checkRows, idsOfGroups, rowsOfView } from './totals-checks.ts';
import { SimulatedFault, Violation } from './violation.ts';
import type { World } from './world.ts';

/** Lambda's time-out, ms. */
const timeoutMs = 60_000;

/** How long the simulated stream keeps its records, in ms: pages may be deleted two days after that. */
export const retentionMs = 3_600_000;

/** One finalize run by the production code; undefined when it failed, or never came back. */
export function finalizeRun(
  world: World,
  request: FinalizeRequest,
  done: (report: FinalizeReport | undefined) => void,
  fate: 'ends' | 'crashes' = 'ends',
): void {
  const { scheduler, pipeline, random, trace } = world;
  const process = world.startProcess(`finalize/${world.nextFinalize()}`);
  process.isDoomed = fate === 'crashes';
  const { state, windows } = world.tables(process);
  const deadline = scheduler.now() + timeoutMs;
  let settled = false;
  const settle = (report: FinalizeReport | undefined) => {
    if (settled) return;
    settled = true;
    done(report);
  };
  scheduler.after(timeoutMs, () => {
    if (!settled && random.chance(0.5)) process.alive = false;
    settle(undefined);
  });
  trace?.(() => `${process.name} begins`);
  // A container that is free takes the run, with what it remembers of the runs before.
  const cache = world.freeCaches.pop() ?? sliceCache();
  const publisher = outboxPublisher(state, pipeline, new Set(pipeline.sinks.map(({ name }) => name)), () => scheduler.now() + process.skewMs);
  finalize(
    {
      pipeline,
      state,
      windows,
      stream: streamOf(world, process),
      limit: pLimit(8),
      publish: (pane) =>
        pipeline.sinks.length > 0
          ? publisher.publish(pane)
          : world.network.call(
              process,
              () => `publish ${windowName(pane.query, pane)}`,
              () => {
                const name = windowName(pane.query, pane);
                if (pane.status !== 'final') return;
                const final = world.ledger.finals.get(name);
                const query = queryOf(world.ledger, pane.query);
                const rows = rowsOfView(pane);
                checkRows(world.ledger, query, name, rows, 'I9');
                const ids = idsOfGroups(query, rows);
                if (final === undefined || final.size !== ids.length || ids.some((id) => !final.has(id)))
                  throw new Violation('I9', `${name} is published other than it is`);
                world.ledger.published.add(name);
              },
            ),
      now: () => scheduler.now() + process.skewMs,
      runId: process.name,
      remainingMs: () => deadline - scheduler.now(),
      retentionMs,
      cache,
    },
    request,
  ).then(
    (report) => {
      if (!process.isDoomed) world.freeCaches.push(cache);
      trace?.(
        () =>
          `${process.name} ends: watermark ${report.watermark}, ${report.windows} windows, ${report.closingsLeft} left, drained ${report.drained}`,
      );
      settle(report);
    },
    (error) => {
      if (!(error instanceof SimulatedFault))
        world.fail(new Violation('I8', `${process.name} throws ${error instanceof Error ? error.stack : String(error)}`));
      trace?.(() => `${process.name} fails: ${String(error)}`);
      settle(undefined);
    },
  );
}

/** The stream as a finalize run sees it. Kinesis answers truly; `more` too where it has nothing left to give but is behind. */
export function streamOf(world: World, process: Process): Stream {
  const { network, shards, scheduler, random } = world;
  return {
    identity: () =>
      network.call(
        process,
        () => 'describe stream',
        () => ({ name: 'simulated', createdAt: 0 }),
      ),
    listShards: () =>
      network.call(
        process,
        () => 'list shards',
        () => {
          const now = scheduler.now();
          return shards
            .filter(({ createdAt }) => createdAt <= now)
            .map(({ shardId, closedAt, parents }) => ({ shardId, closed: closedAt !== undefined && closedAt <= now, parents }));
        },
      ),
    tail: (shardId, after) =>
      network.call(
        process,
        () => `tail of ${shardId} after ${after}`,
        () => {
          const shard = shards.find((candidate) => candidate.shardId === shardId);
          if (shard === undefined) throw new Violation('I11', `no shard ${shardId}`);
          const now = scheduler.now();
          const from = after === undefined ? 0 : shard.records.findIndex(({ sequenceNumber }) => sequenceNumber === after) + 1;
          const next = shard.records[from];
          if (next !== undefined && next.arrival <= now) return 'more';
          if (world.faults().slow > 0 && random.chance(0.1)) return 'more';
          return shard.closedAt !== undefined && shard.closedAt <= now ? 'end' : 'nothing';
        },
      ),
  };
}
