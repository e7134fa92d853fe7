import pLimit from 'p-limit';
import {
  type FinalizeReport,
  type FinalizeRequest,
  type FinalizerOptions,
  finalize,
  takeTasks,
} from '../../functions/state/epochs/finalizer.ts';
import type { OtherRuns, TaskRequest } from '../../functions/state/epochs/task-runner.ts';
import { outboxPublisher } from '../../functions/state/sinks/outbox.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import type { PaneOutline } from '../../functions/state/windows/pane.ts';
import { manifestKey } from '../../functions/state/windows/pane-keys.ts';
import { shardsAt, tailAt } from '../../functions/testing/memory-stream.ts';
import { lambdaRun } from './lambda-run.ts';
import { queryOf, windowName } from './ledger.ts';
import type { Process } from './network.ts';
import { rowsOfPane } from './pane-rows.ts';
import { checkRows, idsOfGroups } from './totals-checks.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/** The retention of the simulated stream, ms. */
export const retentionMs = 3_600_000;

/** Performs one finalize run by the production code. Its outcome is undefined when it failed, or never came back. */
export function finalizeRun(
  world: World,
  request: FinalizeRequest,
  done: (report: FinalizeReport | undefined) => void,
  fate: 'ends' | 'crashes' = 'ends',
): void {
  const { random, trace } = world;
  const process = world.startProcess(`finalize/${world.nextFinalize()}`);
  process.isDoomed = fate === 'crashes';
  const options = optionsOf(world, process);
  lambdaRun(world, process, random, {
    work: (remainingMs) => finalize({ ...options, remainingMs }, request),
    ended: ({ watermark, windows, closingsLeft, drained }) => {
      trace?.(
        () =>
          `${process.name} ends: watermark ${watermark}, ${windows} windows, ${closingsLeft} left, drained ${drained}`,
      );
    },
    done,
  });
}

/** Performs an invocation that takes tasks for a run which has asked for it. */
function helpRun(world: World, request: TaskRequest): void {
  const process = world.startProcess(`helper/${world.nextFinalize()}`);
  const options = optionsOf(world, process);
  lambdaRun(world, process, world.random, {
    work: (remainingMs) => takeTasks({ ...options, remainingMs }, request),
    ended: () => {},
    done: () => {},
  });
}

/** The options of a process of finalize, but for its time. */
function optionsOf(world: World, process: Process): Omit<FinalizerOptions, 'remainingMs'> {
  const { scheduler, random, options: drawn } = world;
  const isOlder = !world.isQuiet() && drawn.older > 0 && random.chance(drawn.older);
  const pipeline = (isOlder ? world.olderPipeline : undefined) ?? world.pipeline;
  const { state, windows } = world.tables(process);
  const now = () => scheduler.now() + process.skewMs;
  const publisher = outboxPublisher(state, pipeline, new Set(pipeline.sinks.map(({ name }) => name)), now);
  const publish = (pane: PaneOutline) =>
    pipeline.sinks.length > 0 ? publisher.publish(pane) : hearOf(world, process, pane);
  return {
    pipeline,
    state,
    windows,
    stream: streamOf(world, process),
    limit: pLimit(8),
    publish,
    now,
    runId: process.name,
    retentionMs,
    bounds: drawn.bounds,
    others: drawn.helpers === 0 ? undefined : othersOf(world, process),
  };
}

/**
 * Other invocations as a process asks for them. A request is a call: it may be lost, come late, or come twice. What
 * waits hears of its end as of any call.
 */
function othersOf(world: World, process: Process): OtherRuns {
  const { network, scheduler, options } = world;
  return {
    most: options.helpers,
    start: (request) =>
      network.call(
        process,
        () => `start ${JSON.stringify(request)}`,
        () => {
          if (world.isOver()) return;
          if (request === undefined) finalizeRun(world, 'advance', () => {});
          else helpRun(world, request);
        },
      ),
    wait: (ms) =>
      new Promise<void>((resolve) => scheduler.after(ms, resolve)).then(() =>
        network.call(
          process,
          () => `wait ${ms} ms`,
          () => {},
        ),
      ),
  };
}

/** Hears of a final window, where there are no sinks, and finds it as it is. */
function hearOf({ ledger, network, stores }: World, process: Process, pane: PaneOutline): Promise<void> {
  const name = windowName(pane.query, pane);
  return network.call(
    process,
    () => `publish ${name}`,
    () => {
      if (pane.status !== 'final') return;
      const final = ledger.finals.get(name);
      const query = queryOf(ledger, pane.query);
      const manifest = stores.windows.get(manifestKey(query.name, pane));
      const rows = manifest === undefined ? undefined : rowsOfPane(stores.windows, manifest);
      if (rows === undefined) throw new Violation('I9', `${name} is published and not visible`);
      checkRows(ledger, query, name, rows, 'I9');
      const ids = idsOfGroups(query, rows);
      if (final === undefined || final.size !== ids.length || ids.some((id) => !final.has(id)))
        throw new Violation('I9', `${name} is published other than it is`);
      ledger.published.add(name);
    },
  );
}

/**
 * The stream as a finalize run sees it. Kinesis answers truthfully. It may also answer `more` where nothing is left,
 * because it is behind.
 */
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
        () => shardsAt(shards, scheduler.now()),
      ),
    tail: (shardId, after) =>
      network.call(
        process,
        () => `tail of ${shardId} after ${after}`,
        () => {
          const shard = shards.find((candidate) => candidate.shardId === shardId);
          if (shard === undefined) throw new Violation('I11', `no shard ${shardId}`);
          const tail = tailAt(shard, after, scheduler.now());
          return tail !== 'more' && world.faults().slow > 0 && random.chance(0.1) ? 'more' : tail;
        },
      ),
  };
}
