import type { FinalizeReport } from '../../functions/state/epochs/finalizer.ts';
import { checkEnd, watermarkRose } from './end-checks.ts';
import { type EventSource, eventSource } from './event-source.ts';
import { finalizeRun } from './finalizer-schedule.ts';
import type { SimulationOptions } from './options.ts';
import { type Phase, phasesOf } from './phases.ts';
import { readEndless, reader } from './reader.ts';
import { deliverAll, scheduleSinks } from './sink-runs.ts';
import { Violation } from './violation.ts';
import { createWorld, type World } from './world.ts';

/** The outcome of a simulation. */
export interface Outcome {
  readonly options: SimulationOptions;
  readonly violation: Violation | undefined;
  /** The number of actions. */
  readonly steps: number;
  readonly finalWindows: number;
  readonly events: number;
  readonly lateEvents: number;
  /** The number of epochs that were elected. */
  readonly epochs: number;
  /** The number of logs that were sealed. */
  readonly seals: number;
  /** The phases of the shards at the moment of each given reshard. */
  readonly phases: readonly (readonly Phase[])[];
}

/**
 * A simulation that goes one step at a time. Between two steps the caller lets all promises settle, with one turn of
 * the event loop.
 */
export interface Simulation {
  /** Takes the next step. Returns false when the simulation is over. */
  step(): boolean;
  outcome(): Outcome;
}

/** A bound that no simulation reaches, unless it goes round in circles. */
const mostSteps = 200_000;

/**
 * The time after the end of the faults in which everything has to be committed, ms: some time-outs and the longest
 * pause.
 */
const settleWithinMs = 1_200_000;

/** Longer than any pause, and any call on its way, ms. */
const longestSleepMs = 400_000;

/** The number of finalize runs within which a quiet world is drained. */
const drainRuns = 6;

/**
 * The time without a finalizer where `away` is drawn, ms, and how often it comes: each time a little less than a log
 * waits for it, and in all longer than entries live.
 */
const awayForMs = 13 * 86_400_000;
const timesAway = 4;

/**
 * Prepares one simulation. In its safety phase anything may go wrong. In the liveness phase after it there are no
 * faults, and within a bound everything has to be committed and every window final. The invariants are checked at every
 * write that takes effect, and at the end.
 * @param lines takes the trace
 */
export function simulate(options: SimulationOptions, lines?: string[]): Simulation {
  const world = createWorld(options, lines);
  const phases: (readonly Phase[])[] = [];
  for (const { of, at } of options.reshards ?? []) {
    const parents = of.flatMap((position) => world.shards[position]?.shardId ?? []);
    if (at === 'drain') phases.push(['drain']);
    else world.scheduler.after(at, () => phases.push(phasesOf(world, parents)));
  }
  start(world);
  let steps = 0;
  return {
    step() {
      if (world.isOver()) return false;
      if (++steps > mostSteps) world.fail(new Violation('I8', `${mostSteps} steps and no end`));
      else if (!world.scheduler.step()) world.fail(new Violation('I8', 'nothing happens any more'));
      return !world.isOver();
    },
    outcome: () => ({
      options,
      violation: world.violation,
      steps,
      finalWindows: world.ledger.finals.size,
      events: world.ledger.events.size,
      lateEvents: world.ledger.late.size,
      epochs: world.ledger.epochs.length,
      seals: [...world.ledger.logs.values()].filter((log) => log.at(-1)?.kind === 'seal').length,
      phases,
    }),
  };
}

function start(world: World): void {
  const { scheduler, random, options, shards } = world;
  const sources: EventSource[] = [];
  for (const shard of shards)
    sources.push(
      eventSource(world, shard, () => sources.filter((source) => shard.parents.includes(source.shard.shardId))),
    );
  for (let i = 0; i < options.readers; i++) reader(world, i);
  const endMs = options.putsMs + random.int(0, 100_000);
  let lastRun = options.away
    ? random.int(1, Math.ceil(options.putsMs / options.finalizeEveryMs))
    : Number.POSITIVE_INFINITY;
  function schedule(): void {
    if (world.isQuiet()) return;
    scheduler.after(random.int(options.finalizeEveryMs / 2, options.finalizeEveryMs * 1.5), schedule);
    lastRun--;
    if (lastRun > 0) finalizeRun(world, 'advance', () => {});
    else if (lastRun === 0) finalizeRun(world, 'advance', () => {}, 'crashes');
  }
  scheduler.after(random.int(0, options.finalizeEveryMs), schedule);
  scheduleSinks(world);
  scheduler.after(endMs, () => {
    world.heal();
    settle(world, sources);
  });
}

/** The liveness phase. */
function settle(world: World, sources: readonly EventSource[]): void {
  const { scheduler, options } = world;
  const deadline = scheduler.now() + settleWithinMs;
  const wait = () => {
    if (world.isOver()) return;
    if (!sources.every((source) => source.isDone())) {
      if (scheduler.now() > deadline)
        world.fail(new Violation('I8', 'records are still not committed long after the faults have ended'));
      else scheduler.after(1_000, wait);
      return;
    }
    // All sleeping processes wake up before the end.
    scheduler.after(longestSleepMs, () => {
      if (options.away) stayAway(world, timesAway);
      else scheduler.after(options.idleMs + 10_000, () => advance(world));
    });
  };
  wait();
}

/** Lets finalize come back after a long time, again and again. What may expire does so meanwhile, some of it late. */
function stayAway(world: World, times: number): void {
  const { scheduler } = world;
  scheduler.after(awayForMs, () => {
    world.expire(0.7);
    if (times === 1) advance(world);
    else
      finalizeRun(world, 'advance', (report) => {
        if (report === undefined) world.fail(new Violation('I8', 'a finalize run fails in a quiet world'));
        world.expire(0.7);
        stayAway(world, times - 1);
      });
  });
}

/**
 * Advances the watermark when everything is committed and all shards are idle. A run takes W to the greatest event
 * time. If that run was the first to see a shard, the second one does.
 */
function advance(world: World, run = 1): void {
  finalizeRun(world, 'advance', (report) => {
    if (report === undefined) world.fail(new Violation('I8', 'a finalize run fails in a quiet world'));
    else if (watermarkRose(world.ledger, world.options, report.watermark)) {
      reshardAtDrain(world);
      drain(world, 1);
    } else if (run === 1) world.scheduler.after(world.options.idleMs + 10_000, () => advance(world, 2));
    else world.fail(new Violation('I8', `the watermark stays at ${report.watermark}, though every shard is idle`));
  });
}

/** Ends the shards that are split or merged now, amid the first drain. */
function reshardAtDrain({ options, random, scheduler, shards }: World): void {
  for (const { of, at } of options.reshards ?? []) {
    if (at !== 'drain') continue;
    const parents = of.flatMap((position) => shards[position] ?? []);
    const moment = scheduler.now() + random.int(0, 300);
    for (const parent of parents) parent.closedAt = moment;
    const names = parents.map(({ shardId }) => shardId).join();
    for (const shard of shards) if (shard.parents.join() === names) shard.createdAt = moment + random.int(0, 100);
  }
}

function drain(world: World, run: number): void {
  if (world.isOver()) return;
  finalizeRun(world, 'drain', (report: FinalizeReport | undefined) => {
    if (report?.drained === true) {
      deliverAll(world, () => {
        world.expire(1);
        checked(world, () => checkEnd(world));
        if (world.pipeline.queries.some(({ definedKind }) => definedKind.isEndless === true))
          void readEndless(world).then(() => world.end());
        else world.end();
      });
    } else if (run === drainRuns)
      world.fail(new Violation('I8', `not drained after ${drainRuns} runs in a quiet world`));
    else world.scheduler.after(1_000, () => drain(world, run + 1));
  });
}

function checked(world: World, check: () => void): void {
  try {
    check();
  } catch (error) {
    world.fail(error instanceof Violation ? error : new Violation('I8', String(error)));
  }
}
