import type { Table } from '../table/table.ts';
import type { EpochBounds } from './bounds.ts';
import { claimLease, readLease, readLeases, setLease } from './lease.ts';
import { type DoneTask, putMark, readMarked, type StageName } from './mark.ts';

/** The request to an invocation that helps: it takes tasks of a stage of an epoch, as long as there are some. */
export interface TaskRequest extends StageName {
  /** The position of the task with which it begins: invocations begin at different ones. */
  readonly begin: number;
}

/** Other invocations of finalize, which take tasks beside the run that leads. */
export interface OtherRuns {
  /** Most that are started at a time. */
  readonly most: number;
  /**
   * Asks for an invocation, and does not wait for it. A request that is lost does no harm.
   * @param request undefined: a run as the schedule asks for one, which goes on wherever the state is
   */
  readonly start: (request: TaskRequest | undefined) => Promise<void>;
  /** Waits for some ms. */
  readonly wait: (ms: number) => Promise<void>;
}

/** What a run does tasks with. */
export interface TaskOptions {
  readonly state: Table;
  readonly now: () => number;
  readonly bounds: Pick<EpochBounds, 'tasksAlone' | 'leaseMs'>;
  /** Whether there is time for another task. */
  readonly hasTime: () => boolean;
  /** @default one run does all tasks, in their order */
  readonly others?: OtherRuns | undefined;
  /** Whether somebody waits for what the run does: then it stays though another run leads. @default true */
  readonly isWaitedFor?: boolean;
}

/**
 * Pieces of an epoch's work, each small enough for a tenth of a run (DESIGN 4.2). Two runs that do one of them write
 * the same.
 */
export interface TaskSet extends StageName {
  /** In their order. A name is that of the plan, or says all that is done where its mark is there. */
  readonly names: readonly string[];
  /** Does a task. Undefined: there was no time for all of it. */
  readonly run: (name: string) => Promise<DoneTask | undefined>;
  /** When marks may go, epoch seconds. @default they are given an expiry with their epoch (forget.ts) */
  readonly expiresAt?: number;
}

/** The end of a set of tasks. */
export interface TasksDone {
  /** Resolves when all marks are there. */
  readonly marked: Promise<void>;
}

/** How often the run that leads looks for the marks of others, in ms. */
const lookEveryMs = 250;

/** The lease of the run that leads a stage: it waits for the others, and goes on behind them. */
const leader = '~leader';

/** Later than any clock says, epoch ms: the stage is over, and its leader has gone on. */
const forever = Number.MAX_SAFE_INTEGER;

/**
 * Does the tasks that have no mark. The mark is the truth, and is put after the task's output. Few tasks are done in
 * their order, without a call besides. More are taken by other invocations too, each by a lease, which is a hint that
 * somebody is at it: nobody waits for longer than it lasts.
 * @returns undefined: some are left, for want of time, or since another run leads
 */
export async function runTasks(options: TaskOptions, set: TaskSet): Promise<TasksDone | undefined> {
  const { others, bounds } = options;
  if (others === undefined || set.names.length <= bounds.tasksAlone) return inOrder(options, set);
  const isDone = (await sideBySide(options, set, others, 'leads', 0)) === 'all done';
  return isDone ? { marked: Promise.resolve() } : undefined;
}

/**
 * Takes tasks that a run which leads has asked for help with. Whoever puts the last mark sees to it that the epoch goes
 * on, should the leader be gone.
 */
export async function helpWith(options: TaskOptions, set: TaskSet, begin: number): Promise<void> {
  const { others } = options;
  if (others === undefined) return;
  if ((await sideBySide(options, set, others, 'helps', begin)) === 'all done') await handOn(options, set, others);
}

async function inOrder({ state, hasTime }: TaskOptions, set: TaskSet): Promise<TasksDone | undefined> {
  const { names } = set;
  const done = new Set(names.length > 1 ? await readMarked(state, set) : []);
  let marked: Promise<void> = Promise.resolve();
  for (const name of names) {
    if (done.has(name)) continue;
    const output = done.size > 0 && !hasTime() ? undefined : await set.run(name);
    await marked;
    if (output === undefined) return undefined;
    marked = putMark(state, set, name, output, set.expiresAt);
    // Awaited below, or by the caller.
    marked.catch(() => undefined);
    done.add(name);
  }
  return { marked };
}

/** What a run knows of the tasks of a stage, and does about it. */
function stageOf({ state, now, bounds: { leaseMs } }: TaskOptions, set: TaskSet) {
  const { stage, epoch, names } = set;
  const marked = new Set<string>();
  const leases = new Map<string, number>();
  const leaderLease = { stage, epoch, name: leader };
  let leadsUntil: number | undefined;
  return {
    left: (): readonly string[] => names.filter((name) => !marked.has(name)),
    isFree: (name: string) => (leases.get(name) ?? Number.NEGATIVE_INFINITY) < now(),
    async look(): Promise<void> {
      const [marks, held] = await Promise.all([readMarked(state, set), readLeases(state, set)]);
      for (const name of marks) marked.add(name);
      for (const [name, until] of held) leases.set(name, until);
    },
    claim: (name: string) => claimLease(state, { stage, epoch, name }, now(), leaseMs),
    /** @returns whether it is done */
    async take(name: string): Promise<boolean> {
      const output = await set.run(name);
      if (output === undefined) return false;
      await putMark(state, set, name, output, set.expiresAt);
      marked.add(name);
      return true;
    },
    /** Leads, or leads on, for as long as a lease lasts. @returns false: another run does */
    async lead(): Promise<boolean> {
      const until = now() + leaseMs;
      if (leadsUntil === undefined) {
        if (!(await claimLease(state, leaderLease, now(), leaseMs))) return false;
        leadsUntil = until;
      } else if (now() > leadsUntil - leaseMs / 2) {
        await setLease(state, leaderLease, until, now());
        leadsUntil = until;
      }
      return true;
    },
    isLeading: () => leadsUntil !== undefined,
    /** @param goesOn whether this run goes on behind the stage; else any other run may lead from now on */
    endLead: (goesOn: boolean) => setLease(state, leaderLease, goesOn ? forever : now() - 1, now()),
  };
}

/**
 * Takes tasks from a position on that nobody is at, and then those whose leases are old. The run that leads stays until
 * all are done. One that helps leaves when there is nothing left to take, or leads where nobody does.
 * @returns `all done`: every task has its mark, and a run that helps has put one of the last
 */
async function sideBySide(
  options: TaskOptions,
  set: TaskSet,
  others: OtherRuns,
  begins: 'leads' | 'helps',
  begin: number,
): Promise<'all done' | 'left'> {
  const { hasTime, isWaitedFor = true } = options;
  const stage = stageOf(options, set);
  await stage.look();
  if (stage.left().length === 0) return begins === 'leads' ? 'all done' : 'left';
  if (begins === 'leads') {
    if (await stage.lead()) await startOthers(set, others, stage.left());
    else if (!isWaitedFor) return 'left';
  }
  const positions = new Map(set.names.map((name, position) => [name, position]));
  const isBehind = (name: string) => (positions.get(name) ?? 0) >= begin;
  let own = 0;
  for (let left = stage.left(); left.length > 0; left = stage.left()) {
    const free = left.filter(stage.isFree);
    const next = free.find(isBehind) ?? free[0];
    if (next === undefined && hasTime()) {
      // Somebody is at each that is left. One run stays, for the case that one of them has died.
      if (!(await stage.lead()) && begins === 'helps') return 'left';
      await others.wait(lookEveryMs);
      await stage.look();
      continue;
    }
    const isClaimed = next !== undefined && hasTime() && (await stage.claim(next));
    if (next !== undefined && isClaimed && (await stage.take(next))) own++;
    else if (isClaimed || !hasTime()) {
      // Other runs go on, for want of time.
      if (stage.isLeading()) await stage.endLead(false);
      if (stage.isLeading() && begins === 'helps') await others.start(undefined);
      return 'left';
    } else await stage.look();
  }
  if (begins === 'leads' || stage.isLeading()) await stage.endLead(begins === 'leads');
  return begins === 'leads' || own > 0 ? 'all done' : 'left';
}

/** Asks for others to take tasks, which begin at different ones. What is lost of it, this run does itself. */
async function startOthers({ stage, epoch, names }: TaskSet, others: OtherRuns, left: readonly string[]) {
  const count = Math.min(others.most, left.length - 1);
  const starts = Array.from({ length: count }, (_, i) => {
    const name = left[Math.floor(((i + 1) * left.length) / (count + 1))] ?? '';
    return others.start({ stage, epoch, begin: names.indexOf(name) });
  });
  await Promise.allSettled(starts);
}

/** Waits until the leader has gone on behind a stage that is done, and asks for a run where none has. */
async function handOn(options: TaskOptions, set: TaskSet, others: OtherRuns): Promise<void> {
  const { state, now, hasTime, bounds } = options;
  const { stage, epoch } = set;
  while (hasTime()) {
    const until = (await readLease(state, { stage, epoch, name: leader })) ?? 0;
    if (until === forever) return;
    if (until < now()) {
      if (await stageOf(options, set).claim(leader)) await others.start(undefined);
      return;
    }
    await others.wait(Math.min(until - now() + 1, bounds.leaseMs));
  }
}
