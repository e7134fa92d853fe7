import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type Item, numberOf, type Table } from '../../functions/state/table/table.ts';
import type { SliceCache } from '../../functions/state/windows/merged-slice.ts';
import { checkEmptyThrough } from './empty-checks.ts';
import { checkHorizon } from './horizon-checks.ts';
import { type ItemStore, itemStore } from './item-store.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { createNetwork, type Network, type Process } from './network.ts';
import { observedStore } from './observed-store.ts';
import { type FaultRates, noFaults, type SimulationOptions } from './options.ts';
import { checkPage } from './page-checks.ts';
import { checkProgress, noteSideOutput } from './progress-checks.ts';
import { type Random, seededRandom } from './random.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { checkSessions } from './session-checks.ts';
import { simulatedTable } from './simulated-table.ts';
import { noteOutbox } from './sink-checks.ts';
import type { Violation } from './violation.ts';
import { checkManifest } from './window-checks.ts';
import { drawShards, type SimulatedShard, simulatedPipeline } from './workload.ts';

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
  readonly random: Random;
  /** The randomness of the sinks, kept apart so that a seed without sinks keeps its meaning. */
  readonly sinkRandom: Random;
  /** The time until which the target of a sink takes nothing, by the sink's name. */
  readonly targetAway: Map<string, number>;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly shards: readonly SimulatedShard[];
  readonly ledger: Ledger;
  /** The memory of finalize's containers that have nothing to do at the moment. */
  readonly freeCaches: SliceCache[];
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
  /** Deletes the items of the state table whose expiry has come, as DynamoDB does some time after it. */
  expire(): void;
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

  const stateStore = (process: Process) =>
    observedStore(stores.state, (before: Item | undefined, after: Item) => {
      if (after.pk.startsWith('page#')) checkPage(ledger, before, after);
      else if (after.pk === 'horizon') {
        const { finalizedThrough } = ledger.horizon;
        checkHorizon(ledger, options, before, after, process);
        if (ledger.horizon.finalizedThrough > finalizedThrough)
          checkSessions(ledger, stores.state, finalizedThrough, ledger.horizon.finalizedThrough);
      } else if (after.pk === 'definition') checkEmptyThrough(ledger, before, after);
      else if (after.pk.startsWith('outbox#')) noteOutbox(ledger, after);
      else if (after.pk.startsWith('progress#')) checkProgress(ledger, options.idleMs, scheduler.now(), before, after);
    });
  const windowStore = observedStore(stores.windows, (before, after) =>
    checkManifest(ledger, stores.windows, before, after),
  );
  const rejectStore = observedStore(stores.rejects, (_before, after) => noteSideOutput(ledger, after));

  return {
    options,
    pipeline,
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
    freeCaches: [],
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
    expire() {
      for (const item of [...stores.state.all()]) {
        const expiresAt = numberOf(item, 'expiresAt');
        if (expiresAt !== undefined && expiresAt * 1000 < scheduler.now()) stores.state.delete(item);
      }
    },
  };
}
