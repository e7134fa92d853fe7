import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate } from '../../core/fold/partial.ts';
import { type Block, blocksWithin, cutBlock, decodeBlock, recordsOf } from '../../core/log/block.ts';
import { laneOf } from '../../core/log/lane.ts';
import { type EpochRange, leafRange, membersOf, mergesAt } from '../../core/log/merge-tree.ts';
import { sectionName } from '../../core/log/section.ts';
import { contentIn, type EntryIds, positionText, type StoredEntry } from '../log/entry.ts';
import { raiseGathered } from '../log/epoch.ts';
import { LogGap, readEntries } from '../log/log.ts';
import { type GatherTask, lanesOf, type Plan } from '../log/plan.ts';
import { numberOf, type Table } from '../table/table.ts';
import type { EpochBounds } from './bounds.ts';
import { leastSlice } from './emit.ts';
import { gatherIds, mergeIds } from './gather-ids.ts';
import { gatheredTask, gatherStage, readMarks, type TaskMark, type Touched, touchedBy } from './mark.ts';
import { blocksOf, contentOf, type Lane, lanesUpTo, putSegment, type Segment, slicesOfLane } from './segment.ts';
import { runTasks, type TaskOptions, type TaskSet } from './task-runner.ts';
import { noteWorkPlace, readWorkPlace } from './work-place.ts';

/** What a run gathers with. */
export interface GatherOptions extends Omit<TaskOptions, 'bounds'> {
  readonly pipeline: Pipeline;
  /** An id that no other run has. */
  readonly runId: string;
  readonly bounds: EpochBounds;
  /** When the marks of merges may go, epoch seconds. */
  readonly expiresAt: number;
  /**
   * Entries of logs that were read already, by shard, each list without gaps: what a task has of its positions there is
   * not read again. @default none
   */
  readonly known?: ReadonlyMap<string, readonly StoredEntry[]>;
}

/** The outcome of {@link gatherEpoch}. */
export interface GatheredEpoch {
  /** Resolves when `gathered` was raised to the epoch: all it has is in segments by then, and may be read before. */
  readonly raised: Promise<void>;
}

/**
 * Gathers an epoch into segments, task by task, and raises `gathered` to it (DESIGN 4.2, step 4). A task that has its
 * mark is done; a run that is cut off has lost at most the task that it was in.
 * @returns undefined: there was no time for all of it, or another run leads
 * @throws Error when entries are gone before they were gathered
 */
export async function gatherEpoch(options: GatherOptions, plan: Plan): Promise<GatheredEpoch | undefined> {
  const { state, hasTime } = options;
  const { epoch, closedThrough } = plan;
  const done = await runTasks(options, gatherTasks(options, plan));
  if (done === undefined) return undefined;
  const { marked } = done;
  const merges = mergesAt(epoch);
  if (merges.length > 0) await marked;
  for (const range of merges) {
    if (!hasTime() || (await mergeEpochs(options, plan, range)) === undefined) return undefined;
  }
  const raised = marked.then(() => raiseGathered(state, { epoch, closedThrough }));
  raised.catch(() => undefined);
  return { raised };
}

/** The tasks that gather an epoch, by their positions in its plan. */
export function gatherTasks(options: GatherOptions, plan: Plan): TaskSet {
  const { epoch, tasks } = plan;
  return {
    stage: gatherStage,
    epoch,
    names: tasks.map((_, number) => positionText(number)),
    async run(name) {
      const task = tasks[Number(name)];
      if (task === undefined) throw new Error(`epoch ${epoch} has no task ${name}`);
      const gathered = await gatherTask(options, plan, task, Number(name));
      return gathered && gatheredTask(gathered.touched, gathered.idBytes);
    },
  };
}

/** What a task has gathered of one lane and slice. */
interface Gathered {
  readonly lane: Lane;
  readonly slice: number;
  records: number;
  readonly partials: Map<KeyText, PartialAggregate>;
  /** Blocks of a query that this code does not know: they are carried on as they are. */
  readonly unknown: Block[];
}

async function gatherTask(
  { pipeline, state, runId, bounds, known, hasTime }: GatherOptions,
  plan: Plan,
  task: GatherTask,
  number: number,
) {
  const queries = new Map(pipeline.queries.map((query) => [sectionName(query), query]));
  const held = new Map<string, Gathered>();
  const gathered = (query: string, lane: number, slice: number): Gathered => {
    const name = `${query}#${lane}#${slice}`;
    let one = held.get(name);
    if (one === undefined) {
      const lanes = lanesOf(plan, query);
      one = { lane: { query, lanes, lane }, slice, records: 0, partials: new Map(), unknown: [] };
      held.set(name, one);
    }
    return one;
  };
  const logs = await Promise.all(
    task.map(async (range) => ({
      range,
      entries: knownOf(known?.get(range[0]), range, plan) ?? (await entriesOf(state, range)),
    })),
  );
  const ids = new Map(task.map(([shardId]): [string, EntryIds[]] => [shardId, []]));
  for (const { range, entries } of logs)
    for (const entry of entries) {
      const content = await contentIn(state, range[0], entry);
      ids.get(range[0])?.push(...content.ids);
      for (const { query: name, block } of content.sections) {
        const query = queries.get(name);
        const lanes = lanesOf(plan, name);
        if (query === undefined)
          for (const cut of cutBlock(block, lanes)) gathered(name, cut.lane, cut.slice).unknown.push(cut.block);
        else addBlock(query, block, lanes, (lane, slice) => gathered(name, lane, slice));
      }
    }
  const idBytes = gatherIds({ state, bounds }, plan.epoch, number, ids);
  // Whoever waits for it comes after the segments: a failure of those is the one that is told.
  idBytes.catch(() => {});
  const touched: Record<string, Touched> = {};
  const names = [...held.keys()].sort();
  const isLong = names.length > bounds.segmentsAtATime;
  const place = isLong ? await readWorkPlace(state, gatheringOf(number), plan.epoch) : undefined;
  const done = (place && numberOf(place, 'done')) ?? 0;
  const puts = async ({ lane, slice, records, partials, unknown }: Gathered, isThere: boolean): Promise<void> => {
    const query = queries.get(lane.query);
    const parts =
      query === undefined
        ? partsOf(unknown, bounds.segmentBytes)
        : blocksWithin(query, { slice, records, partials: [...partials] }, bounds.segmentBytes).map((block) => [block]);
    const bytes = parts.reduce((total, blocks) => total + JSON.stringify(blocks).length, 0);
    // Of what is written: what a fold has counted and the blocks do not hold is to be found missing.
    let written = 0;
    for (const blocks of parts) for (const block of blocks) written += recordsOf(block);
    const before = touched[lane.query] ?? [slice, slice, bytes, 0, 0];
    touched[lane.query] = [
      Math.min(before[0], slice),
      Math.max(before[1], slice),
      Math.max(before[2], bytes),
      before[3] + written,
      (before[4] ?? 0) + bytes,
    ];
    if (!isThere) await putSegment(state, lane, { slice, ...leafRange(plan.epoch), task: number }, parts, runId);
  };
  for (let at = 0; at < names.length; at += bounds.segmentsAtATime) {
    const group = names.slice(at, at + bounds.segmentsAtATime);
    if (at > done && !hasTime()) return undefined;
    await Promise.all(
      group.map((name) => {
        const one = held.get(name);
        return one === undefined ? undefined : puts(one, at < done);
      }),
    );
    const through = at + group.length;
    if (through > done && through < names.length)
      await noteWorkPlace(state, gatheringOf(number), plan.epoch, { done: through });
  }
  return { touched, idBytes: await idBytes };
}

/** How many segments of a long task are there, in the order of their names. */
const gatheringOf = (task: number) => ({ pk: 'gathering', sk: positionText(task) });

/** Blocks that are carried on as they are, cut into parts that fit an item. */
function partsOf(blocks: readonly Block[], mostBytes: number): readonly (readonly Block[])[] {
  const parts: Block[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const block of blocks) {
    const own = JSON.stringify(block).length;
    if (bytes + own > mostBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(block);
    bytes += own;
  }
  return parts;
}

/**
 * The entries of a range that have sections, where all of them are known. The last position of a log in a plan is that
 * of its barrier, or of its join, which have none.
 */
function knownOf(
  entries: readonly StoredEntry[] | undefined,
  [shardId, first, last]: GatherTask[number],
  { logs }: Plan,
): readonly StoredEntry[] | undefined {
  const end = last === logs[shardId]?.[1] ? last - 1 : last;
  const start = entries?.[0]?.position;
  if (entries === undefined || start === undefined) return end < first ? [] : undefined;
  const held = entries.slice(Math.max(first - start, 0), Math.max(end - start + 1, 0));
  return held.length === Math.max(end - first + 1, 0) ? held : undefined;
}

async function entriesOf(state: Table, [shardId, first, last]: GatherTask[number]): Promise<readonly StoredEntry[]> {
  try {
    return await readEntries(state, shardId, first, last);
  } catch (error) {
    if (!(error instanceof LogGap)) throw error;
    throw new Error(
      `shard ${shardId}: entries ${first} to ${last} of its log are gone before they were gathered: what they held is ` +
        'lost to its windows; restore the state table to a time at which they were there (docs/OPERATIONS.md)',
    );
  }
}

/** Adds a block to what is gathered, each key to its lane. A block's records go to the least of its lanes. */
function addBlock(
  query: Query,
  block: Block,
  lanes: number,
  gathered: (lane: number, slice: number) => Gathered,
): void {
  for (const { slice, records, partials } of decodeBlock(query, block)) {
    if (lanes === 1) {
      const one = gathered(0, slice);
      one.records += records;
      mergeInto(query, one.partials, partials);
      continue;
    }
    // As cutBlock gives them, so that a run that does not know the query and one that does agree on every segment.
    let least = partials.length === 0 ? 0 : lanes;
    for (const [key, partial] of partials) {
      const lane = laneOf(key, lanes);
      least = Math.min(least, lane);
      mergeInto(query, gathered(lane, slice).partials, [[key, partial]]);
    }
    gathered(least, slice).records += records;
  }
}

/** Segments of a lane that are put at the same time: a bound of memory. */
const segmentsAtATime = 16;

/**
 * Merges the segments of some epochs, of the slices in which more than one of them has something: always at these
 * epochs and in this order, never what happens to be there. What closed before the epoch is passed by: it is emitted
 * from segments up to an epoch before. Those of sessions are read one by one, and stay as they are.
 */
async function mergeEpochs(options: GatherOptions, plan: Plan, range: EpochRange): Promise<'merged' | undefined> {
  const { state, bounds } = options;
  const marks = await readMarks(state, range.from, range.to);
  const ids = mergeIds({ state, bounds }, range, marks);
  ids.catch(() => {});
  const pieces = mergePieces(options, plan, marks);
  const bytes = [...touchedBy(marks.map(({ mark }) => mark)).values()].reduce(
    (sum, touched) => sum + (touched[4] ?? 0),
    0,
  );
  if (bytes <= bounds.taskBytes * bounds.tasksAlone)
    await Promise.all(pieces.map((piece) => mergePiece(options, range, piece)));
  else {
    const done = await runTasks(options, mergeSet(options, plan, range, pieces));
    if (done === undefined) return undefined;
    await done.marked;
  }
  await ids;
  return 'merged';
}

/** Slices of some lanes that a task merges. */
interface MergePiece {
  /** The name of the query's sections. */
  readonly name: string;
  readonly lanes: readonly Lane[];
  /** Their starts, both inclusive, epoch ms. */
  readonly slices: { readonly from: number; readonly to: number };
}

/** Cuts a merge into tasks of about so many bytes, by lane and then by slice. It follows from the plan and the marks. */
function mergePieces(
  { pipeline, bounds }: GatherOptions,
  plan: Plan,
  marks: readonly { readonly mark: TaskMark }[],
): readonly MergePiece[] {
  return [...touchedBy(marks.map(({ mark }) => mark))].flatMap(([name, [least, greatest, , , bytes = 0]]) => {
    const query = pipeline.queries.find((one) => sectionName(one) === name);
    if (query?.window.sessions !== undefined) return [];
    const open = query === undefined ? undefined : leastSlice(query, plan.closedBefore);
    const from = Math.max(least, open ?? least);
    if (from > greatest) return [];
    const lanes = lanesUpTo(name, lanesOf(plan, name));
    const count = Math.max(1, Math.ceil(bytes / bounds.taskBytes));
    const lanesATask = Math.ceil(lanes.length / count);
    const stretches = Math.min(Math.ceil(count / lanes.length), greatest - from + 1);
    const edge = (at: number) => from + Math.floor(((greatest + 1 - from) * at) / stretches);
    const pieces: MergePiece[] = [];
    for (let lane = 0; lane < lanes.length; lane += lanesATask)
      for (let i = 0; i < stretches; i++) {
        const slices = { from: edge(i), to: edge(i + 1) - 1 };
        pieces.push({ name, lanes: lanes.slice(lane, lane + lanesATask), slices });
      }
    return pieces;
  });
}

const mergeStage = ({ from, to }: EpochRange) => `merge#${to - from + 1}`;

function mergeSet(options: GatherOptions, plan: Plan, range: EpochRange, pieces: readonly MergePiece[]): TaskSet {
  const nameOf = ({ name, lanes, slices }: MergePiece) =>
    `${name}/${lanes.map((lane) => `${lane.lanes}.${lane.lane}`).join()}/${slices.from}/${slices.to}`;
  const byName = new Map(pieces.map((piece) => [nameOf(piece), piece]));
  return {
    stage: mergeStage(range),
    epoch: plan.epoch,
    names: [...byName.keys()],
    expiresAt: options.expiresAt,
    async run(name) {
      const piece = byName.get(name);
      if (piece === undefined) throw new Error(`epoch ${plan.epoch} has no merge ${name}`);
      await mergePiece(options, range, piece);
      return { touched: {} };
    },
  };
}

/** The tasks of a merge, as those who help find them; undefined: the epoch has no such merge. */
export async function mergeTasks(options: GatherOptions, plan: Plan, stage: string): Promise<TaskSet | undefined> {
  const range = mergesAt(plan.epoch).find((one) => mergeStage(one) === stage);
  if (range === undefined) return undefined;
  const marks = await readMarks(options.state, range.from, range.to);
  return mergeSet(options, plan, range, mergePieces(options, plan, marks));
}

async function mergePiece(
  { pipeline, state, runId, bounds }: GatherOptions,
  range: EpochRange,
  { name, lanes, slices }: MergePiece,
): Promise<void> {
  const query = pipeline.queries.find((one) => sectionName(one) === name);
  const members = (segments: readonly Segment[]) => severalOf(membersOf(segments, range));
  await Promise.all(
    lanes.map(async (lane) => {
      let puts: Promise<void>[] = [];
      for await (const { slice, segments } of slicesOfLane(state, lane, slices, members)) {
        const parts =
          query === undefined
            ? partsOf(segments.flatMap(blocksOf), bounds.segmentBytes)
            : mergedBlocks(query, slice, segments, bounds);
        const put = putSegment(state, lane, { slice, ...range, task: 0 }, parts, runId);
        // It may fail while the next slice is read: whoever awaits it hears of it.
        put.catch(() => {});
        puts.push(put);
        if (puts.length < segmentsAtATime) continue;
        await Promise.all(puts);
        puts = [];
      }
      await Promise.all(puts);
    }),
  );
}

function mergedBlocks(
  query: Query,
  slice: number,
  segments: readonly Segment[],
  { segmentBytes }: EpochBounds,
): readonly (readonly Block[])[] {
  const { partials, records } = contentOf(query, segments);
  return blocksWithin(query, { slice, records, partials: [...partials] }, segmentBytes).map((block) => [block]);
}

/** Segments of more than one range; none where there is nothing to merge. */
function severalOf(segments: readonly Segment[]): readonly Segment[] {
  return segments.some(({ from }) => from !== segments[0]?.from) ? segments : [];
}
