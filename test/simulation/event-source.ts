import { type ShardAggregator, shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { ancestorsOf } from '../../functions/state/stream/stream.ts';
import { streamOf } from './finalizer-schedule.ts';
import type { Process } from './network.ts';
import { SimulatedFault, Violation } from './violation.ts';
import type { SimulatedShard } from './workload.ts';
import type { World } from './world.ts';

interface Container {
  readonly process: Process;
  readonly aggregator: ShardAggregator;
}

/** The event source mapping of one shard, through which Lambda invokes the aggregate function. */
export interface EventSource {
  readonly shard: SimulatedShard;
  /** Whether everything put so far has been reported done. */
  isDone(): boolean;
}

/** Lambda's time-out, ms. */
const timeoutMs = 60_000;

/**
 * Delivers a shard's records in order, from the end of the last success, again and again until it succeeds. A failed
 * batch comes back with the same or other boundaries. A run that timed out may go on beside its retry. Finished batches
 * may come back. A batch goes to a warm container or a cold one. A child shard begins when its parents are done.
 */
export function eventSource(world: World, shard: SimulatedShard, parents: () => readonly EventSource[]): EventSource {
  const { scheduler, random, options, pipeline, trace } = world;
  const { shardId, records } = shard;
  let position = 0;
  let busy = false;
  let containers = 0;
  const idle: Container[] = [];

  const available = () => {
    let count = position;
    while (count < records.length && (records[count]?.arrival ?? Number.POSITIVE_INFINITY) <= scheduler.now()) count++;
    return count;
  };
  const isDone = () => !busy && position === records.length && parents().every((parent) => parent.isDone());

  function poll(): void {
    if (world.isOver() || (world.isQuiet() && isDone())) return;
    scheduler.after(world.isQuiet() ? 1_000 : random.int(0.1 * options.pollMs, options.pollMs), poll);
    if (busy || !parents().every((parent) => parent.isDone())) return;
    if (random.chance(world.faults().redelivery) && position > 0) redeliver();
    const end = available();
    if (end === position) return;
    busy = true;
    const from = position;
    deliver(from, world.isQuiet() ? end : Math.min(end, from + random.int(1, options.batch)), (through) => {
      busy = false;
      position = Math.max(position, through);
    });
  }

  /** Delivers a finished batch once more, to another container and beside anything else that goes on. */
  function redeliver(): void {
    const from = random.int(0, position - 1);
    deliver(from, Math.min(available(), from + random.int(1, options.batch)), () => {});
  }

  /** Invokes the function. `done` is called once, with the index of the first record that is not done. */
  function deliver(from: number, to: number, done: (through: number) => void): void {
    const batch = records.slice(from, to);
    const container = containerFor();
    const deadline = scheduler.now() + timeoutMs;
    let settled = false;
    const settle = (through: number) => {
      if (settled) return;
      settled = true;
      done(through);
    };
    trace?.(() => `${container.process.name} is given records ${from} to ${to - 1} of ${shardId}`);
    scheduler.after(timeoutMs, () => {
      if (settled) return;
      // Lambda mostly kills it; sometimes it goes on as a zombie.
      if (random.chance(0.5)) container.process.alive = false;
      trace?.(() => `${container.process.name} times out${container.process.alive ? ' and goes on' : ''}`);
      settle(from);
    });
    container.aggregator
      .apply(batch, () => deadline - scheduler.now())
      .then(
        ({ resumeAt }) => {
          if (!settled) idle.push(container);
          settle(
            resumeAt === undefined ? to : from + batch.findIndex(({ sequenceNumber }) => sequenceNumber === resumeAt),
          );
        },
        (error) => {
          if (!(error instanceof SimulatedFault)) {
            world.fail(
              new Violation(
                'I8',
                `${container.process.name} throws ${error instanceof Error ? error.stack : String(error)}`,
              ),
            );
            return;
          }
          trace?.(() => `${container.process.name} fails: ${error.message}`);
          if (!settled && random.chance(0.5)) idle.push(container);
          settle(from);
        },
      );
  }

  function containerFor(): Container {
    if (idle.length > 0 && !random.chance(world.faults().cold)) {
      const [warm] = idle.splice(random.int(0, idle.length - 1), 1);
      if (warm?.process.alive === true) return warm;
    }
    const process = world.startProcess(`${shardId}/${++containers}`);
    const { state, rejects } = world.tables(process);
    const stream = streamOf(world, process);
    let attempts = 0;
    const attempt = () => `${process.name}/${++attempts}`;
    const now = () => scheduler.now() + process.skewMs;
    const ancestors = async () => ancestorsOf(await stream.listShards(), shardId);
    return {
      process,
      aggregator: shardAggregator({
        pipeline,
        state,
        rejects,
        shardId,
        ancestors,
        now,
        attempt,
        bounds: options.entries,
      }),
    };
  }

  scheduler.after(Math.max(0, shard.createdAt - scheduler.now()) + random.int(0, 10_000), poll);
  return { shard, isDone };
}
