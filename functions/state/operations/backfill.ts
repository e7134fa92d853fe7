import { argumentError } from '../../core/arguments/error.ts';
import type { BackfillRange } from '../../core/definition/backfill.ts';
import { backfillPipeline, backfillQuery } from '../../core/definition/backfill.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { compareSequenceNumbers, type SequenceNumber } from '../../core/events/sequence-number.ts';
import { decodePartials } from '../../core/fold/partial.ts';
import type { ShardProgress } from '../../core/log/totals.ts';
import type { EmittedWindow } from '../../core/windows/window.ts';
import { type ClaimOptions, type Claims, createClaims, missedWindows } from '../commands/claims.ts';
import { type CommandOutcome, commitCommand, readCommand } from '../commands/command.ts';
import { lateLedger } from '../commands/late-ledger.ts';
import { isStaged, stageNames, stageWindows } from '../commands/staged.ts';
import { deleteStaging, noteStaging } from '../commands/staging.ts';
import { readAllProgress, readWatermarks } from '../epochs/progress.ts';
import { noteFilled, readFilling } from '../items/definition.ts';
import type { StoredSideEvent } from '../items/side-event.ts';
import type { SidePlace } from '../items/side-place.ts';
import type { Stream } from '../stream/stream.ts';
import type { Table } from '../table/table.ts';
import { recordName } from '../windows/correction-log.ts';
import { windowText } from '../windows/pane-keys.ts';
import { readPaneHead } from '../windows/pane-reader.ts';
import { scanLate } from './late-scan.ts';

/**
 * A window of the history that was folded elsewhere: its bounds in epoch ms, the number of its records, and its partial
 * aggregates, encoded.
 */
export type HistoryWindow = readonly [start: number, end: number, records: number, partials: string];

/** The inputs of a backfill. */
export interface BackfillOptions extends ClaimOptions {
  readonly pipeline: Pipeline;
  readonly windows: Table;
  readonly stream: Stream;
}

/**
 * The records that the input of a backfill holds: of the stream's shards from a sequence number to another one, both
 * inclusive; of files those that arrived before a time, epoch ms.
 */
export type Coverage =
  | { readonly shards: Readonly<Record<string, readonly [first: SequenceNumber, last: SequenceNumber]>> }
  | { readonly arrivedBefore: number };

/** The steps of a backfill, in their order. */
export type BackfillStep =
  /** How far the query is. */
  | { readonly do: 'look' }
  /** Counts the late events that nobody has decided about, and whose windows are not final. */
  | { readonly do: 'late'; readonly after: SidePlace | undefined }
  /** Hands windows over, under an id that no other backfill has. */
  | { readonly do: 'stage'; readonly id: string; readonly windows: readonly HistoryWindow[] }
  /** Takes the late events that are in the windows handed over: the input held them. */
  | { readonly do: 'claim'; readonly id: string; readonly holds: Coverage; readonly after: SidePlace | undefined }
  /** Commits, and waits for the epoch. */
  | {
      readonly do: 'commit';
      readonly id: string;
      readonly by: string;
      /** How many windows were handed over. */
      readonly windows: number;
      /** They are all that there are: the query is filled until the end of the range. */
      readonly isWhole: boolean;
    }
  /** Marks the late events that it took. */
  | { readonly do: 'settle'; readonly id: string; readonly after: SidePlace | undefined };

/** The answer to a step of a backfill. Times are epoch ms. */
export interface Backfill {
  /** Windows that it made final. */
  readonly written: number;
  /** Windows that were final before. They stay as they are. */
  readonly standing: number;
  /** Late events that this call counted, took or settled. */
  readonly late: number;
  /** The epoch that holds it; null: it is not committed yet, or has no windows. */
  readonly epoch: number | null;
  /** False: the step ran short of time, and has to be asked for again. */
  readonly done: boolean;
  /** How far a step that looks through the late events has come; null when it is done. */
  readonly progress: SidePlace | null;
  /** The time from which the query counts the stream; null: from its deployment on. */
  readonly from: number | null;
  /** Below this time, no record of the stream is counted any more; null before anything has come. */
  readonly closedThrough: number | null;
  /** The time up to which the query is filled; null: it is not filled at all. */
  readonly filledThrough: number | null;
  /** For `look`: the last record of each shard that is in its log. What comes later is not decided yet. */
  readonly committed: Readonly<Record<string, SequenceNumber>>;
}

/** How long the claims of a backfill hold, in ms: until it commits, many calls may be made. */
const claimMs = 10 * 60_000;

/** No step goes on with less time than this, in ms. */
const reserveMs = 10_000;

/** Late events that are claimed or settled together. */
const eventsAtATime = 500;

/**
 * One step of a backfill: it makes windows of a query's history final, as if the stream had held it. Nothing is counted
 * twice: the range has to lie where the stream's records go into no window of the query any more, before its `from` or
 * at or below what is final; and late events that its input held are settled as in, while later ones can still be
 * replayed. A window that is final stays as it is, and so do its late events. Windows are staged first and written by
 * the epoch that cuts the command off (DESIGN 4.3).
 * @throws TidemarkError when the stream's own records may still go into a window of the range, a window lies outside of
 * it, or records of the input are not decided yet
 */
export async function backfill(options: BackfillOptions, range: BackfillRange, step: BackfillStep): Promise<Backfill> {
  const { pipeline, state } = options;
  const query = backfillQuery(pipeline, range.query);
  const [{ window: inRange, until: lastEnd } = query] = backfillPipeline(pipeline, range).queries;
  const { closedThrough, finalizedThrough } = await readWatermarks(state, [query]);
  const { until } = range;
  if (until > query.from && lastEnd + query.latenessMs > finalizedThrough)
    throw argumentError(
      'until',
      isoTime(until),
      `is after what the stream has left behind for good: ${Number.isFinite(finalizedThrough) ? `its windows are final until ${isoTime(finalizedThrough)}` : 'none of its windows is final'}, ` +
        `and ${query.name} ${Number.isFinite(query.from) ? `begins at ${isoTime(query.from)}` : 'has no from'}: give an earlier time`,
    );
  const run: Run = { options, query, range, claims: createClaims(options), windowsEnding: (end) => inRange.emit(end) };
  const part = await steps(run, step);
  const [{ filledThrough }, progress] = await Promise.all([
    readFilling(state, query.name),
    step.do === 'look' ? readAllProgress(state) : new Map<string, ShardProgress>(),
  ]);
  return {
    ...nothing,
    ...part,
    from: finite(query.from),
    closedThrough: finite(closedThrough),
    filledThrough: filledThrough ?? null,
    committed: Object.fromEntries(
      [...progress].flatMap(([shardId, { sequenceNumber }]) =>
        sequenceNumber === undefined ? [] : [[shardId, sequenceNumber]],
      ),
    ),
  };
}

/** What the steps of a backfill work with. */
interface Run {
  readonly options: BackfillOptions;
  readonly query: Query;
  readonly range: BackfillRange;
  readonly claims: Claims;
  /** The windows of the range that end at a moment. */
  readonly windowsEnding: (end: number) => readonly EmittedWindow[];
}

/** What a step says. */
type StepAnswer = Pick<Backfill, 'written' | 'standing' | 'late' | 'epoch' | 'done' | 'progress'>;

const nothing: StepAnswer = { written: 0, standing: 0, late: 0, epoch: null, done: true, progress: null };

async function steps(run: Run, step: BackfillStep): Promise<Partial<StepAnswer>> {
  switch (step.do) {
    case 'look':
      return {};
    case 'late':
      return lookThrough(run, step.after, (events) => countOpen(run, events));
    case 'stage':
      return stage(run, step.id, step.windows);
    case 'claim':
      if (step.after === undefined) await checkDecided(run, step.holds);
      return lookThrough(run, step.after, (events) => claimCovered(run, step.id, step.holds, events));
    case 'commit':
      return commit(run, step);
    case 'settle':
      return lookThrough(run, step.after, (events) => settleOwn(run, step.id, events));
  }
}

/** The windows of the range that a late event has missed. */
function missedIn({ query, range: { since, until } }: Run, event: StoredSideEvent): readonly EmittedWindow[] {
  return missedWindows(query, event).filter(({ start }) => start >= since && start < until);
}

/** Late events as a step takes them: how many of them counted, and whether it was at all able to decide about them. */
interface Taken {
  readonly counted: number;
  /** False: others are at work on some of them, or there was no time. */
  readonly done: boolean;
}

/** Takes the late events of windows in the range, some at a time, as far as there is time. */
async function lookThrough(
  run: Run,
  after: SidePlace | undefined,
  take: (events: readonly StoredSideEvent[]) => Promise<Taken>,
): Promise<Partial<StepAnswer>> {
  const { options, query, range } = run;
  // The stream's records go into no window before the query's beginning, and are late for none.
  if (range.until <= query.from) return {};
  const ledger = lateLedger(options.state, query);
  let late = 0;
  let place = after;
  let reached = after;
  let held: StoredSideEvent[] = [];
  const takeHeld = async () => {
    const { counted, done } = await take(held);
    late += counted;
    held = [];
    if (done) place = reached;
    return done;
  };
  const answer = (done: boolean) => ({ late, done, progress: done ? null : (place ?? (['', 0, ''] as const)) });
  const all = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
  for await (const { event, place: at } of scanLate(options, query, all, options.now(), after)) {
    if (event !== undefined && missedIn(run, event).length > 0 && (await ledger.judge(event)) === 'late')
      held.push(event);
    reached = at;
    if (held.length === 0) place = reached;
    if (held.length >= eventsAtATime && !(await takeHeld())) return answer(false);
    if (options.remainingMs() < reserveMs) return answer(false);
  }
  return answer(held.length === 0 || (await takeHeld()));
}

/**
 * The events that no command has, once those of commands that count are brought to their end.
 * @returns undefined: others are at work on some of them, or there was no time
 */
async function freeOf({ claims, query }: Run, events: readonly StoredSideEvent[], own?: string) {
  const free: StoredSideEvent[] = [];
  for (const event of events) {
    if (own !== undefined && event.claim?.id === own) continue;
    const standing = await claims.lookAt(event);
    if (standing === 'busy') return undefined;
    const ended = standing === 'taken' ? await claims.finish(query, event) : event;
    if (ended === undefined) return undefined;
    if (ended.settled === null) free.push(ended);
  }
  return free;
}

/** Counts events that would be brought a second time, or be lost to a replay, if nobody said what the input holds. */
async function countOpen(run: Run, events: readonly StoredSideEvent[]): Promise<Taken> {
  const free = await freeOf(run, events);
  if (free === undefined) return { counted: 0, done: false };
  const { windows } = run.options;
  const open = await Promise.all(
    free.map(async (event) => {
      const heads = await Promise.all(missedIn(run, event).map((window) => readPaneHead(windows, run.query, window)));
      return heads.some((head) => head?.status !== 'final');
    }),
  );
  return { counted: open.filter((one) => one).length, done: true };
}

async function stage(
  { options: { state, now }, query, range: { since, until }, windowsEnding }: Run,
  id: string,
  history: readonly HistoryWindow[],
): Promise<Partial<StepAnswer>> {
  const staged = history.map(([start, end, records, partials]) => {
    if (windowsEnding(end).every((window) => window.start !== start))
      throw argumentError(
        'windows',
        `${start}/${end}`,
        `is not a window of ${query.name} in the range that is filled: run tidemark backfill of the same release`,
      );
    return { start, end, records, partials: decodePartials(query, partials) };
  });
  await stageWindows(state, id, query, staged, now());
  await noteStaging(state, { id, query: query.name, since, until, at: now() });
  return {};
}

/** Refuses an input that holds records which are in no log yet: it would be decided later that they are late. */
async function checkDecided({ options: { state, stream }, query, range }: Run, holds: Coverage): Promise<void> {
  // The stream's records go into no window before the query's beginning.
  if (range.until <= query.from) return;
  const [progress, shards] = await Promise.all([readAllProgress(state), stream.listShards()]);
  await Promise.all(
    shards.map(async ({ shardId }) => {
      const { sequenceNumber, lastArrival = Number.NEGATIVE_INFINITY } = progress.get(shardId) ?? {};
      if ('shards' in holds) {
        const [, last] = holds.shards[shardId] ?? [];
        if (last === undefined || (sequenceNumber !== undefined && compareSequenceNumbers(last, sequenceNumber) <= 0))
          return;
      } else if (lastArrival >= holds.arrivedBefore || (await stream.tail(shardId, sequenceNumber)) !== 'more') return;
      throw argumentError(
        'shards' in holds ? 'shards' : 'arrivedBefore',
        shardId,
        'still has records that the input holds and that are in no window yet: run it again when they are (tidemark status)',
      );
    }),
  );
}

function isCovered(holds: Coverage, { shardId, sequenceNumber, arrival }: StoredSideEvent): boolean {
  if ('arrivedBefore' in holds) return arrival < holds.arrivedBefore;
  const [first, last] = holds.shards[shardId] ?? [];
  return (
    first !== undefined &&
    last !== undefined &&
    compareSequenceNumbers(sequenceNumber, first) >= 0 &&
    compareSequenceNumbers(sequenceNumber, last) <= 0
  );
}

/** Claims the late events that the input held, of windows that were handed over. */
async function claimCovered(run: Run, id: string, holds: Coverage, events: readonly StoredSideEvent[]): Promise<Taken> {
  const { state, now } = run.options;
  const covered = events.filter((event) => isCovered(holds, event));
  const free = await freeOf(run, covered, id);
  if (free === undefined) return { counted: 0, done: false };
  const found = await Promise.all(
    free.map(async (event) => {
      const missed = missedIn(run, event);
      const staged = await Promise.all(missed.map((window) => isStaged(state, id, window)));
      return { event, windows: missed.filter((_, i) => staged[i]) };
    }),
  );
  const wanted = found.filter(({ windows }) => windows.length > 0);
  const got = await run.claims.claimAll(id, wanted, claimMs);
  const names = new Map<string, { readonly window: EmittedWindow; readonly names: string[] }>();
  for (const { event, windows } of got)
    for (const window of windows) {
      const of = names.get(windowText(window)) ?? { window, names: [] };
      of.names.push(recordName(event));
      names.set(windowText(window), of);
    }
  await Promise.all([...names.values()].map((of) => stageNames(state, id, of.window, of.names, now())));
  return { counted: got.length, done: got.length === wanted.length };
}

/** Commits a backfill, waits for its epoch, and notes how far the query is filled then. */
async function commit(
  { options: { state, now }, query, range, claims }: Run,
  { id, by, windows, isWhole }: Extract<BackfillStep, { readonly do: 'commit' }>,
): Promise<Partial<StepAnswer>> {
  let outcome: CommandOutcome | undefined;
  if (windows > 0) {
    // Refused too when a call before this one has committed it.
    await commitCommand(state, { id, kind: 'backfill', query: query.name, by, windows }, now());
    if ((await readCommand(state, id)).status !== 'committed')
      throw argumentError('id', id, 'took too long, and its late events were taken over: run tidemark backfill again');
    if ((await claims.emitted(query, await claims.enter(id))) === undefined) return { done: false };
    const found = await readCommand(state, id);
    outcome = found.status === 'committed' ? found.outcome : undefined;
    await deleteStaging(state, id);
  }
  if (isWhole) await noteFilled(state, query.name, range.until);
  return { written: outcome?.written ?? 0, standing: outcome?.left ?? 0, epoch: outcome?.epoch ?? null };
}

/** Marks the late events that a backfill has claimed. */
async function settleOwn({ claims, query }: Run, id: string, events: readonly StoredSideEvent[]): Promise<Taken> {
  const own = events.filter(({ claim }) => claim?.id === id);
  const settled = await Promise.all(own.map((event) => claims.resolve(query, event, id)));
  return { counted: settled.filter((one) => one).length, done: true };
}

/** A time for JSON. Minus infinity, the time before anything has come, is null. */
function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}
