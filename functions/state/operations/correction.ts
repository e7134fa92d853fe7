import { argumentError } from '../../core/arguments/error.ts';
import { grouped } from '../../core/definition/grouped.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { createFold } from '../../core/fold/fold.ts';
import { type EventInputs, mergeInto, type PartialAggregate } from '../../core/fold/partial.ts';
import { type EventReader, eventReader } from '../../core/fold/read-event.ts';
import type { EmittedWindow } from '../../core/windows/window.ts';
import { type ClaimOptions, type Claims, createClaims, missedWindows, windowsAt } from '../commands/claims.ts';
import { commitCommand } from '../commands/command.ts';
import { lateLedger } from '../commands/late-ledger.ts';
import { type StagedWindow, stageNames, stageWindows } from '../commands/staged.ts';
import { wasFinal } from '../epochs/final-index.ts';
import type { StoredSideEvent } from '../items/side-event.ts';
import { settle } from '../items/side-mark.ts';
import type { ArrivalRange, SidePlace } from '../items/side-place.ts';
import { type EmittedPlace, readEmittedOf } from '../log/epoch.ts';
import { storedLookups } from '../lookups/stored-lookups.ts';
import type { Table } from '../table/table.ts';
import { recordName } from '../windows/correction-log.ts';
import { windowText } from '../windows/pane-keys.ts';
import { readPaneHead } from '../windows/pane-reader.ts';
import { namedVersion } from './alias.ts';
import { scanLate } from './late-scan.ts';

/** The inputs of a correction. */
export interface CorrectionOptions extends ClaimOptions {
  readonly pipeline: Pipeline;
  readonly windows: Table;
  /** A fresh id for each command. */
  readonly newId: () => string;
}

/** The late events to put right, and the way to do so. */
export interface CorrectionRequest {
  readonly query: string;
  readonly settled: 'replayed' | 'discarded';
  /** When the events arrived. */
  readonly arrival: ArrivalRange;
  /** The start of a window, epoch ms: only its late events. Undefined: those of all windows. */
  readonly window: number | undefined;
  /** The person who asks, for the audit. */
  readonly by: string;
  /** The place that the call before has come to; undefined: begins. */
  readonly after: SidePlace | undefined;
}

/** A window that has a new revision. Times are epoch ms. */
export interface CorrectedWindow {
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  /** Late records that this call put into the window. */
  readonly records: number;
}

/** The outcome of a call. */
export interface CorrectionAnswer {
  readonly query: string;
  /** Late events that this call settled. */
  readonly settled: number;
  readonly windows: readonly CorrectedWindow[];
  /** Late events that cannot be replayed: only their beginning is kept, or the pipeline does not want them any more. */
  readonly unusable: number;
  /**
   * Late events that miss a window which held something and is not there: it has to be filled from its history first.
   */
  readonly waiting: number;
  /** The last epoch that a command of this call is in; null: there was none. */
  readonly epoch: number | null;
  /** False: it ran short of time, or others are at work on some of the events. It has to be called again. */
  readonly done: boolean;
  /** How far it has come; null when it is done. The next call goes on from there. */
  readonly progress: SidePlace | null;
}

/** Most late events that are taken together, and most bytes of them. */
const eventsAtATime = 4_000;
const bytesAtATime = 48 * 1024 * 1024;

/** Most late events of one command, and most pairs of an event and a window. */
const eventsACommand = 2_000;
const pairsACommand = 20_000;

/** No group of events is begun with less time than this, in ms. */
const reserveMs = 15_000;

/**
 * Puts late events into the final windows that they missed, each window with a new numbered revision, or settles them
 * without (DESIGN 4.3). An event is claimed by one command, and a command's windows are written by the epoch that cuts
 * it off, in its order: so each record gets into a window exactly once, also when calls are repeated, overlap or are
 * cut off. It takes only what the logs list as late. It works in groups that fit a run, and says how far it has come.
 * @throws TidemarkError when the pipeline does not have the query
 */
export async function correct(options: CorrectionOptions, request: CorrectionRequest): Promise<CorrectionAnswer> {
  const { pipeline, state, now, remainingMs } = options;
  const query = await namedVersion(pipeline, state, request.query);
  if (query === undefined)
    throw argumentError(
      'query',
      request.query,
      `is not a query of pipeline ${pipeline.name}: use ${pipeline.queries.map(({ name }) => name).join(', ')}`,
    );
  const reason = query.definedKind.refuses?.replay;
  if (reason !== undefined && (request.settled === 'replayed' || request.window !== undefined))
    throw argumentError('query', request.query, reason);
  const claims = createClaims(options);
  const ledger = lateLedger(state, query);
  const run = correctionRun(options, request, query, claims, await readEmittedOf(state, query.name));
  let { after: place } = request;
  let reached = place;
  /** Where the first event is that somebody else is at work on, and what was counted before it. */
  let busy: { readonly place: SidePlace | undefined; readonly counts: RunCounts } | undefined;
  let group = emptyGroup();
  const answer = (done: boolean): CorrectionAnswer => {
    const { unusable, waiting } = busy?.counts ?? run.counts();
    const isDone = done && busy === undefined;
    const { settled, epoch } = run.counts();
    const progress = isDone ? null : ((busy === undefined ? place : busy.place) ?? noPlace);
    return { query: query.name, settled, windows: run.windows(), unusable, waiting, epoch, done: isDone, progress };
  };
  const finish = async (): Promise<boolean> => {
    if (remainingMs() < reserveMs) return false;
    const before = run.counts();
    const outcome = await run.take(group);
    if (outcome === 'unfinished') return false;
    if (outcome === 'busy') busy ??= { place, counts: before };
    group = emptyGroup();
    place = reached;
    return true;
  };
  for await (const { event, place: at } of scanLate(options, query, request.arrival, now(), request.after)) {
    if (event !== undefined && isAsked(query, event, request.window)) {
      const verdict = await ledger.judge(event);
      // A discard takes what an attempt that lost has left there too.
      const isWanted = verdict === 'late' || (verdict === 'counted' && request.settled === 'discarded');
      const standing = isWanted ? await claims.lookAt(event) : undefined;
      if (standing === 'busy') busy ??= { place: reached, counts: run.counts() };
      if (standing === 'free') group.free.push(event);
      if (standing === 'taken' && request.settled === 'replayed') group.taken.push(event);
      if (standing !== undefined) group.bytes += event.payload.length;
    }
    reached = at;
    const held = group.free.length + group.taken.length;
    if (held === 0) {
      place = reached;
      if (remainingMs() < reserveMs) return answer(false);
    } else if ((held >= eventsAtATime || group.bytes >= bytesAtATime) && !(await finish())) return answer(false);
  }
  return answer(group.free.length + group.taken.length === 0 || (await finish()));
}

/** Before the first place. */
const noPlace: SidePlace = ['', 0, ''];

/** Late events that are taken together: those that nobody has, and those of commands whose marks are missing. */
interface Group {
  readonly free: StoredSideEvent[];
  readonly taken: StoredSideEvent[];
  bytes: number;
}

const emptyGroup = (): Group => ({ free: [], taken: [], bytes: 0 });

function isAsked(query: Query, { eventTime = Number.NaN }: StoredSideEvent, window: number | undefined): boolean {
  return window === undefined || windowsAt(query, eventTime).some(({ start }) => start === window);
}

interface RunCounts {
  readonly settled: number;
  readonly unusable: number;
  readonly waiting: number;
  readonly epoch: number | null;
}

/** The work of one call, and what has come of it so far. */
interface CorrectionRun {
  /**
   * Takes a group of events. `unfinished`: there was no time for all of it, and it has to be taken again. `busy`:
   * others were quicker with some of it.
   */
  take(group: Group): Promise<'finished' | 'unfinished' | 'busy'>;
  counts(): RunCounts;
  windows(): readonly CorrectedWindow[];
}

/** An event that can be put into windows. */
interface UsableEvent {
  readonly event: StoredSideEvent;
  readonly time: number;
  readonly key: KeyText;
  readonly inputs: EventInputs;
  readonly windows: readonly EmittedWindow[];
}

function correctionRun(
  options: CorrectionOptions,
  request: CorrectionRequest,
  query: Query,
  claims: Claims,
  emitted: EmittedPlace,
): CorrectionRun {
  const { pipeline, state, rejects, windows, now } = options;
  // An event is joined with the rows that held when it arrived, as when it came too late. An event whose rows are gone
  // is unusable.
  const lookups = storedLookups(pipeline, state);
  const corrected = new Map<string, CorrectedWindow>();
  const lost = new Map<string, Promise<boolean>>();
  const counts = { settled: 0, unusable: 0, waiting: 0, epoch: null as number | null };

  function isLost(window: EmittedWindow): Promise<boolean> {
    const name = windowText(window);
    const asked = lost.get(name) ?? isLostWindow(options, query, window, emitted.closedThrough);
    lost.set(name, asked);
    return asked;
  }

  async function usableOf(reader: EventReader, event: StoredSideEvent): Promise<readonly UsableEvent[]> {
    const read =
      event.payloadHash === undefined ? reader.text(Buffer.from(event.payload).toString(), event.arrival) : undefined;
    const key = read?.outcome === 'accepted' ? read.keys[query.index] : undefined;
    const inputs = read?.outcome === 'accepted' ? read.inputs[query.index] : undefined;
    const missed = missedWindows(query, event);
    if (read?.outcome !== 'accepted' || key === undefined || inputs === undefined || missed.length === 0) {
      counts.unusable++;
      return [];
    }
    if ((await Promise.all(missed.map(isLost))).includes(true)) {
      counts.waiting++;
      return [];
    }
    return [{ event, time: read.time, key, inputs, windows: missed }];
  }

  /** Claims, stages and commits events as one command. Undefined: another was quicker with all of them. */
  async function command(events: readonly UsableEvent[]): Promise<Committed | undefined> {
    const id = options.newId();
    const got = await claims.claimAll(id, events);
    if (got.length === 0) return undefined;
    const byWindow = grouped(
      got.flatMap((one) => one.windows.map((window) => ({ ...one, window }))),
      ({ window }) => windowText(window),
    );
    const staged = [...byWindow.values()].flatMap((of) => stagedWindow(query, of));
    await stageWindows(state, id, query, staged, now());
    await Promise.all(
      [...byWindow.values()].map(async (of) => {
        const [first] = of;
        const names = of.map(({ event }) => recordName(event));
        if (first !== undefined) await stageNames(state, id, first.window, names, now());
      }),
    );
    const committed = { id, kind: 'replay', query: query.name, by: request.by, windows: staged.length } as const;
    if ((await commitCommand(state, committed, now())) === 'refused') return undefined;
    return { id, events: got.map(({ event }) => event), windows: staged };
  }

  /** Discards events. */
  async function discard(events: readonly StoredSideEvent[]) {
    const outcomes = await Promise.all(events.map((event) => settle(rejects, event, 'discarded', now())));
    const settled = outcomes.filter((outcome) => outcome === 'applied').length;
    counts.settled += settled;
    return settled < events.length ? 'busy' : 'finished';
  }

  async function note({ windows: staged }: Committed): Promise<void> {
    const heads = await Promise.all(staged.map((window) => readPaneHead(windows, query, window)));
    for (const [i, { start, end, records }] of staged.entries()) {
      const head = heads[i];
      if (head?.status !== 'final') continue;
      const name = windowText({ start, end });
      const before = corrected.get(name)?.records ?? 0;
      corrected.set(name, { start, end, revision: head.revision, records: records + before });
    }
  }

  return {
    async take({ free, taken }) {
      if (request.settled === 'discarded') return discard(free);
      const before = { ...counts };
      const reader = eventReader(pipeline, await lookups.rowsAt(free.map(({ arrival }) => arrival)));
      const usable = (await Promise.all(free.map((event) => usableOf(reader, event)))).flat();
      const committed: Committed[] = [];
      let got = 0;
      for (const piece of piecesOf(usable)) {
        const one = await command(piece);
        if (one === undefined) continue;
        committed.push(one);
        got += one.events.length;
      }
      const resolved = [
        ...committed.flatMap(({ id, events }) => events.map((event) => ({ id, event }))),
        ...taken.flatMap((event) => (event.claim === undefined ? [] : [{ id: event.claim.id, event }])),
      ];
      const positions = new Map<string, number>();
      for (const { id } of resolved) if (!positions.has(id)) positions.set(id, await claims.enter(id));
      for (const position of positions.values()) {
        const epoch = await claims.emitted(query, position);
        if (epoch === undefined) {
          Object.assign(counts, before);
          return 'unfinished';
        }
        counts.epoch = Math.max(counts.epoch ?? 0, epoch);
      }
      const settled = await Promise.all(resolved.map(({ event, id }) => claims.resolve(query, event, id)));
      counts.settled += settled.filter((one) => one).length;
      for (const one of committed) await note(one);
      return got < usable.length ? 'busy' : 'finished';
    },
    counts: () => ({ ...counts }),
    windows: () => [...corrected.values()],
  };
}

/** A command of this call that is committed. */
interface Committed {
  readonly id: string;
  readonly events: readonly StoredSideEvent[];
  readonly windows: readonly StagedWindow[];
}

/** Events cut into what one command takes. */
function piecesOf(events: readonly UsableEvent[]): readonly (readonly UsableEvent[])[] {
  const pieces: UsableEvent[][] = [];
  let pairs = 0;
  for (const event of events) {
    const piece = pieces.at(-1);
    if (piece === undefined || piece.length === eventsACommand || pairs + event.windows.length > pairsACommand) {
      pieces.push([event]);
      pairs = event.windows.length;
    } else {
      piece.push(event);
      pairs += event.windows.length;
    }
  }
  return pieces;
}

/** The partial aggregates of one window's late events. */
function stagedWindow(
  query: Query,
  events: readonly (UsableEvent & { readonly window: EmittedWindow })[],
): readonly StagedWindow[] {
  const [first] = events;
  if (first === undefined) return [];
  const fold = createFold();
  for (const { key, inputs, time } of events) fold.add(query, key, inputs, time);
  const partials = new Map<KeyText, PartialAggregate>();
  for (const { keys } of fold.slices)
    mergeInto(
      query,
      partials,
      [...keys].map(([key, { states }]) => [key, states] as const),
    );
  const { start, end } = first.window;
  return [{ start, end, records: events.length, partials }];
}

/**
 * Whether a window held something and is not there any more: late records alone must not pass for the whole.
 * @param finalThrough the windows that close by then are final, epoch ms
 */
async function isLostWindow(
  { state, windows }: CorrectionOptions,
  query: Query,
  window: EmittedWindow,
  finalThrough: number,
): Promise<boolean> {
  const head = await readPaneHead(windows, query, window);
  if (head?.status === 'final' || window.end + query.latenessMs > finalThrough) return false;
  return head !== undefined || wasFinal(state, query, window);
}
