import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type Item, numberOf, type Table } from '../../functions/state/table/table.ts';
import { type ItemStore, itemStore } from '../../functions/testing/item-store.ts';
import { type Random, seededRandom } from '../../functions/testing/random.ts';
import { checkEmptyThrough } from './empty-checks.ts';
import { checkElection, checkEmittedRaise, checkGatheredRaise, checkPlan } from './epoch-checks.ts';
import { checkExpiry } from './expiry-checks.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { checkEntry, checkRegistration, noteSideOutput } from './log-checks.ts';
import { createNetwork, type Network, type Process } from './network.ts';
import { observedStore } from './observed-store.ts';
import { type FaultRates, noFaults, type SimulationOptions } from './options.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { checkMarkAgain, checkSegment, checkSegmentAgain } from './segment-checks.ts';
import { simulatedTable } from './simulated-table.ts';
import { noteOutbox } from './sink-checks.ts';
import { contentText } from './stored-content.ts';
import { Violation } from './violation.ts';
import { checkManifest } from './window-checks.ts';
import { drawShards, olderPipeline, type SimulatedShard, simulatedPipeline } from './workload.ts';

/** The time at which every simulation begins, epoch ms. */
const startMs = 1_600_000_000_000;

export interface ProcessTables {
  readonly state: Table;
  readonly windows: Table;
  readonly rejects: Table;
}

/** Everything in one simulation. */
export interface World {
  readonly options: SimulationOptions;
  readonly pipeline: Pipeline;
  /** The pipeline of the deployment before this one, if that had a query. */
  readonly olderPipeline: Pipeline | undefined;
  readonly random: Random;
  /** The randomness of the sinks, kept apart so that a seed without sinks keeps its meaning. */
  readonly sinkRandom: Random;
  /** The time until which the target of a sink takes nothing, by the sink's name. */
  readonly targetAway: Map<string, number>;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly shards: readonly SimulatedShard[];
  readonly ledger: Ledger;
  readonly stores: { readonly state: ItemStore; readonly windows: ItemStore; readonly rejects: ItemStore };
  readonly trace: ((line: () => string) => void) | undefined;
  startProcess(name: string): Process;
  tables(process: Process): ProcessTables;
  nextFinalize(): number;
  nextDeliver(): number;
  faults(): FaultRates;
  /** Ends the safety phase: nothing goes wrong any more, and sleeping processes wake up. */
  heal(): void;
  /** Whether the safety phase is over. */
  isQuiet(): boolean;
  /** Whether everything is over and nobody starts anything. */
  isOver(): boolean;
  end(): void;
  fail(violation: Violation): void;
  readonly violation: Violation | undefined;
  /**
   * Deletes items of the state table whose expiry has come, as DynamoDB does some time after it and in any order.
   * @param share of them, 0 to 1
   */
  expire(share: number): void;
}

/** @param lines receives the trace; undefined for no trace, which is faster */
export function createWorld(options: SimulationOptions, lines: string[] | undefined): World {
  const random = seededRandom(options.seed ^ 0x2545f491);
  const scheduler = createScheduler(startMs);
  const trace =
    lines === undefined
      ? undefined
      : (line: () => string) => lines.push(`${((scheduler.now() - startMs) / 1000).toFixed(3)} ${line()}`);
  const pipeline = simulatedPipeline(options);
  const shards = drawShards(options, random.fork(), startMs);
  const ledger = createLedger(options, pipeline, shards);
  const stores = { state: itemStore(), windows: itemStore(), rejects: itemStore() };
  const processes: Process[] = [];
  let quiet = false;
  let over = false;
  let violation: Violation | undefined;
  let finalizeRuns = 0;
  let deliverRuns = 0;
  const fail = (found: Violation) => {
    violation ??= found;
    trace?.(() => `VIOLATION ${found.message}`);
  };
  const network = createNetwork({ scheduler, random: random.fork(), faults: options.faults, trace, fail });

  const stateStore = (process: Process) => observedStore(stores.state, stateChanges(process), stateRefusals);
  const stateRefusals = (standing: Item, refused: Item) => {
    if (standing.pk === 'marks') checkMarkAgain(standing, refused);
    else if (isSegment(standing.pk)) checkSegmentAgain(ledger, stores.state, standing, refused);
    else if (isOfKey(standing.pk)) checkSame(standing, refused);
  };
  const stateChanges = (process: Process) => (before: Item | undefined, after: Item) => {
    const { pk } = after;
    if (pk.startsWith('log#')) checkEntry(ledger, stores.state, scheduler.now(), before, after);
    else if (pk === 'registrations') checkRegistration(ledger, before, after);
    else if (pk === 'epochs') checkElection(ledger, options, before, after, process);
    else if (pk === 'plans') checkPlan(ledger, before, after);
    else if (pk === 'gathered') checkGatheredRaise(ledger, after);
    else if (pk === 'emitted') checkEmittedRaise(ledger, after);
    else if (isSegment(pk)) checkSegment(ledger, stores.state, before, after);
    else if (pk === 'definition') checkEmptyThrough(ledger, before, after);
    else if (pk.startsWith('outbox#')) noteOutbox(ledger, after);
    else if (isOfKey(pk)) checkSame(before, after);
  };
  const windowStore = observedStore(stores.windows, (before, after) =>
    checkManifest(ledger, stores.windows, before, after),
  );
  const rejectStore = observedStore(stores.rejects, (_before, after) => noteSideOutput(ledger, after));

  return {
    options,
    pipeline,
    olderPipeline: options.older === 0 ? undefined : olderPipeline(options),
    random,
    sinkRandom: seededRandom(options.seed ^ 0x6a09e667),
    targetAway: new Map(),
    scheduler,
    network,
    shards,
    ledger,
    stores,
    trace,
    startProcess(name) {
      const process = {
        name,
        startedAt: scheduler.now(),
        skewMs: random.int(-3_000, 3_000),
        alive: true,
        pausedUntil: 0,
        isDoomed: false,
      };
      processes.push(process);
      return process;
    },
    tables: (process) => ({
      state: simulatedTable('state', stateStore, process, network),
      windows: simulatedTable('windows', () => windowStore, process, network),
      rejects: simulatedTable('rejects', () => rejectStore, process, network),
    }),
    nextFinalize: () => ++finalizeRuns,
    nextDeliver: () => ++deliverRuns,
    faults: () => (quiet ? noFaults : options.faults),
    heal() {
      quiet = true;
      network.heal();
      trace?.(() => 'from now on nothing goes wrong');
    },
    isQuiet: () => quiet,
    isOver: () => over || violation !== undefined,
    end() {
      over = true;
    },
    fail,
    get violation() {
      return violation;
    },
    expire(share) {
      for (const item of [...stores.state.all()]) {
        const expiresAt = numberOf(item, 'expiresAt');
        if (expiresAt === undefined || expiresAt * 1000 >= scheduler.now() || !random.chance(share)) continue;
        trace?.(() => `${item.pk} / ${item.sk} expires`);
        stores.state.delete(item);
        try {
          checkExpiry(ledger, item);
        } catch (error) {
          fail(error instanceof Violation ? error : new Violation('I18', String(error)));
        }
      }
    },
  };
}

/** Partitions of items whose content follows from their key. */
const ofKey = ['log-part#', 'plan-part#', 'segment#', 'marks', 'sessions#', 'ids#'];

/** Whether a partition holds the segments of a lane, and not the parts of one. */
const isSegment = (pk: string): boolean => pk.startsWith('segment#') && pk.split('#').length === 3;

/** What marks of emissions say may tell that another run was quicker. */
const isOfKey = (pk: string): boolean => ofKey.some((start) => pk.startsWith(start)) && !pk.startsWith('marks#');

/** I17: who puts such an item again puts the same. */
function checkSame(before: Item | undefined, after: Item): void {
  if (before !== undefined && contentText(before) !== contentText(after))
    throw new Violation('I17', `${after.pk} / ${after.sk} changes: ${contentText(before)} ${contentText(after)}`);
}
