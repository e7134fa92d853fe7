import { configurations, type ModelOptions, type Rule } from './world.ts';

/** The start of an exploration: all worlds up to a bound, or walks from a seed. */
export interface Case {
  readonly options: Omit<ModelOptions, 'off'>;
  readonly how: { readonly mostWorlds: number } | { readonly walks: number; readonly seed: number };
}

const twoRuns = { finalizers: 2, runs: 2 };
/** Few records and all their worlds. */
const tiny = { records: configurations.tiny, invocationsAtATime: 1, starts: 2, ...twoRuns };
const tinyWithZombies = { ...tiny, invocationsAtATime: 2 };
const pairWithZombies = { ...tinyWithZombies, records: configurations.pair };
/** Windows that overlap, on two shards, for as many steps as walks take. */
const sliding = { records: configurations.slide, invocationsAtATime: 2, starts: 4, finalizers: 2, runs: 4 };
const walks = { walks: 20_000, seed: 9 };

/** Explorations of the whole protocol, which must find nothing. */
export const whole: Readonly<Record<string, Case>> = {
  'one record, two invocations one after the other, two finalizers that may each run twice': {
    options: tiny,
    how: { mostWorlds: 500_000 },
  },
  'windows that overlap, zombies, finalizers that stand still': { options: sliding, how: { walks: 3_000, seed: 9 } },
  'early panes': { options: { ...sliding, panes: true }, how: { walks: 2_000, seed: 9 } },
  'a reader': { options: { ...sliding, reader: true }, how: { walks: 2_000, seed: 9 } },
  'logs that are read item by item': { options: { ...sliding, tornReads: true }, how: { walks: 1_000, seed: 9 } },
  'emission apart from gathering': { options: { ...sliding, emissionApart: true }, how: { walks: 2_000, seed: 9 } },
};

/** For each rule, an exploration that finds its loss when the rule is turned off. */
export const losses: Readonly<Record<Rule, Case>> = {
  joinReadsEpochAfterRegistering: { options: tiny, how: { mostWorlds: 300_000 } },
  registrationsReadAfterElection: { options: tiny, how: { mostWorlds: 300_000 } },
  joinAtLatestEpoch: { options: tiny, how: { mostWorlds: 300_000 } },
  latenessByTheTailsC: { options: tinyWithZombies, how: { mostWorlds: 300_000 } },
  entryOnlyWhereNoneIs: { options: pairWithZombies, how: { mostWorlds: 300_000 } },
  barrierInEveryLog: { options: tiny, how: { mostWorlds: 300_000 } },
  barrierOnlyWhereNoneIs: { options: sliding, how: walks },
  gatheredAfterEmission: { options: tiny, how: { mostWorlds: 300_000 } },
  logsReadWithoutGaps: { options: { ...sliding, tornReads: true }, how: walks },
  emitOnlyGathered: { options: { ...sliding, emissionApart: true }, how: walks },
  panesByEpoch: { options: { ...sliding, panes: true }, how: walks },
  readersStopAtBarrier: { options: { ...sliding, reader: true }, how: walks },
  closedThroughNeverGoesBack: { options: { ...sliding, records: configurations.pair }, how: walks },
  lastEntryIsKept: {
    options: { records: configurations.lapse, invocationsAtATime: 1, starts: 2, ...twoRuns },
    how: { mostWorlds: 300_000 },
  },
};
