import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { Counters } from '../../core/events/counters.ts';
import { lastEndOf } from '../../core/fold/empty-windows.ts';
import { globalWatermark, shardWatermark } from '../../core/fold/watermark.ts';
import { windowsOf } from '../../core/fold/window-result.ts';
import { edgesPassed } from '../../core/log/due.ts';
import { mostLanes } from '../../core/log/lane.ts';
import { sectionName } from '../../core/log/section.ts';
import type { LogTotals } from '../../core/log/totals.ts';
import { lastClosing } from '../../core/windows/window.ts';
import { notePassed } from '../items/definition.ts';
import type { StoredEntry } from '../log/entry.ts';
import {
  type EmittedPlace,
  type Epoch,
  type EpochPlace,
  electEpoch,
  readEmitted,
  readEmittedOf,
  readEpochFrom,
  readGathered,
  readNewestEpoch,
} from '../log/epoch.ts';
import { type Held, noteHeldBy, readHeldBy } from '../log/held.ts';
import { checkEpoch, entryLifeMs, readEntries, readTail } from '../log/log.ts';
import { epochBeforeCommands, isShard } from '../log/operator.ts';
import {
  type GatherTask,
  type KnownPlans,
  knownPlans,
  type LogRange,
  lanesOf,
  type Plan,
  placeOf,
  putPlan,
  readNewestPlan,
  readPlan,
} from '../log/plan.ts';
import { readRegistrations } from '../log/registration.ts';
import type { Publisher } from '../sinks/outbox.ts';
import type { Stream } from '../stream/stream.ts';
import type { Table } from '../table/table.ts';
import { cutLog, sealLog } from './barrier.ts';
import { type EpochBounds, epochBounds } from './bounds.ts';
import { countedBetween, eventsAmiss, mismatchesAfter, noSums, sumsOf } from './conservation.ts';
import { feedLifeMs } from './emissions.ts';
import { type EmitOptions, emissionStage, emissionTasksOf, emitEpoch, leastSlice } from './emit.ts';
import { forgetEmitted } from './forget.ts';
import { type GatheredEpoch, type GatherOptions, gatherEpoch, gatherTasks, mergeTasks } from './gather.ts';
import { gatherStage, readMarks, type TaskMark, touchedBy } from './mark.ts';
import { type Observation, observe } from './observe.ts';
import { allSlices, lanesOfQuery, slicesHeld, slicesOfLane } from './segment.ts';
import type { ShardReport } from './shard-report.ts';
import { helpWith, type OtherRuns, runTasks, type TaskRequest, type TaskSet } from './task-runner.ts';

/** The inputs of a finalizer. Time arrives as arguments. */
export interface FinalizerOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly stream: Stream;
  /** Limits how many calls run at a time. */
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  /**
   * Puts a pane into the outboxes of the sinks, durably: at least once, with (query, window, revision) as its id
   * (outbox.ts).
   */
  readonly publish: Publisher['publish'];
  /**
   * Waits for some ms, where nobody waits for this run: schedule and kicks together elect at most one epoch a second,
   * the first after a quiet second at once. Undefined: a caller waits, and nothing is held back.
   */
  readonly pace?: ((ms: number) => Promise<void>) | undefined;
  readonly now: () => number;
  /** An id that no other run has. */
  readonly runId: string;
  readonly remainingMs: () => number;
  /** Other invocations, which take tasks beside this one (task-runner.ts). @default this run does all itself */
  readonly others?: OtherRuns | undefined;
  /** How long the stream keeps its records, in ms: what a zombie may still read outlives it by two days. */
  readonly retentionMs: number;
  /** @default epochBounds */
  readonly bounds?: EpochBounds;
  /**
   * Whether the state is of this pipeline: made with the first reads, before anything is written. It throws where it is
   * not, and returns the pipeline with what the state knows of it. @default nothing is checked
   */
  readonly check?: () => Promise<Pipeline>;
}

/** The outcome of a run. */
export interface FinalizeReport {
  /** Epoch ms; minus infinity before anything has come. */
  readonly watermark: number;
  /** The shard that holds it back. */
  readonly heldBy: string | undefined;
  readonly shards: readonly ShardReport[];
  /** Of all events that were in when it began. */
  readonly counters: Counters;
  /** By how much the laws of conservation do not hold. */
  readonly mismatch: Mismatch;
  /** How many windows it emitted for good. */
  readonly windows: number;
  /** How many panes it emitted of windows that are open: early, on time, late. */
  readonly openPanes: number;
  /** How many windows that hold something are not final, of those that epochs have gathered. */
  readonly windowsOpen: number;
  /** Epochs of queries whose panes are not out, for want of time. */
  readonly closingsLeft: number;
  /** When the first epoch was elected whose panes are not all out, epoch ms; undefined: all are out. */
  readonly unsettledSince: number | undefined;
  /** For a drain: whether everything that was put is in, and so every window final. */
  readonly drained: boolean;
}

/** By how much the laws of conservation do not hold up to the newest epoch that is gathered (DESIGN section 2). */
export interface Mismatch {
  /** The first law: events that are in no class, or in two, or in a class without its pairs; at least 0. */
  readonly events: number;
  /** The second law: pairs that segments lack or have too many, by query, of all epochs; only queries it fails for. */
  readonly pairs: Readonly<Record<string, number>>;
}

/**
 * The request to a run. `advance`: go to the watermark. `drain`, the end of a finite stream: close every window once
 * all is in.
 */
export type FinalizeRequest = 'advance' | 'drain';

/** No task is begun with less time than this, in ms. */
const reserveMs = 5_000;

/** Epochs that a run elects for the same watermark: each may be lost to another run that knew less. */
const mostMore = 3;

/** How much longer than the stream's records things live that nothing needs any more, in ms. */
const graceMs = 2 * 24 * 3_600_000;

/**
 * Observations of one run: another one follows where the shard that is named to hold W has passed an edge meanwhile.
 */
const mostObservations = 3;

/**
 * One run of finalize (DESIGN 4.2). May overlap itself, crash anywhere and run twice. Where there are other invocations
 * and this one has worked for as long as it may, it asks for one that goes on.
 */
export async function finalize(given: FinalizerOptions, request: FinalizeRequest): Promise<FinalizeReport> {
  const begunMs = given.remainingMs();
  const report = await finalizeOnce(given, request);
  const isCutOff = report.closingsLeft > 0 && begunMs >= 2 * reserveMs && !hasTimeIn(given);
  if (isCutOff) await given.others?.start(undefined).catch(() => {});
  return report;
}

/**
 * Takes tasks of a stage for the run that has asked for it. A request that comes late finds nothing to do.
 * @throws Error for a stage that this code does not know
 */
export async function takeTasks(given: FinalizerOptions, { stage, epoch, begin }: TaskRequest): Promise<void> {
  const [plan, pipeline] = await Promise.all([
    readPlan(given.state, epoch),
    given.check === undefined ? given.pipeline : given.check(),
  ]);
  if (plan === undefined) return;
  const options = { ...given, pipeline };
  const set = await taskSet(options, plan, stage);
  if (set !== undefined) await helpWith(gatherOptions(options), set, begin);
}

/** The tasks of a stage; undefined: it is over, or of a query that this code does not know. */
async function taskSet(options: FinalizerOptions, plan: Plan, stage: string): Promise<TaskSet | undefined> {
  const { state, pipeline } = options;
  const gathered = await readGathered(state);
  if (gathered.epoch < plan.epoch)
    return stage === gatherStage
      ? gatherTasks(gatherOptions(options), plan)
      : mergeTasks(gatherOptions(options), plan, stage);
  const query = pipeline.queries.find(({ name }) => stage === emissionStage(name));
  if (query === undefined) return undefined;
  const { epoch, windowBytes } = await readEmittedOf(state, query.name);
  if (epoch >= plan.epoch) return undefined;
  return emissionTasksOf(
    {
      ...emitOptions(options, async () => undefined),
      indexedSince: options.now(),
      windowBytes,
      gathered: Promise.resolve(),
      marks: (of) => marksOf(state, of),
    },
    plan,
    query,
  );
}

/** What this run gathers with. */
function gatherOptions(options: FinalizerOptions): GatherOptions {
  return {
    ...options,
    bounds: boundsOf(options),
    hasTime: () => hasTimeIn(options),
    expiresAt: expiryOf(options),
    isWaitedFor: options.pace === undefined,
  };
}

async function finalizeOnce(given: FinalizerOptions, request: FinalizeRequest): Promise<FinalizeReport> {
  const { state } = given;
  // All that a run begins with is read at once. The order of these reads does not matter: an election that is old is
  // refused, a tail that is old is not the place for a barrier, and W is right for the moment of its reading.
  const [places, first, noted, pipeline] = await Promise.all([
    readPlaces(state),
    observe({ ...given, nowMs: given.now() }),
    readHeldBy(state),
    given.check === undefined ? given.pipeline : given.check(),
  ]);
  const options = { ...given, pipeline };
  const epochs = await epochTurns(options, places);
  let { emitted } = places;
  let known = noted;
  let observation = first;
  let isPaced = false;
  let windows = 0;
  let openPanes = 0;
  for (let observations = 1; ; observations++) {
    const { watermark: computed, heldBy } = globalWatermark(observation.shards, pipeline.delayMs);
    const watermark = Math.max(computed ?? Number.NEGATIVE_INFINITY, epochs.newest.closedThrough);
    if (!isPaced && isDue(options, epochs.newest, watermark, observation, emitted)) {
      isPaced = true;
      if (await keepPace(options, epochs.newest, noted.shards)) {
        observation = await observe({ ...options, nowMs: options.now() });
        continue;
      }
    }
    const held = { by: heldBy, watermark, shards: observation.tails.size };
    const passed = notedEdge(options, known, held);
    const drains = request === 'drain' && (await everythingIn(options, observation.shards));
    if (isDue(options, epochs.newest, watermark, observation, emitted) || (drains && hasFresh(observation)))
      await epochs.next(watermark, observation.tails);
    // Another run may have elected an epoch of its own, with less.
    for (let more = 0; more < mostMore && edgesPassed(pipeline, epochs.newest.closedThrough, watermark); more++)
      if (!(await epochs.next(watermark, observation.tails))) break;
    if (drains && epochs.newest.epoch === epochs.gathered.epoch) {
      const last = await lastClosingOfAll(options, epochs, observation.maxEventTime);
      if (last !== undefined && last > epochs.newest.closedThrough) await epochs.next(last, observation.tails);
    }
    const [out, windowsOpen, mismatch] = await Promise.all([
      emitAll(options, epochs, emitted),
      countOpen(options, epochs),
      compare(options, epochs),
    ]);
    windows += out.finals;
    openPanes += out.openPanes;
    ({ emitted } = out);
    known = held;
    const hasPassed = await passed;
    if (hasPassed(epochs.newest.closedThrough) && observations < mostObservations && hasTimeIn(options)) {
      observation = await observe({ ...options, nowMs: options.now() });
      continue;
    }
    const plan = await epochs.plans.of(epochs.gathered.epoch);
    await sealDrained(options, observation, plan);
    await notePassedQueries(options, emitted, epochs.gathered);
    const hasTime = () => hasTimeIn(options);
    await forgetEmitted(
      { ...options, bounds: boundsOf(options), hasTime, expiresAt: expiryOf(options) },
      plan,
      emitted,
    );
    const left = pipeline.queries
      .map(({ name }) => emitted.get(name)?.epoch ?? 0)
      .filter((epoch) => epoch < epochs.newest.epoch);
    return {
      watermark: Math.max(watermark, epochs.newest.closedThrough),
      heldBy,
      shards: observation.shards,
      counters: observation.counters,
      mismatch,
      windows,
      openPanes,
      windowsOpen,
      closingsLeft: left.length,
      unsettledSince: left.length === 0 ? undefined : (await readEpochFrom(state, Math.min(...left) + 1))?.electedAt,
      drained: drains && left.length === 0,
    };
  }
}

/** Least time between two epochs that nobody waits for, in ms, and for each shard: a barrier is a write a shard. */
const paceMs = 1_000;
const pacePerShardMs = 20;

/**
 * Waits until an epoch may follow the newest one. What comes in meanwhile is in it too.
 * @returns whether it has waited
 */
async function keepPace({ pace, now }: FinalizerOptions, { electedAt }: Epoch, shards: number): Promise<boolean> {
  const gapMs = Math.max(paceMs, pacePerShardMs * shards);
  // A clock that was set back must not hold anything up for longer.
  const leftMs = Math.min(electedAt + gapMs - now(), gapMs);
  if (pace === undefined || !(leftMs > 0)) return false;
  await pace(leftMs);
  return true;
}

/**
 * Cuts all logs now, by an epoch of its own, and emits it: for a caller that waits for what it has put.
 * @param through C is at least this, epoch ms; minus infinity: C stays as it is
 * @returns the epoch; undefined when there was no time for it
 */
export async function cutNow(options: FinalizerOptions, through: number): Promise<number | undefined> {
  const places = await readPlaces(options.state);
  const epochs = await epochTurns(options, places);
  if (!(await epochs.next(through, undefined))) return undefined;
  const { emitted } = await emitAll(options, epochs, places.emitted);
  const { epoch } = epochs.gathered;
  return options.pipeline.queries.every(({ name }) => (emitted.get(name)?.epoch ?? 0) >= epoch) ? epoch : undefined;
}

const boundsOf = ({ bounds = epochBounds }: FinalizerOptions): EpochBounds => bounds;

const hasTimeIn = ({ remainingMs }: FinalizerOptions): boolean => remainingMs() >= reserveMs;

/** How far epochs are, as a run finds it. */
interface Places {
  readonly newest: Epoch;
  readonly gathered: EpochPlace;
  readonly emitted: ReadonlyMap<string, EmittedPlace>;
  /** The latest plan: of the newest epoch, or of the one before it. */
  readonly plan: Plan | undefined;
}

async function readPlaces(state: Table): Promise<Places> {
  const [newest, gathered, emitted, plan] = await Promise.all([
    readNewestEpoch(state),
    readGathered(state),
    readEmitted(state),
    readNewestPlan(state),
  ]);
  return { newest, gathered, emitted, plan };
}

/** The epochs of one run: the newest, how far they are gathered, and the next one. */
interface EpochTurns {
  readonly newest: Epoch;
  /** The segments of all epochs up to this one are there. */
  readonly gathered: EpochPlace;
  /** Resolves when `gathered` is raised to {@link EpochTurns.gathered}, before which nothing of it is emitted. */
  readonly raised: Promise<void>;
  readonly plans: KnownPlans;
  /** The marks of an epoch, read once, when `gathered` is raised: they are all there then, and never change. */
  marks(epoch: number): Promise<readonly TaskMark[]>;
  /**
   * Elects an epoch and takes its turn, up to its segments. Another run may have elected it, with another C.
   * @returns false: there was no time for it
   */
  next(through: number, tails: Observation['tails'] | undefined): Promise<boolean>;
}

/** An epoch that is elected and not gathered is resumed first: the next one cannot begin before. */
async function epochTurns(options: FinalizerOptions, places: Places): Promise<EpochTurns> {
  const { state } = options;
  const plans = knownPlans(state);
  if (places.plan !== undefined) plans.take(places.plan);
  let { newest, gathered }: { newest: Epoch; gathered: EpochPlace } = places;
  // Another run may have raised it since the newest epoch was read.
  if (newest.epoch < gathered.epoch) newest = await electedEpoch(state, gathered.epoch);
  let raised: Promise<void> = Promise.resolve();
  const marks = new Map<number, Promise<readonly TaskMark[]>>();
  const take = async (known: Observation['tails'] | undefined, isOurs: boolean): Promise<boolean> => {
    const turned = await turn(options, plans, newest, known, isOurs, places.emitted);
    if (turned === undefined) return false;
    gathered = newest;
    ({ raised } = turned);
    return true;
  };
  if (newest.epoch > gathered.epoch) await take(undefined, false);
  return {
    plans,
    marks(epoch) {
      const reading = marks.get(epoch) ?? raised.then(() => marksOf(state, epoch));
      marks.set(epoch, reading);
      return reading;
    },
    get newest() {
      return newest;
    },
    get gathered() {
      return gathered;
    },
    get raised() {
      return raised;
    },
    async next(through, tails) {
      if (newest.epoch > gathered.epoch || !hasTimeIn(options)) return false;
      await raised;
      // C never goes back, whatever W does.
      const closedThrough = Math.max(newest.closedThrough, through);
      const wanted: Epoch = { epoch: newest.epoch + 1, closedThrough, electedAt: options.now() };
      const isOurs = (await electEpoch(state, wanted)) === 'applied';
      newest = isOurs ? wanted : await electedEpoch(state, wanted.epoch);
      return take(tails, isOurs);
    },
  };
}

/**
 * Notes who holds W, where that is news, **then** reads the tail of the shard that is named anew, while the epoch takes
 * its turn (kick.ts): the shard may have asked for an epoch before it was named.
 * @returns tells whether that shard has passed an edge behind a C
 */
function notedEdge(
  { state, pipeline }: FinalizerOptions,
  known: Held,
  held: Held,
): Promise<(closedThrough: number) => boolean> {
  const isKnown = known.by === held.by && known.watermark === held.watermark && known.shards === held.shards;
  const passed = (isKnown ? Promise.resolve() : noteHeldBy(state, held)).then(async () => {
    const tail = held.by === undefined || held.by === known.by ? undefined : await readTail(state, held.by);
    const time = tail?.totals.maxEventTime;
    return (closedThrough: number) =>
      time !== undefined && edgesPassed(pipeline, closedThrough, shardWatermark(time, pipeline.delayMs));
  });
  // A run that fails before it waits for it has its own reason.
  passed.catch(() => {});
  return passed;
}

/** When what nothing needs any more may go, epoch seconds. */
function expiryOf({ now, retentionMs }: FinalizerOptions): number {
  return Math.floor((now() + retentionMs + graceMs) / 1000);
}

/** When what feeds read of an epoch may go, epoch seconds. */
function feedExpiryOf({ now, retentionMs }: FinalizerOptions): number {
  return Math.floor((now() + Math.max(feedLifeMs, retentionMs + graceMs)) / 1000);
}

/** The epoch of a number that another run has elected. */
async function electedEpoch(state: Table, epoch: number): Promise<Epoch> {
  const newest = await readNewestEpoch(state);
  if (newest.epoch < epoch) throw new Error(`epoch ${epoch} was refused and is not there`);
  return newest;
}

/** The marks of an epoch's tasks. */
async function marksOf(state: Table, epoch: number): Promise<readonly TaskMark[]> {
  return (await readMarks(state, epoch, epoch)).map(({ mark }) => mark);
}

/** The turn of an epoch that is elected: barriers, the plan, and the segments. Undefined: there was no time for all. */
async function turn(
  options: FinalizerOptions,
  plans: KnownPlans,
  epoch: Epoch,
  tails: Observation['tails'] | undefined,
  isOurs: boolean,
  emitted: ReadonlyMap<string, EmittedPlace>,
): Promise<GatheredEpoch | undefined> {
  const standing = isOurs ? undefined : await plans.of(epoch.epoch);
  const { plan, entries } =
    standing === undefined ? await makePlan(options, plans, epoch, emitted, tails) : { plan: standing };
  plans.take(plan);
  return gatherEpoch({ ...gatherOptions(options), ...(entries && { known: entries }) }, plan);
}

/** A plan that stands, and what was read of the logs for it. */
interface MadePlan {
  readonly plan: Plan;
  /** By shard, each list without gaps. */
  readonly entries?: KnownEntries;
}

type KnownEntries = ReadonlyMap<string, readonly StoredEntry[]>;

/**
 * Cuts every registered log, **then** puts the plan (DESIGN 4.2, steps 2 and 3). The registrations are read after the
 * election: a shard that is not among them joins at this epoch or a later one. The logs that the run knows already are
 * cut, and read, while the registrations are.
 */
async function makePlan(
  options: FinalizerOptions,
  plans: KnownPlans,
  epoch: Epoch,
  emitted: ReadonlyMap<string, EmittedPlace>,
  tails: Observation['tails'] = new Map(),
): Promise<MadePlan> {
  const { state, limit, now, runId } = options;
  const before = await plans.of(epoch.epoch - 1);
  const first = (shardId: string) => (before?.logs[shardId]?.[1] ?? 0) + 1;
  const cutAll = (shardIds: readonly string[]) =>
    Promise.all(
      shardIds.map((shardId) =>
        limit(async () => [shardId, await cutLog(state, shardId, epoch, now(), tails.get(shardId))] as const),
      ),
    );
  const [registrations, known, marks, entries] = await Promise.all([
    readRegistrations(state),
    cutAll([...tails.keys()]),
    before === undefined ? [] : marksOf(state, before.epoch),
    readAhead(options, tails, first),
  ]);
  const others = registrations.filter(({ shardId }) => !tails.has(shardId));
  const open = others.filter(({ sealed }) => sealed === undefined).map(({ shardId }) => shardId);
  const cuts = [...known, ...(await cutAll(open))];
  const passed = cuts.find(([, { outcome }]) => outcome === 'passed');
  if (passed !== undefined) {
    const standing = await plans.of(epoch.epoch);
    if (standing === undefined) throw new Error(`shard ${passed[0]} is past epoch ${epoch.epoch}, which has no plan`);
    return { plan: standing };
  }
  if (before === undefined && epoch.epoch > 1)
    throw new Error(`the plan of epoch ${epoch.epoch - 1}, which says where epoch ${epoch.epoch} begins, is gone`);
  const logs = cuts.flatMap(([shardId, cut]) =>
    cut.outcome === 'cut' ? [{ shardId, first: first(shardId), last: cut.position, totals: cut.totals }] : [],
  );
  const sums = sumsOf([
    ...others.flatMap(({ sealed }) => sealed ?? []),
    ...cuts.flatMap(([, cut]) => (cut.outcome === 'passed' ? [] : cut.totals)),
  ]);
  const plan = await putPlan(
    state,
    {
      epoch: epoch.epoch,
      closedBefore: before?.closedThrough ?? Number.NEGATIVE_INFINITY,
      closedThrough: epoch.closedThrough,
      at: Math.max(now(), before?.at ?? Number.NEGATIVE_INFINITY),
      logs: Object.fromEntries(
        logs.map(({ shardId, first: from, last }): [string, LogRange] => [shardId, [from, last]]),
      ),
      tasks: tasksOf(logs, boundsOf(options)),
      lanes: lanesAfter(options, before, marks, emitted),
      ...sizesAfter(options, before, marks, emitted),
      maxEventTime: Math.max(
        before?.maxEventTime ?? Number.NEGATIVE_INFINITY,
        ...logs.map(({ totals: { maxEventTime } }) => maxEventTime ?? Number.NEGATIVE_INFINITY),
      ),
      sums,
      places: Object.fromEntries(logs.map(({ shardId, totals }) => [shardId, placeOf(totals)])),
      counted: countedBetween(before?.sums ?? noSums, sums),
      mismatches: before === undefined ? {} : mismatchesAfter(before, marks, namesOf(options)),
    },
    runId,
  );
  return { plan, entries };
}

/**
 * The entries up to the tails that are known, where they are few: they are gathered from memory then. What cannot be
 * read here is read when it is gathered.
 */
async function readAhead(
  options: FinalizerOptions,
  tails: Observation['tails'],
  first: (shardId: string) => number,
): Promise<KnownEntries> {
  const { state, limit } = options;
  const fresh = [...tails].flatMap(([shardId, tail]) =>
    tail === undefined || tail.position < first(shardId) ? [] : [{ shardId, tail, from: first(shardId) }],
  );
  const bytes = fresh.reduce((total, { tail }) => total + tail.totals.bytes, 0);
  if (bytes > boundsOf(options).taskBytes) return new Map();
  const read = fresh.map(({ shardId, tail, from }) =>
    limit(async () => {
      const before = tail.position === from ? [] : await readEntries(state, shardId, from, tail.position - 1);
      checkEpoch(shardId, before.at(-1), tail);
      return [shardId, [...before, tail]] as const;
    }),
  );
  return new Map((await Promise.allSettled(read)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
}

const namesOf = ({ pipeline }: FinalizerOptions): readonly string[] => pipeline.queries.map(({ name }) => name);

/** What an epoch cuts off a log, with the totals of its barrier. */
interface CutRange {
  readonly shardId: string;
  readonly first: number;
  readonly last: number;
  readonly totals: LogTotals;
}

/** Cuts the positions of logs into tasks of a bounded number of bytes; a log's entries are taken for equally large. */
function tasksOf(logs: readonly CutRange[], { taskBytes }: EpochBounds): readonly GatherTask[] {
  const tasks: GatherTask[number][][] = [[]];
  let held = 0;
  for (const {
    shardId,
    first,
    last,
    totals: { bytes },
  } of logs) {
    const entries = last - first + 1;
    const pieces = Math.max(1, Math.min(entries, Math.ceil(bytes / taskBytes)));
    for (let piece = 0; piece < pieces; piece++) {
      const from = first + Math.floor((entries * piece) / pieces);
      const to = first + Math.floor((entries * (piece + 1)) / pieces) - 1;
      if (held > 0 && held + bytes / pieces > taskBytes) {
        tasks.push([]);
        held = 0;
      }
      tasks.at(-1)?.push([shardId, from, to]);
      held += bytes / pieces;
    }
  }
  return tasks;
}

/**
 * The lanes of the queries: so many that a lane has about so many bytes of the last window, and of what a task of the
 * epoch before has gathered for one slice. They only grow.
 */
function lanesAfter(
  options: FinalizerOptions,
  before: Plan | undefined,
  marks: readonly TaskMark[],
  emitted: ReadonlyMap<string, EmittedPlace>,
) {
  const { pipeline } = options;
  const { laneBytes } = boundsOf(options);
  if (before === undefined) return {};
  const touched = touchedBy(marks);
  const lanes: Record<string, number> = { ...before.lanes };
  for (const query of pipeline.queries) {
    const name = sectionName(query);
    const now = lanesOf(before, name);
    const gathered = now * (touched.get(name)?.[2] ?? 0);
    const wanted =
      Math.max(gathered, query.window.sessions === undefined ? windowBytesOf(emitted, query) : 0) / laneBytes;
    let count = now;
    while (count < wanted && count < mostLanes) count *= 2;
    if (count > now) lanes[name] = count;
  }
  return lanes;
}

const windowBytesOf = (emitted: ReadonlyMap<string, EmittedPlace>, { name }: Query): number =>
  emitted.get(name)?.windowBytes ?? 0;

/** What a plan says of the sizes of the last windows, and of the first slices. */
function sizesAfter(
  options: FinalizerOptions,
  before: Plan | undefined,
  marks: readonly TaskMark[],
  emitted: ReadonlyMap<string, EmittedPlace>,
): Pick<Plan, 'windowBytes' | 'least'> {
  const { taskBytes, windowsATask } = boundsOf(options);
  const large = options.pipeline.queries.filter((query) => windowBytesOf(emitted, query) * windowsATask > taskBytes);
  const windowBytes = Object.fromEntries(large.map((query) => [query.name, windowBytesOf(emitted, query)]));
  const least: Record<string, number> = { ...before?.least };
  for (const [name, [slice]] of touchedBy(marks)) least[name] = Math.min(least[name] ?? slice, slice);
  const isOpen = before !== undefined && !Number.isFinite(before.closedThrough);
  return { ...(large.length === 0 ? {} : { windowBytes }), ...(isOpen ? { least } : {}) };
}

/** Whether an epoch has something to do (DESIGN 4.2, step 1). */
function isDue(
  options: FinalizerOptions,
  newest: Epoch,
  watermark: number,
  { tails }: Observation,
  emitted: ReadonlyMap<string, EmittedPlace>,
): boolean {
  const { pipeline, now } = options;
  const { mostEntries, mostBytes, oldestMs } = boundsOf(options);
  if (edgesPassed(pipeline, newest.closedThrough, watermark)) return true;
  const nowMs = now();
  if (pipeline.queries.some(({ name }) => (emitted.get(name)?.nextPaneAt ?? Number.POSITIVE_INFINITY) <= nowMs))
    return true;
  const hasOpenPanes = pipeline.queries.some(
    ({ earlyMs, lateMs, latenessMs }) => earlyMs !== undefined || (latenessMs > 0 && lateMs !== undefined),
  );
  for (const [name, tail] of tails) {
    if (tail === undefined || tail.kind === 'seal') continue;
    const { position, kind, putAt, totals } = tail;
    // A command waits for its epoch.
    if (!isShard(name) && totals.freshSince !== undefined) return true;
    if (nowMs - putAt > entryLifeMs / 2) return true;
    if (totals.freshSince === undefined) continue;
    if (hasOpenPanes || position - totals.barrier >= mostEntries || (kind === 'batch' && totals.bytes > mostBytes))
      return true;
    if (nowMs - totals.freshSince > oldestMs) return true;
  }
  return false;
}

/** Whether a log has entries that no epoch has cut off. */
function hasFresh({ tails }: Observation): boolean {
  return [...tails.values()].some((tail) => tail?.totals.freshSince !== undefined);
}

/**
 * Emits the epochs that are gathered, each query on its own and in the order of the epochs. A query that cannot be
 * emitted holds up no other.
 */
async function emitAll(options: FinalizerOptions, epochs: EpochTurns, before: ReadonlyMap<string, EmittedPlace>) {
  const { pipeline, state } = options;
  const { plans, raised, gathered } = epochs;
  const emitted = new Map(before);
  let finals = 0;
  let openPanes = 0;
  const failures: unknown[] = [];
  const doTasks = taskTurns(gatherOptions(options));
  await Promise.all(
    pipeline.queries.map(async (query) => {
      try {
        const place = emitted.get(query.name);
        const indexedSince = place?.indexedSince ?? options.now();
        let last = place?.lastClosing ?? Number.NEGATIVE_INFINITY;
        let windowBytes = place?.windowBytes;
        const begin = await beginOf(state, plans, query, place, gathered.epoch);
        for (let epoch = begin + 1; epoch <= gathered.epoch; epoch++) {
          if (!hasTimeIn(options)) return;
          const plan = await plans.of(epoch);
          if (plan === undefined) throw new Error(`query ${query.name}: epoch ${epoch} is gathered and has no plan`);
          const out = await emitEpoch(
            {
              ...emitOptions(options, doTasks),
              indexedSince,
              windowBytes,
              gathered: raised,
              marks: epochs.marks,
            },
            plan,
            query,
            last,
          );
          last = out.lastClosing;
          finals += out.finals;
          openPanes += out.openPanes;
          if (!out.done) return;
          const { closedThrough, at } = plan;
          const { nextPaneAt } = out;
          ({ windowBytes } = out);
          emitted.set(query.name, {
            epoch,
            closedThrough,
            nextPaneAt,
            lastClosing: last,
            at,
            indexedSince,
            windowBytes,
          });
        }
      } catch (error) {
        failures.push(error);
      }
    }),
  );
  await raised;
  if (failures.length > 0) throw failures[0];
  return { finals, openPanes, emitted };
}

/** What is the same of all emissions of a run. */
function emitOptions(
  options: FinalizerOptions,
  doTasks: EmitOptions['doTasks'],
): Omit<EmitOptions, 'indexedSince' | 'windowBytes' | 'gathered' | 'marks'> {
  return {
    ...options,
    bounds: boundsOf(options),
    hasTime: () => hasTimeIn(options),
    expiresAt: expiryOf(options),
    feedExpiresAt: feedExpiryOf(options),
    doTasks,
  };
}

/** Does the tasks of queries one after the other, so that no more invocations are started than may be at a time. */
function taskTurns(options: GatherOptions): EmitOptions['doTasks'] {
  let before: Promise<unknown> = Promise.resolve();
  return (set) => {
    const turn = before.then(() => runTasks(options, set));
    before = turn.catch(() => {});
    return turn;
  };
}

/**
 * The epoch behind which the emission of a query goes on. A query that was added later, or taken out for a while, has
 * nothing in the epochs before the first of its segments behind that, and the plans of these may be gone.
 */
async function beginOf(
  state: Table,
  plans: KnownPlans,
  query: Query,
  place: EmittedPlace | undefined,
  gathered: number,
): Promise<number> {
  const done = place?.epoch ?? 0;
  if (done >= gathered || (place !== undefined && (await plans.of(done + 1)) !== undefined)) return done;
  let first = gathered;
  for (const lane of lanesOfQuery(await plans.of(gathered), query))
    for await (const { segments } of slicesOfLane(state, lane, allSlices, (all) => all))
      for (const { from } of segments) if (from > done) first = Math.min(first, from);
  // One that only its history fills has commands and no segments.
  const commanded = place === undefined ? await epochBeforeCommands(state, query.name) : undefined;
  return Math.min(first - 1, commanded ?? gathered);
}

/** Seals the logs of shards that are proven drained and gathered. */
async function sealDrained(
  { state, limit, now }: FinalizerOptions,
  { shards, tails }: Observation,
  plan: Plan | undefined,
): Promise<void> {
  if (plan === undefined) return;
  await Promise.all(
    shards.map(({ shardId, state: found }) =>
      limit(async () => {
        const seen = tails.get(shardId);
        if (found !== 'drained' || seen === undefined) return;
        // The barrier of this run's own epoch lies behind what it has observed.
        const tail = seen.position === plan.logs[shardId]?.[1] ? seen : await readTail(state, shardId);
        if (tail !== undefined) await sealLog(state, shardId, tail, plan.epoch, now());
      }),
    ),
  );
}

/**
 * Notes that windows of queries that the pipeline no longer has were passed by: such a query must not come back under
 * its name as if nothing was missing.
 */
async function notePassedQueries(
  { pipeline, state }: FinalizerOptions,
  emitted: ReadonlyMap<string, EmittedPlace>,
  gathered: EpochPlace,
): Promise<void> {
  const known = new Set(pipeline.queries.map(({ name }) => name));
  const passed = [...emitted].filter(
    ([name, { closedThrough, lastClosing: last }]) =>
      !known.has(name) && last > closedThrough && gathered.closedThrough > closedThrough,
  );
  await Promise.all(
    passed.map(([name, place]) => notePassed(state, name, Math.min(place.lastClosing, gathered.closedThrough))),
  );
}

/** Compares both laws at the newest epoch that is gathered; what epochs before it lacked is in its plan. */
async function compare(options: FinalizerOptions, { plans, gathered, marks }: EpochTurns): Promise<Mismatch> {
  const plan = await plans.of(gathered.epoch);
  if (plan === undefined) return { events: 0, pairs: {} };
  return {
    events: eventsAmiss(plan.sums),
    pairs: mismatchesAfter(plan, await marks(plan.epoch), namesOf(options)),
  };
}

/** Most open windows that are counted of a query. */
const mostCounted = 1_000;

/**
 * How many windows that hold something are open. Of sessions: in how many slices an open one may have its last record.
 */
async function countOpen({ pipeline, state }: FinalizerOptions, { plans, gathered }: EpochTurns): Promise<number> {
  const plan = await plans.of(gathered.epoch);
  if (plan === undefined) return 0;
  const { closedThrough } = plan;
  const counts = await Promise.all(
    pipeline.queries.map(async (query) => {
      const open = new Set<number>();
      for (const lane of lanesOfQuery(plan, query))
        for await (const slice of slicesHeld(state, lane, openSlices(query, closedThrough))) {
          if (lastClosing(query.window, slice) > closedThrough) open.add(slice);
          if (open.size >= mostCounted) break;
        }
      if (query.window.sessions !== undefined) return open.size;
      return windowsOf(query, open).filter((window) => window.closing > closedThrough).length;
    }),
  );
  return counts.reduce((total, count) => total + count, 0);
}

/** The slices that windows which are not closed may hold. */
const openSlices = (query: Query, closedThrough: number) => ({ from: leastSlice(query, closedThrough), to: undefined });

/** Whether nothing that was put is not in. */
async function everythingIn({ stream, limit }: FinalizerOptions, shards: readonly ShardReport[]): Promise<boolean> {
  const tails = await Promise.all(
    shards.map((shard) =>
      shard.state === 'drained' ? 'end' : limit(() => stream.tail(shard.shardId, shard.sequenceNumber)),
    ),
  );
  return tails.every((tail) => tail !== 'more');
}

/**
 * The last closing of any slice that holds something: the end of a finite stream closes all windows; of a query with
 * empty windows those too that the stream has come to with the events of others. Undefined: there is none.
 */
async function lastClosingOfAll(
  { pipeline, state }: FinalizerOptions,
  { plans, newest: { epoch, closedThrough } }: EpochTurns,
  maxEventTime: number,
): Promise<number | undefined> {
  const plan = await plans.of(epoch);
  const closings = await Promise.all(
    // An endless window is none to wait for: past its end there would be no time left for any event.
    pipeline.queries
      .filter((query) => !query.definedKind.isEndless)
      .map(async (query) => {
        let last = Number.NEGATIVE_INFINITY;
        for (const lane of lanesOfQuery(plan, query))
          for await (const slice of slicesHeld(state, lane, openSlices(query, closedThrough)))
            last = Math.max(last, lastClosing(query.window, slice));
        if (query.mostEmpty > 0 && Number.isFinite(maxEventTime))
          last = Math.max(last, lastEndOf(query, maxEventTime) + query.latenessMs);
        return last;
      }),
  );
  const last = Math.max(...closings);
  return last > closedThrough ? last : undefined;
}
