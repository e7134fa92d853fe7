import { type OutputMode, outputModes } from '../../functions/core/results/output-mode.ts';
import { type EpochBounds, epochBounds } from '../../functions/state/epochs/bounds.ts';
import { type EntryBounds, entryBounds } from '../../functions/state/log/content.ts';
import { type Random, seededRandom } from '../../functions/testing/random.ts';
import { drawKinds, type Kinds } from './kinds.ts';

/** Probabilities of faults; all zero is a quiet world. */
export interface FaultRates {
  /** A call fails before it takes effect, or is throttled. */
  readonly errorBefore: number;
  /** A call takes effect and fails all the same. */
  readonly errorAfter: number;
  /** A call fails and takes effect later: the client gave up while the request was still on its way. */
  readonly errorThenEffect: number;
  /**
   * The client repeats a call whose answer was lost. The call takes effect twice, and the answer is the second outcome.
   */
  readonly repeated: number;
  /** A call takes long, so that others overtake it. */
  readonly slow: number;
  /** A process stops for a long time when a call returns. */
  readonly pause: number;
  /** A process ends for ever when a call returns. */
  readonly crash: number;
  /** A batch is delivered to two containers at a time, or a finished one again. */
  readonly redelivery: number;
  /** A batch goes to a cold container though a warm one is there. */
  readonly cold: number;
}

/** A shard that is split in two, or two that are merged. */
export interface Reshard {
  /** The shards that end, as numbers from 0 in the order in which shards begin. One is split, two are merged. */
  readonly of: readonly [number] | readonly [number, number];
  /** The time in ms after the beginning of the simulation, or the drain of the stream. */
  readonly at: number | 'drain';
}

/** All decisions about a simulation before it runs. The rest follows from `seed`. */
export interface SimulationOptions extends Kinds {
  readonly seed: number;
  readonly shards: number;
  readonly records: number;
  readonly eventsPerRecord: number;
  readonly keys: number;
  /** Share of the records that are garbage. */
  readonly garbage: number;
  /** Length of the time in which records are put, ms. */
  readonly putsMs: number;
  /** Greatest distance of an event behind the greatest of its shard, ms. */
  readonly disorderMs: number;
  readonly delayMs: number;
  readonly idleMs: number;
  readonly windowMs: number;
  /** The beginning of event time, possibly before 1970. */
  readonly epochMs: number;
  /** The number of windows of the second query that hold each record; 0 for no second query. */
  readonly overlap: number;
  /** `uneven`: the slide does not divide the size. */
  readonly overlapKind: 'sliding' | 'uneven' | 'cumulate';
  /** Time after their end in which windows take late records, ms. */
  readonly latenessMs: number;
  /** The gap of the sessions of a separate query, ms; 0 for no such query. */
  readonly sessionGapMs: number;
  /** The number of slices in a gap. */
  readonly sessionSlices: number;
  readonly expectedKeys: number;
  /** Bytes of padding in each event's id, with which entries outgrow their item. */
  readonly padding: number;
  /** Bytes of padding in each result, with which manifests outgrow their item. */
  readonly bulk: number;
  /** Least age of an open window's pane before the next one, ms; 0 for no early panes. */
  readonly earlyMs: number;
  /** The horizon within which producers' ids identify events sent again, ms; 0 for no deduplication. */
  readonly dedupMs: number;
  /** The modes of the sinks, and how often each tries. */
  readonly sinks: readonly {
    readonly mode: OutputMode;
    readonly attempts: number;
    readonly kind: 'webhook' | 'sqs' | 'forEachWindow';
  }[];
  readonly reshard: 'none' | 'split' | 'merge';
  /** The given splits and merges, instead of one that is drawn. */
  readonly reshards?: readonly Reshard[];
  /** The longest time between two looks of an event source at its shard, ms. */
  readonly pollMs: number;
  /** Most records of a batch. */
  readonly batch: number;
  /** The time between two finalize runs, ms. Runs overlap when it is shorter than a run. */
  readonly finalizeEveryMs: number;
  /**
   * Whether a finalize run crashes and later ones come days apart, over a time that is longer than entries live. What
   * may expire does.
   */
  readonly away: boolean;
  readonly readers: number;
  /** The sizes by which epochs and their tasks are cut. */
  readonly bounds: EpochBounds;
  /** The sizes by which entries are cut. */
  readonly entries: EntryBounds;
  /** Most invocations of finalize that one starts to take tasks beside it; 0: none. */
  readonly helpers: number;
  /** The share of finalize runs by a deployment before this one, which does not know the last query. */
  readonly older: number;
  readonly faults: FaultRates;
}

export const noFaults: FaultRates = {
  errorBefore: 0,
  errorAfter: 0,
  errorThenEffect: 0,
  repeated: 0,
  slow: 0,
  pause: 0,
  crash: 0,
  redelivery: 0,
  cold: 0,
};

/** Draws the options of a seed. */
export function drawOptions(seed: number): SimulationOptions {
  const random = seededRandom(seed);
  const drawn = drawAny(seed, random);
  const shaped = random.chance(0.25) ? { ...drawn, ...drawCrowd(random) } : drawn;
  const options = { ...shaped, ...drawKinds(seed, shaped) };
  // Each is drawn from random numbers of its own, so that a seed keeps the meaning it had before there were kinds of
  // windows and deduplication.
  const kinds = seededRandom(seed ^ 0x2c1b3c6d);
  const overlapKind = kinds.pick(['sliding', 'sliding', 'uneven', 'cumulate'] as const);
  const latenessMs = Math.ceil(options.windowMs * kinds.pick([0, 0, 0, 0.3, 1.5]));
  const event = { windowMs: options.windowMs, putsMs: options.putsMs * options.pace };
  const epochs = drawEpochs(seed, options);
  return {
    ...options,
    overlapKind,
    latenessMs,
    dedupMs: drawDedup(seed, drawn.putsMs),
    sinks: drawSinks(seed),
    ...drawSessions(seed, event),
    ...epochs,
    ...drawHelpers(seed, epochs.bounds),
    ...drawEntries(seed),
  };
}

/**
 * Draws, for half of the seeds with many epochs, invocations that take tasks side by side, where one run should do one
 * task or two.
 */
function drawHelpers(seed: number, bounds: EpochBounds): Pick<SimulationOptions, 'bounds' | 'helpers'> {
  const random = seededRandom(seed ^ 0x9b05688c);
  if (bounds === epochBounds || random.chance(0.5)) return { bounds, helpers: 0 };
  return {
    helpers: random.pick([1, 2, 5]),
    bounds: {
      ...bounds,
      tasksAlone: random.pick([1, 1, 2]),
      leaseMs: random.pick([100, 10_000, 60_000]),
      windowsATask: random.pick([1, 1, 3]),
      lanesAlone: random.pick([1, 1, 2]),
    },
  };
}

/** Draws, in a third of the seeds, entries in parts; and, in others, runs of an older deployment. */
function drawEntries(seed: number): Pick<SimulationOptions, 'entries' | 'older'> {
  const random = seededRandom(seed ^ 0x510e527f);
  const { mostEntryBytes, mostPartBytes, mostLateInPart } = entryBounds;
  return {
    older: random.pick([0, 0, 0.3]),
    entries: random.chance(0.65)
      ? entryBounds
      : {
          mostEntryBytes: random.pick([1, 600, mostEntryBytes]),
          // A kilobyte of it is reckoned for what is around a block.
          mostPartBytes: random.pick([1_050, 1_200, mostPartBytes]),
          mostLateInPart: random.pick([1, mostLateInPart]),
        },
  };
}

/** Faults with which runs come to their end mostly, so that there are many epochs. */
const gentleFaults: FaultRates = {
  ...noFaults,
  errorAfter: 0.002,
  repeated: 0.005,
  slow: 0.003,
  crash: 0.001,
  redelivery: 0.1,
  cold: 0.2,
};

/**
 * Draws, in half of the seeds, many epochs, of which some only gather, with tasks, parts and lanes that a few records
 * fill.
 */
function drawEpochs(
  seed: number,
  options: Pick<SimulationOptions, 'finalizeEveryMs' | 'putsMs' | 'padding' | 'records' | 'faults'>,
): Pick<SimulationOptions, 'finalizeEveryMs' | 'bounds' | 'records' | 'pollMs' | 'faults'> {
  const { finalizeEveryMs, putsMs, padding, records, faults } = options;
  const pollMs = 0.2 * putsMs;
  const random = seededRandom(seed ^ 0x3c6ef372);
  if (random.chance(0.5)) return { finalizeEveryMs, records, pollMs, faults, bounds: epochBounds };
  // As many epochs as it takes until merged segments are merged.
  const isLong = random.chance(0.06);
  const {
    mostEntries,
    mostBytes,
    oldestMs,
    taskBytes,
    tasksAlone,
    leaseMs,
    laneBytes,
    segmentBytes,
    segmentsAtATime,
    idBytes,
    windowsAtATime,
    windowsATask,
    lanesAlone,
    mostKeys,
  } = epochBounds;
  return {
    finalizeEveryMs: putsMs / (isLong ? 120 : random.pick([4, 10, 20, 40])),
    records: isLong ? 110 : records,
    faults: isLong ? gentleFaults : faults,
    pollMs: isLong ? putsMs / 100 : pollMs,
    bounds: {
      mostEntries: isLong ? 1 : random.pick([1, 2, 5, mostEntries]),
      mostBytes: random.pick([100, mostBytes]),
      oldestMs: random.pick([1_000, oldestMs]),
      taskBytes: random.pick([50, 200, taskBytes]),
      tasksAlone,
      leaseMs,
      // Above what one key can hold: the lanes of such a query would double for ever.
      laneBytes: random.pick([40 * (padding + 8), laneBytes]),
      segmentBytes: random.pick([40, segmentBytes]),
      segmentsAtATime,
      windowsATask,
      lanesAlone,
      idBytes: random.pick([100, idBytes]),
      windowsAtATime: random.pick([1, 2, windowsAtATime]),
      mostKeys: random.pick([1, mostKeys]),
      forgetsEvery: random.pick([1, 3, 16]),
    },
  };
}

/** A constant with which no seed of mutations.ts has sinks. Calls to outboxes would give such a seed another course. */
const sinkSeed = 0x1b93f9a4;

function drawSinks(seed: number): SimulationOptions['sinks'] {
  const random = seededRandom(seed ^ sinkSeed);
  if (!random.chance(0.25)) return [];
  return Array.from({ length: random.pick([1, 1, 2, 3]) }, () => ({
    mode: random.pick(outputModes),
    attempts: random.pick([2, 4, 1000]),
    kind: random.pick(['webhook', 'sqs', 'forEachWindow'] as const),
  }));
}

/**
 * Draws the gap of sessions, from the distance of a few records to the length of all, with slices that are fine or as
 * long as the gap.
 */
function drawSessions(
  seed: number,
  { windowMs, putsMs }: Pick<SimulationOptions, 'windowMs' | 'putsMs'>,
): Pick<SimulationOptions, 'sessionGapMs' | 'sessionSlices'> {
  const random = seededRandom(seed ^ 0x7feb3f4f);
  if (!random.chance(0.25)) return { sessionGapMs: 0, sessionSlices: 1 };
  return {
    sessionGapMs: Math.ceil(random.pick([windowMs / 3, windowMs, putsMs / 10, putsMs / 3])),
    sessionSlices: random.pick([1, 2, 3, 8, 50]),
  };
}

function drawDedup(seed: number, putsMs: number): number {
  const random = seededRandom(seed ^ 0x5bd1e995);
  return random.chance(0.3) ? putsMs * random.pick([0.05, 0.2, 1, 2]) : 0;
}

/**
 * Draws a crowd, which needs most rules of the protocol: many containers at one shard's few slices while windows close,
 * or many finalizers at two shards' large windows.
 */
function drawCrowd(random: Random): Partial<SimulationOptions> {
  const quiet = { reshard: 'none', garbage: 0, delayMs: 0, idleMs: 1_000, away: false, readers: 0 } as const;
  const faults = { ...noFaults, errorBefore: 0.01, slow: 0.3, redelivery: 0.7, cold: random.pick([0.2, 0.5]) };
  if (random.chance(0.3))
    return {
      ...quiet,
      shards: 2,
      keys: 2,
      padding: 0,
      // A manifest with parts tells whose rows it shows. Mutations (e) and (u) are found with it, and were not found in
      // 450 seeds without it.
      bulk: 33_000,
      expectedKeys: 1,
      disorderMs: 0,
      overlap: 0,
      earlyMs: random.pick([0, 1]),
      putsMs: 300_000,
      finalizeEveryMs: 7_500,
      windowMs: 50_000,
      faults: { ...noFaults, slow: 0.3 },
    };
  return {
    ...quiet,
    shards: 1,
    keys: random.pick([2, 3]),
    padding: random.pick([0, 100, 300]),
    bulk: 0,
    expectedKeys: random.pick([1, 150]),
    batch: random.pick([2, 5]),
    faults: {
      ...faults,
      errorAfter: 0.02,
      errorThenEffect: random.pick([0, 0.02]),
      slow: random.pick([0.1, 0.3]),
      pause: random.pick([0, 0.02]),
      crash: random.pick([0.01, 0.03]),
    },
  };
}

function drawAny(
  seed: number,
  random: Random,
): Omit<
  SimulationOptions,
  | keyof Kinds
  | 'overlapKind'
  | 'latenessMs'
  | 'dedupMs'
  | 'sessionGapMs'
  | 'sessionSlices'
  | 'sinks'
  | 'bounds'
  | 'pollMs'
  | 'entries'
  | 'older'
  | 'helpers'
> {
  const putsMs = random.pick([60_000, 150_000, 300_000]);
  const grows = random.chance(0.3);
  return {
    seed,
    shards: random.pick([1, 1, 1, 2, 3]),
    records: random.int(3, 20),
    eventsPerRecord: random.pick([1, 1, grows ? 3 : 2]),
    keys: grows ? random.pick([2, 3, 6]) : random.pick([1, 2, 3, 6]),
    garbage: random.pick([0, 0, 0.1]),
    putsMs,
    // Great disorder opens slices that are about to close. There, a batch entry can race with the barrier.
    disorderMs: putsMs * random.pick([0, 0.1, 0.4, 0.8, 0.8, 0.8]),
    delayMs: putsMs * random.pick([0, 0, 0.1]),
    idleMs: random.pick([1_000, 10_000, 60_000]),
    windowMs: putsMs / (grows ? random.pick([1, 2, 5]) : random.pick([2, 5, 10, 20])),
    epochMs: random.pick([0, -100_000, 1_500_000_000_000]),
    overlap: random.pick([0, 0, 2, 3]),
    expectedKeys: random.pick([1, 1, 150, 300]),
    padding: grows ? random.pick([100, 300]) : 0,
    bulk: random.chance(0.08) ? 33_000 : 0,
    earlyMs: random.pick([0, 0, 0, 1_000]),
    reshard: random.pick(['none', 'none', 'none', 'split', 'merge']),
    batch: random.pick([2, 5, 12]),
    finalizeEveryMs: putsMs / random.pick([2, 2, 4, 10]),
    away: random.chance(0.05),
    readers: random.pick([0, 0, 0, 2]),
    faults: drawFaults(random),
  };
}

function drawFaults(random: Random): FaultRates {
  if (random.chance(0.05)) return noFaults;
  const rate = (...of: [number, ...number[]]) => random.pick(of);
  return {
    errorBefore: rate(0, 0.01, 0.05),
    errorAfter: rate(0, 0.01, 0.05),
    errorThenEffect: rate(0, 0, 0.02),
    repeated: rate(0, 0, 0.03),
    slow: rate(0, 0.05, 0.2),
    pause: rate(0, 0.01, 0.04),
    crash: rate(0, 0.005, 0.02),
    redelivery: rate(0, 0.1, 0.4),
    cold: rate(0, 0.2, 0.6),
  };
}
