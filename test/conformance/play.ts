import { paneView, type WindowView } from '../../functions/state/windows/window-view.ts';
import type { TimedStep, VectorEvent } from './step.ts';
import type { Vector } from './vector.ts';
import { type StreamEvent, type VectorQuery, vectorPipeline } from './vector-pipeline.ts';
import { type VirtualStream, virtualStream } from './virtual-stream.ts';
import { clockStart, createWorld, type World } from './world.ts';

/** An event that is in no window: late, or rejected for another reason. */
export interface SetAside {
  readonly reason: string;
  readonly event: StreamEvent;
}

/** A pane as it was emitted: on time, or late. */
export interface EmittedPane {
  readonly view: WindowView;
  readonly timing: string;
}

/** The observations after a step. */
export interface StepTrace {
  /** Exclusive, epoch ms; minus infinity while there is none. */
  readonly watermark: number;
  /** Whether there are shards and none of them holds the watermark. */
  readonly idle: boolean;
  /** The windows that became final in this step. */
  readonly finals: readonly WindowView[];
  /**
   * The panes emitted in this step, except final panes that hold no more than the previous one. Those only say that no
   * more will come.
   */
  readonly panes: readonly EmittedPane[];
  /** Every window as a reader sees it, including open ones. */
  readonly table: readonly WindowView[];
  /** The number of events that were late in this step, as Tidemark counts them. */
  readonly lateCount: number;
  /** The number of (window, key) pairs that the late events would have gone to. */
  readonly lateRows: number;
  readonly setAside: readonly SetAside[];
}

/** The outcome of a vector's steps. */
export interface Trace {
  readonly steps: readonly StepTrace[];
  /** All events in the order in which they came: a member of a window names its place here. */
  readonly events: readonly VectorEvent[];
  /** The offset of the windows of each query, ms, by its name. */
  readonly offsets: ReadonlyMap<string, number | undefined>;
}

/** The shard of events that name no partition. */
const defaultPartition = '';

/**
 * Time between two steps, longer than the quiet time after which any shard can be idle. A shard that a vector marks
 * idle is therefore idle by Tidemark's own rule at the next step.
 */
const stepMs = 2 * 60_000;

/**
 * Plays a vector on the production code.
 * @throws Unsupported when its pipeline cannot be run
 */
export async function play(vector: Vector, aggregates: readonly string[]): Promise<Trace> {
  const { pipeline, queries } = vectorPipeline(vector, aggregates);
  const stream = virtualStream(vector.idleTimeoutMs !== undefined);
  const world = createWorld(pipeline, stream);
  const player: Player = {
    vector,
    queries,
    stream,
    world,
    events: [],
    clockMs: clockStart,
    firstLatest: undefined,
    nextRunMs: clockStart,
  };
  for (const partition of vector.partitions) if (!isUnlisted(vector, partition)) stream.shardOf(partition);
  if (needsDefault(vector)) stream.shardOf(defaultPartition);
  let before: StepTrace = {
    watermark: Number.NEGATIVE_INFINITY,
    idle: false,
    finals: [],
    panes: [],
    table: [],
    lateCount: 0,
    lateRows: 0,
    setAside: [],
  };
  const steps: StepTrace[] = [];
  // A shard is idle only after it was seen for a while.
  if (vector.idleTimeoutMs === undefined) await world.finalize('advance', clockStart);
  const seen = new Set<string>();
  for (const step of vector.kind === 'window-assignment' ? [...vector.steps, endOfStream] : vector.steps) {
    before = await playStep(player, step, before, seen);
    steps.push(before);
  }
  await world.checkConservation();
  const offsets = new Map(queries.map(({ query, offset }) => [query.name, offset]));
  return { steps, events: player.events, offsets };
}

/** The last step of window assignment. It has no watermark, so the windows are read when all events are in. */
const endOfStream: TimedStep = { kind: 'endOfStream', clockMs: undefined };

function needsDefault({ steps, watermark, idleTimeoutMs, partitions }: Vector): boolean {
  if (watermark.drivenBy === 'steps') return false;
  if (idleTimeoutMs !== undefined && partitions.length === 0) return true;
  return steps.some((step) => step.kind === 'events' && step.events.some(({ partition }) => partition === undefined));
}

interface Player {
  readonly vector: Vector;
  readonly queries: readonly VectorQuery[];
  readonly stream: VirtualStream;
  readonly world: World;
  readonly events: VectorEvent[];
  clockMs: number;
  /** The greatest event time of the first events, where event times move the clock. It is then at its start. */
  firstLatest: number | undefined;
  /** The time of the next finalize run, where the vector has an interval between them. */
  nextRunMs: number;
}

async function playStep(player: Player, step: TimedStep, before: StepTrace, seen: Set<string>): Promise<StepTrace> {
  const { world } = player;
  const late = await world.lateCount();
  const emittedBefore = world.panes().length;
  player.clockMs = clockAt(player, step);
  await act(player, step);
  const report = isRunDue(player, step)
    ? await world.finalize(step.kind === 'endOfStream' ? 'drain' : 'advance', player.clockMs)
    : undefined;
  const finals = (await world.windows('final')).filter((window) => !seen.has(paneName(window)));
  for (const window of finals) seen.add(paneName(window));
  const setAside = step.kind === 'events' ? await setAsideIn(player, step.events.length) : [];
  return {
    watermark: report?.watermark ?? before.watermark,
    idle:
      report === undefined
        ? before.idle
        : report.shards.length > 0 && report.shards.every(({ state }) => state !== 'holding'),
    finals,
    panes: panesSince(player, emittedBefore),
    table: await world.windows('all'),
    lateCount: (await world.lateCount()) - late,
    lateRows: lateRowsOf(player, setAside),
    setAside,
  };
}

function panesSince({ world, queries }: Player, before: number): readonly EmittedPane[] {
  const all = world.panes();
  return all.slice(before).flatMap((pane) => {
    const last = all.findLast(
      (other) =>
        other.query === pane.query &&
        other.start === pane.start &&
        other.end === pane.end &&
        other.revision < pane.revision,
    );
    const query = queries.find((own) => own.query.name === pane.query)?.query;
    if (query === undefined || (pane.status === 'final' && last?.records === pane.records)) return [];
    return [
      {
        view: paneView(query, pane),
        timing: pane.status === 'final' ? (last === undefined ? 'on-time' : 'late') : pane.status,
      },
    ];
  });
}

function paneName({ query, start, end, revision }: WindowView): string {
  return `${query} ${start}/${end}#${revision}`;
}

/** The time of a step. */
function clockAt(player: Player, step: TimedStep): number {
  const { vector, clockMs } = player;
  if (step.clockMs !== undefined) return clockStart + step.clockMs;
  switch (vector.clock) {
    case 'each-step':
      return clockMs + stepMs;
    case 'nothing':
      return clockMs;
    case 'event-time': {
      const times = step.kind === 'events' ? step.events.map(({ fields }) => fields['time']) : [];
      const latest = times.reduce<number>((greatest, time) => Math.max(greatest, Number(time ?? greatest)), -Infinity);
      player.firstLatest ??= Number.isFinite(latest) ? latest : undefined;
      return Math.max(clockMs, clockStart + latest - (player.firstLatest ?? 0));
    }
  }
}

function isRunDue(player: Player, step: TimedStep): boolean {
  const { vector } = player;
  if (step.kind === 'endOfStream') return true;
  if (step.kind === 'restart' || step.kind === 'clock') return false;
  if (vector.deferred) return step.kind === 'emit';
  if (vector.emitIntervalMs === undefined) return true;
  if (player.clockMs < player.nextRunMs) return false;
  player.nextRunMs = player.clockMs + vector.emitIntervalMs;
  return true;
}

async function act({ vector, stream, world, events, clockMs }: Player, step: TimedStep): Promise<void> {
  switch (step.kind) {
    case 'events': {
      const batches = new Map<string, StreamEvent[]>();
      for (const event of step.events) {
        const partition = event.partition ?? defaultPartition;
        const batch = batches.get(partition) ?? [];
        batch.push({ place: events.push(event) - 1, partition, fields: event.fields });
        batches.set(partition, batch);
      }
      for (const [partition, batch] of batches) await world.apply(dataShard(vector, stream, partition), batch, clockMs);
      return;
    }
    case 'advance':
      return world.raise(step.to, clockMs);
    case 'watermark': {
      const { partition, value } = step;
      const { delayMs, partitionDelaysMs } = vector.watermark;
      const time = value + delayMs + (partitionDelaysMs[partition] ?? 0);
      return world.apply(awake(stream, partition), [{ partition, fields: { time } }], clockMs);
    }
    case 'markIdle':
      stream.shardOf(step.partition).idle = true;
      return;
    case 'markActive':
    case 'addPartition':
      awake(stream, step.partition);
      return;
    case 'removePartition':
      stream.end(step.partition);
      return;
    case 'endOfStream':
      stream.endAll();
      return;
    case 'restart':
      world.restart();
      return;
    case 'emit':
    case 'probe':
    case 'clock':
      return;
  }
}

/**
 * The shard of a partition's events. Where only steps move the watermark, and where the partition has none, it is a
 * shard that the stream does not list, like one that left the stream after its retention. Such a shard holds nothing
 * back, and its windows are closed all the same (DESIGN 4.2, step 1).
 */
function dataShard(vector: Vector, stream: VirtualStream, partition: string): string {
  const isListed = vector.watermark.drivenBy === 'events' && !isUnlisted(vector, partition);
  return isListed ? awake(stream, partition) : `unlisted-${partition}`;
}

/** Whether a partition has no watermark of its own, so that its shard is one that the stream does not list. */
function isUnlisted({ watermark }: Vector, partition: string): boolean {
  return watermark.withoutWatermark.includes(partition);
}

/** The shard of a partition that gets something, and so is not idle. */
function awake(stream: VirtualStream, partition: string): string {
  const shard = stream.shardOf(partition);
  shard.idle = false;
  return shard.shardId;
}

/** The events among the last ones that ended up in the side output. */
async function setAsideIn({ world, clockMs, events }: Player, count: number): Promise<readonly SetAside[]> {
  return (await world.sideOutput(clockMs)).flatMap(({ reason, payload }) => {
    const event = JSON.parse(Buffer.from(payload).toString()) as StreamEvent;
    return event.place !== undefined && event.place >= events.length - count ? [{ reason, event }] : [];
  });
}

function lateRowsOf({ queries }: Player, setAside: readonly SetAside[]): number {
  const late = setAside.flatMap(({ reason, event }) => (reason === 'late' ? [event] : []));
  const rows = queries.flatMap(({ query: { name, where, window, keyOf } }) =>
    late
      .filter((event) => where?.(event) ?? true)
      .map((event) => `${name} ${window.sliceOf(Number(event.fields['time']))}#${String(keyOf(event))}`),
  );
  return new Set(rows).size;
}
