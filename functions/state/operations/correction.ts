import { argumentError } from '../../core/arguments/error.ts';
import { grouped } from '../../core/definition/grouped.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { isAfter } from '../../core/events/sequence-number.ts';
import { createFold } from '../../core/fold/fold.ts';
import { type EventInputs, mergeInto } from '../../core/fold/partial.ts';
import { type EventReader, eventReader } from '../../core/fold/read-event.ts';
import type { EmittedWindow } from '../../core/windows/window.ts';
import { readAllProgress } from '../epochs/progress.ts';
import { type ArrivalRange, type Settled, type StoredSideEvent, settle, sideOutput } from '../items/side-output.ts';
import { readEmittedOf } from '../log/epoch.ts';
import { storedLookups } from '../lookups/stored-lookups.ts';
import type { Publisher } from '../sinks/outbox.ts';
import type { Table } from '../table/table.ts';
import { correctedRecords, logCorrection, noteCorrected, recordName } from '../windows/correction-log.ts';
import { windowText } from '../windows/pane-keys.ts';
import { readCorrections, readPane } from '../windows/pane-reader.ts';
import { partialsOf } from '../windows/pane-rows.ts';
import { writeCorrectedPane } from '../windows/pane-writer.ts';
import { namedVersion } from './alias.ts';

/** The inputs of a correction. */
export interface CorrectionOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly rejects: Table;
  readonly publish: Publisher['publish'];
  /** Epoch ms. */
  readonly now: () => number;
  readonly remainingMs: () => number;
  /** A fresh id for each attempt. */
  readonly attempt: () => string;
}

/** The late events to put right, and the way to do so. */
export interface CorrectionRequest {
  readonly query: string;
  readonly settled: Settled;
  /** When the events arrived. */
  readonly arrival: ArrivalRange;
  /** The start of a window, epoch ms: only its late events. Undefined: those of all windows. */
  readonly window: number | undefined;
  /** The person who asks, for the audit. */
  readonly by: string;
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
  /** Late events whose windows are not final yet. They can be replayed once the windows are final. */
  readonly waiting: number;
  /** False: it ran short of time, and has to be called again. */
  readonly done: boolean;
}

/** Late events taken together. */
const eventsAtATime = 5_000;

/** No group of events is begun with less time than this, in ms. */
const reserveMs = 15_000;

/** More races for one window than any two people cause. Beyond this number, something is broken. */
const mostRaces = 20;

/**
 * Puts late events into the final windows that they missed, each window with a new numbered revision, or settles them
 * without. Each record is put into a window exactly once, also when calls are repeated or overlap. The revision is
 * written on the condition that the one before it is the last. It names its corrections, and a record that one of these
 * has put in stays out.
 * @throws TidemarkError when the pipeline does not have the query
 */
export async function correct(options: CorrectionOptions, request: CorrectionRequest): Promise<CorrectionAnswer> {
  const { pipeline, state, rejects, now, remainingMs } = options;
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
  const [progress, emitted] = await Promise.all([readAllProgress(state), readEmittedOf(state, query.name)]);
  const isFinal = (window: EmittedWindow) => window.end + query.latenessMs <= emitted.closedThrough;
  // An event is joined with the rows that held when it arrived, as when it came too late. An event whose rows are gone
  // is unusable.
  const lookups = storedLookups(pipeline, state);
  const windows = new Map<string, CorrectedWindow>();
  const counts = { settled: 0, unusable: 0, waiting: 0 };
  const answer = (done: boolean) => ({ query: query.name, ...counts, windows: [...windows.values()], done });
  const take = async (events: readonly StoredSideEvent[]) => {
    const reader = eventReader(pipeline, await lookups.rowsAt(events.map(({ arrival }) => arrival)));
    const usable =
      request.settled === 'discarded'
        ? events.map((event) => ({ event, windows: [] }))
        : usableOf(query, reader, events, isFinal, counts);
    const byWindow = grouped(
      usable.flatMap((one) => one.windows.map((window) => ({ ...one, window }))),
      ({ window }) => windowText(window),
    );
    for (const [name, [first, ...others]] of byWindow) {
      if (first === undefined || !('inputs' in first)) continue;
      const corrected = await correctWindow(
        options,
        query,
        first.window,
        [first, ...others] as readonly UsableEvent[],
        request.by,
      );
      if (corrected !== undefined)
        windows.set(name, { ...corrected, records: corrected.records + (windows.get(name)?.records ?? 0) });
    }
    await Promise.all(usable.map(({ event }) => settle(rejects, event, request.settled, now())));
    counts.settled += usable.length;
  };

  let pending: StoredSideEvent[] = [];
  const shardIds = [...progress.keys()].sort();
  for await (const { event } of sideOutput(rejects, shardIds, request.arrival)) {
    if (event.reason !== 'late' || event.query !== query.name || event.settled !== null) continue;
    // In a batch that is not committed, it is not decided for good which events are late.
    if (isAfter(event.sequenceNumber, progress.get(event.shardId)?.sequenceNumber)) continue;
    if (
      request.window !== undefined &&
      !windowsAt(query, event.eventTime ?? Number.NaN).some(({ start }) => start === request.window)
    )
      continue;
    pending.push(event);
    if (pending.length < eventsAtATime) continue;
    if (remainingMs() < reserveMs) return answer(false);
    await take(pending);
    pending = [];
  }
  if (pending.length > 0 && remainingMs() < reserveMs) return answer(false);
  await take(pending);
  return answer(true);
}

interface UsableEvent {
  readonly event: StoredSideEvent;
  readonly time: number;
  readonly key: KeyText;
  readonly inputs: EventInputs;
  readonly windows: readonly EmittedWindow[];
}

/** The windows of a query that hold an event time. */
function windowsAt({ definedKind: kind, from }: Query, time: number): readonly EmittedWindow[] {
  if (!Number.isFinite(time)) return [];
  return kind.closings(kind.sliceOf(time)).flatMap((end) => kind.emit(end).filter(({ start }) => start >= from));
}

function usableOf(
  query: Query,
  reader: EventReader,
  events: readonly StoredSideEvent[],
  isFinal: (window: EmittedWindow) => boolean,
  counts: { unusable: number; waiting: number },
): readonly UsableEvent[] {
  return events.flatMap((event) => {
    const read =
      event.payloadHash === undefined ? reader.text(Buffer.from(event.payload).toString(), event.arrival) : undefined;
    const key = read?.outcome === 'accepted' ? read.keys[query.index] : undefined;
    const inputs = read?.outcome === 'accepted' ? read.inputs[query.index] : undefined;
    const windows = read?.outcome === 'accepted' ? windowsAt(query, read.time) : [];
    if (read?.outcome !== 'accepted' || key === undefined || inputs === undefined || windows.length === 0) {
      counts.unusable++;
      return [];
    }
    if (!windows.every(isFinal)) {
      counts.waiting++;
      return [];
    }
    return [{ event, time: read.time, key, inputs, windows }];
  });
}

/** Puts events into a window. Undefined when all of the events are in the window already. */
async function correctWindow(
  { windows: table, publish, now, attempt: newAttempt }: CorrectionOptions,
  query: Query,
  window: EmittedWindow,
  events: readonly UsableEvent[],
  by: string,
): Promise<CorrectedWindow | undefined> {
  for (let race = 0; race < mostRaces; race++) {
    const standing = await readPane(table, query, window);
    const before = await readCorrections(table, query, window);
    const inside = await correctedRecords(table, query, window, before);
    const missing = events.filter(({ event }) => !inside.has(recordName(event)));
    if (missing.length === 0) {
      // The call that put them in may have died before the note.
      await noteCorrected(table, query, window);
      // The call that put them in may have died before the sinks were told.
      if (standing !== undefined) await publish(standing, before.length === 0 ? 'pane' : 'correction');
      return undefined;
    }
    const partials = new Map(standing === undefined ? [] : partialsOf(query, standing));
    const fold = createFold();
    for (const { key, inputs, time } of missing) fold.add(query, key, inputs, time);
    for (const slice of fold.slices)
      mergeInto(
        query,
        partials,
        [...slice.keys].map(([key, { states }]) => [key, states] as const),
      );
    const attempt = newAttempt();
    await logCorrection(table, query, window, {
      attempt,
      at: now(),
      by,
      records: missing.map(({ event }) => recordName(event)),
    });
    const records = (standing?.records ?? 0) + missing.length;
    const pane = await writeCorrectedPane(table, query, window, {
      standing,
      before,
      attempt,
      partials,
      records,
      nowMs: now(),
    });
    if (pane === undefined) continue; // another correction was quicker, and may have put in some of the same records
    await noteCorrected(table, query, window);
    await publish(pane, standing === undefined ? 'pane' : 'correction');
    return { start: window.start, end: window.end, revision: pane.revision, records: missing.length };
  }
  throw new Error(`window ${query.name} ${windowText(window)}: lost ${mostRaces} races against other corrections`);
}
