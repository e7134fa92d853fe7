import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { DeliveryRefused, type DeliveryReport, deliverWaiting } from '../../functions/state/sinks/delivery.ts';
import type { Waiting } from '../../functions/state/sinks/outbox.ts';
import { redriveLetters } from '../../functions/state/sinks/sink-status.ts';
import { lambdaRun, timeoutMs } from './lambda-run.ts';
import { applyDelivery } from './sink-checks.ts';
import { SimulatedFault, Violation } from './violation.ts';
import type { World } from './world.ts';

/**
 * The probability that a target is away, and the longest absence, ms. It is longer than some of the attempts last, and
 * shorter than others.
 */
const awayChance = 0.02;
const awayMs = 100_000;

/**
 * Performs one run of a sink's function by the production code. Its outcome is undefined when it failed, or never came
 * back.
 */
export function deliverRun(
  world: World,
  sink: Sink,
  done: (report: DeliveryReport | undefined) => void = () => {},
): void {
  const { scheduler, pipeline, sinkRandom: random, trace, network } = world;
  const process = world.startProcess(`deliver/${sink.name}/${world.nextDeliver()}`);
  const { state, windows } = world.tables(process);
  const isAway = () => (world.targetAway.get(sink.name) ?? 0) > scheduler.now();
  const target = {
    order: sink.kind === 'webhook' ? 'ordered' : 'unordered',
    process: sink.kind === 'forEachWindow' ? 'mayEnd' : 'safe',
    update: 'rows',
    async deliver(delivery: Delivery) {
      if (!world.isQuiet() && random.chance(awayChance))
        world.targetAway.set(sink.name, scheduler.now() + random.int(0, awayMs));
      if (isAway()) throw new SimulatedFault(`${sink.name} is away`);
      if (!world.isQuiet() && random.chance(0.01)) throw new DeliveryRefused('not this one');
      await network.call(
        process,
        () => `deliver ${sink.name} ${delivery.id}`,
        () => applyDelivery(world.ledger, sink, delivery),
      );
    },
  } as const;
  const options = {
    pipeline,
    sink,
    state,
    windows,
    target,
    now: () => scheduler.now() + process.skewMs,
    sleep: (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, () => process.alive && resolve())),
    random: () => random.unit(),
    runId: process.name,
    onFailure: (waiting: Waiting, reason: string, outcome: string) =>
      trace?.(() => `${process.name} ${waiting.query} ${waiting.start} ${outcome}: ${reason}`),
  };
  lambdaRun(world, process, random, {
    work: (remainingMs) => deliverWaiting({ ...options, remainingMs }),
    ended: (report) => trace?.(() => `${process.name} ends: ${JSON.stringify(report)}`),
    done,
  });
}

/** Has each sink run now and then, sometimes with two runs at a time. */
export function scheduleSinks(world: World): void {
  const { scheduler, sinkRandom: random, pipeline, options } = world;
  for (const sink of pipeline.sinks) {
    const again = () => {
      if (world.isQuiet()) return;
      scheduler.after(random.int(1, options.finalizeEveryMs), again);
      deliverRun(world, sink);
    };
    scheduler.after(random.int(1, options.finalizeEveryMs), again);
  }
}

/**
 * The number of runs within which a sink has everything in a quiet world: after the longest pause between attempts,
 * with the turn of a run that died.
 */
const mostRuns = 40;

/** Redrives the dead letters and delivers everything, then calls `done`. */
export function deliverAll(world: World, done: () => void): void {
  const { scheduler, pipeline } = world;
  let left = pipeline.sinks.length;
  if (left === 0) done();
  const one = (sink: Sink, run: number): void => {
    if (world.isOver()) return;
    const process = world.startProcess(`redrive/${sink.name}/${run}`);
    const { state } = world.tables(process);
    const options = { pipeline, state, now: () => scheduler.now(), remainingMs: () => timeoutMs };
    redriveLetters(options, sink.name).then(
      () =>
        deliverRun(world, sink, (report) => {
          if (report?.outcome === 'done' && report.oldestMs === 0 && report.deadLetters === 0) {
            if (--left === 0) done();
          } else if (run === mostRuns)
            world.fail(new Violation('I8', `${sink.name} has not everything after ${mostRuns} runs in a quiet world`));
          else scheduler.after(60_000, () => one(sink, run + 1));
        }),
      (error) => world.fail(new Violation('I8', `${process.name} throws ${String(error)}`)),
    );
  };
  for (const sink of pipeline.sinks) one(sink, 1);
}
