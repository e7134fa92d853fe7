/**
 * The world of the explicit-state model checker of the log and its epochs ("State as a log", section 4 of the design):
 * the stored items, the actors under way, and the options of an exploration.
 *
 * Each shard has a log, in which an entry is put only where none is. Epochs are elected, cut every log by a barrier,
 * and are then emitted. Every choice that ought not to matter is free: the C of an epoch, the age of the knowledge with
 * which an invocation begins, the end of a batch, the lifetime of a zombie, the step at which a finalizer dies, and the
 * order of any two actors.
 */

/** The end of each window, where it closes. */
export const windowEnds: Readonly<Record<number, number>> = { 1: 10, 2: 20, 3: 30 };
export const windows: readonly number[] = Object.keys(windowEnds).map(Number);

/** The records of each shard in their order, each as the windows that hold it. Overlapping windows share records. */
export type Records = Readonly<Record<string, readonly (readonly number[])[]>>;

/** The records of explorations, by name. A shard may begin at any time, like the child of a split. */
export const configurations = {
  tiny: { B: [[1]] },
  pair: { A: [[1]], B: [[1]] },
  lapse: { A: [[1], [1]] },
  one: { A: [[1], [2], [1]] },
  two: { A: [[1], [1]], B: [[1], [2]] },
  slide: { A: [[1, 2], [2], [1, 2]], B: [[1, 2]] },
  wide: {
    A: [
      [1, 2],
      [2, 3],
    ],
    B: [[1], [2, 3]],
  },
  three: { A: [[1], [2]], B: [[1]], C: [[1]] },
} as const satisfies Readonly<Record<string, Records>>;

/** The rules of the protocol that can be turned off, each with the behaviour without it. */
export const rules = {
  joinReadsEpochAfterRegistering: 'aggregate reads the latest epoch, and registers its shard then',
  registrationsReadAfterElection: 'finalize reads the registrations, and elects its epoch then',
  joinAtLatestEpoch: 'finalize joins a registered, empty log at its own epoch',
  latenessByTheTailsC: 'an attempt that lost its place judges by the C that it knew',
  entryOnlyWhereNoneIs: 'aggregate appends wherever the log ends now',
  barrierInEveryLog: 'finalize puts no barriers',
  barrierOnlyWhereNoneIs: 'finalize appends its barrier wherever the log ends now',
  gatheredAfterEmission: 'an epoch is noted as gathered before its windows are emitted',
  logsReadWithoutGaps: 'finalize reads a log item by item, and takes what it found though one between is missing',
  emitOnlyGathered: 'what is elected is emitted, gathered or not',
  panesByEpoch: 'an early pane replaces another one by its revision alone',
  readersStopAtBarrier: 'a reader takes all entries of an open window, those behind its closing too',
  closedThroughNeverGoesBack: 'the C of an epoch may be less than that of the epoch before',
  lastEntryIsKept: 'the last entry of a log expires as others do',
} as const;

/** The name of a rule of the protocol. */
export type Rule = keyof typeof rules;

/** The bounds of an exploration, the rules that hold, and the optional parts of the protocol that are played. */
export interface ModelOptions {
  readonly records: Records;
  /** Invocations of one shard at a time: all but the newest are zombies. */
  readonly invocationsAtATime: number;
  /** Invocations of one shard in all. */
  readonly starts: number;
  readonly finalizers: number;
  /** Runs of each finalizer. */
  readonly runs: number;
  readonly off: ReadonlySet<Rule>;
  /** Whether finalize reads a log item by item, and may see a later item without an earlier one. */
  readonly tornReads?: boolean;
  /** Gathering and emission are separate steps, and any run may emit an epoch. */
  readonly emissionApart?: boolean;
  /** Early panes of window 1. */
  readonly panes?: boolean;
  /** A reader reads window 1, twice at most. */
  readonly reader?: boolean;
}

/** A pair of a record, by its number in its shard, and a window. */
export type Pair = readonly [record: number, window: number];

/** An entry of a log: a barrier (the join of a shard is one), or the pairs that a batch added. */
export type Entry =
  | { readonly kind: 'barrier'; readonly epoch: number }
  | {
      readonly kind: 'batch';
      readonly first: number;
      readonly last: number;
      readonly counted: readonly Pair[];
      readonly late: readonly Pair[];
    };

/** The known end of a log: its length, its last record and the epoch of its last barrier. */
export interface Tail {
  readonly position: number;
  readonly last: number;
  readonly epoch: number;
}

/** An invocation of aggregate with the records up to `to` of a shard. */
export interface Invocation extends Tail {
  readonly shard: string;
  /** Whether its outcome is still waited for. A zombie goes on all the same. */
  readonly isLive: boolean;
  readonly to: number;
  readonly step: 'register' | 'read epochs' | 'join' | 'read tail' | 'append';
  /** The latest epoch that it has read, for its join. */
  readonly latestEpoch?: number;
  /** The epoch by whose C an attempt that lost its place judges, where the rule against it is off. */
  readonly judgedAt?: number;
}

/** A run of finalize. */
export interface Finalizer {
  readonly runs: number;
  readonly step: FinalizerStep;
  readonly epoch?: number;
  /** The C that it wants for its epoch. */
  readonly wanted?: number;
  /** The registrations as it read them, and the number of their logs that have its barrier. */
  readonly shards?: readonly string[];
  readonly at?: number;
  readonly position?: number;
  readonly latestEpoch?: number;
  /** A torn read: the next position, and the entries found so far. */
  readonly looked?: number;
  readonly found?: readonly (readonly [position: number, entry: Entry])[];
  /** Logs as a torn read gave them. */
  readonly held?: Readonly<Record<string, readonly Entry[]>>;
  /** The pane that stood when its records were read. */
  readonly standing?: number;
}

export type FinalizerStep =
  | 'idle'
  | 'observe'
  | 'elect'
  | 'read registrations'
  | 'barriers'
  | 'put barrier'
  | 'join for it'
  | 'emit'
  | 'read pane'
  | 'write pane'
  | 'raise gathered'
  | 'what is emitted next'
  | 'raise emitted';

/** An early pane of window 1. */
export interface Pane {
  readonly revision: number;
  readonly epoch: number;
  readonly records: readonly string[];
}

/** Everything that is stored or under way. Steps make new worlds. */
export interface World {
  readonly logs: Readonly<Record<string, readonly Entry[]>>;
  /** The C of each epoch that was elected, from epoch 1 on. */
  readonly epochs: readonly number[];
  readonly registered: readonly string[];
  readonly gathered: number;
  readonly emitted: number;
  /** The records of each final window, as text. */
  readonly finals: Readonly<Record<number, string>>;
  readonly pane: Pane | undefined;
  /** The number of records of each shard that were acknowledged to the stream. */
  readonly acknowledged: Readonly<Record<string, number>>;
  readonly starts: Readonly<Record<string, number>>;
  readonly invocations: readonly Invocation[];
  readonly finalizers: readonly Finalizer[];
  readonly reads: number;
  /** The records of window 1 that a reader saw last. */
  readonly seen: readonly string[] | undefined;
  /** Entries that have expired; undefined if none has. */
  readonly expired: readonly Entry[] | undefined;
  /** A broken assertion of the protocol itself. */
  readonly broken?: string;
}

/** One possible step of an actor, and the world after it. */
export type Step = readonly [label: string, next: World];

export const shardsOf = ({ records }: ModelOptions): readonly string[] => Object.keys(records);

/** The world in which nothing has happened. */
export function beginning(options: ModelOptions): World {
  const each = <T>(value: T) => Object.fromEntries(shardsOf(options).map((shard) => [shard, value]));
  return {
    logs: each([]),
    epochs: [],
    registered: [],
    gathered: 0,
    emitted: 0,
    finals: {},
    pane: undefined,
    acknowledged: each(0),
    starts: each(0),
    invocations: [],
    finalizers: Array.from({ length: options.finalizers }, () => ({ runs: 0, step: 'idle' })),
    reads: 0,
    seen: undefined,
    expired: undefined,
  };
}

export const logOf = (world: World, shard: string): readonly Entry[] => world.logs[shard] ?? [];

/** The end of a log as its first entries tell it. */
export function tailAt(log: readonly Entry[], position: number): Tail {
  let last = 0;
  let epoch = 0;
  for (const entry of log.slice(0, position))
    if (entry.kind === 'barrier') epoch = entry.epoch;
    else last = entry.last;
  return { position, last, epoch };
}

/** The world with an entry at the end of a shard's log. */
export function withEntry(world: World, shard: string, entry: Entry): World {
  return { ...world, logs: { ...world.logs, [shard]: [...logOf(world, shard), entry] } };
}

/** C of an epoch: "closed through". Before the first epoch nothing is closed. */
export const closedThrough = (world: World, epoch: number): number => world.epochs[epoch - 1] ?? 0;

export const isClosed = (window: number, closed: number): boolean =>
  (windowEnds[window] ?? Number.POSITIVE_INFINITY) <= closed;

/** The records of a window in the entries of a log before a barrier of an epoch, as text. */
export function gatheredRecords(shard: string, log: readonly Entry[], epoch: number, window: number): string[] {
  const records: string[] = [];
  let at = 0;
  for (const entry of log) {
    if (entry.kind === 'barrier') at = entry.epoch;
    else if (at < epoch)
      for (const [record, own] of entry.counted) if (own === window) records.push(`${shard}${record}`);
  }
  return records;
}
