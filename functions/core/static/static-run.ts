import type { RowsAt } from '../definition/lookup-table.ts';
import type { Pipeline, Query } from '../definition/pipeline.ts';
import {
  addCounters,
  addQueryCounters,
  type Counters,
  noEvents,
  noPairs,
  type QueryCounters,
} from '../events/counters.ts';
import type { FieldScan } from '../events/field-scan.ts';
import type { KeyText } from '../events/group-key.ts';
import { createIdSet, type IdSet } from '../events/id-set.ts';
import type { AsciiText } from '../events/json-scalars.ts';
import { createDoubtNotes, type Doubts } from '../fold/doubts.ts';
import { emptyAmong, emptyPartials, lastEndOf } from '../fold/empty-windows.ts';
import { createFold } from '../fold/fold.ts';
import { decodePartials, encodePartials, mergeInto, type PartialAggregate } from '../fold/partial.ts';
import { type AcceptedEvent, eventReader, type Rejection } from '../fold/read-event.ts';
import type { MergedWindow } from '../fold/totals.ts';
import { mergeWindow, sortedRows, windowsOf } from '../fold/window-result.ts';
import type { Row } from '../results/row.ts';
import { mergeSessions, sessionWindows } from '../sessions/join.ts';
import { type ScannedEvents, scannedEvents } from './scanned-events.ts';

/** A window of one query, with its rows and with the states from which totals over windows are made. */
export interface StaticWindow extends MergedWindow {
  readonly query: string;
  /** The number of events in it. */
  readonly records: number;
  readonly rows: readonly Row[];
}

/** The findings of one run over a part of the input, as plain data that can cross to another thread. */
export interface StaticPart {
  readonly counters: Counters;
  readonly queries: readonly QueryCounters[];
  /** The greatest time of the events that were not rejected, epoch ms; minus infinity without one. */
  readonly maxEventTime: number;
  readonly doubts: Doubts;
  /** Encoded partial aggregates, by position of the query, then by slice. */
  readonly partials: readonly (readonly [query: number, slice: number, text: string, records: number])[];
}

/**
 * The static query: the pipeline's queries over events that are all there. It takes one pass and no watermark, so
 * nothing is late.
 */
export interface StaticRun {
  add(text: string, arrivalMs: number): AcceptedEvent | Rejection;
  /** The same for an event that is parsed already. */
  addParsed(parsed: unknown, arrivalMs: number): AcceptedEvent | Rejection;
  /** Counts an event that could not even be read as text. */
  reject(): void;
  /** Undefined where no event of the pipeline can be read from its bytes. */
  readonly scanned: ScannedRun | undefined;
  part(): StaticPart;
}

/** The events of a {@link StaticRun} that are read from the bytes of their lines. */
export interface ScannedRun extends Pick<FieldScan, 'read' | 'learn'> {
  /**
   * Counts the event that was read last.
   * @returns false when it may have to be rejected: nothing was counted, and it has to be added as text
   */
  count(arrivalMs: number): boolean;
}

/** The options of a {@link StaticRun}. */
export interface StaticRunOptions {
  /** The rows of the pipeline's table. @default it has none */
  readonly rowsAt?: RowsAt | undefined;
  /**
   * The ids that came before, where the pipeline deduplicates: those of a shard and of its parents. In files all lines
   * arrive at one moment, so each id counts once, at its first line.
   * @default none
   */
  readonly ids?: IdSet | undefined;
  /** Decodes bytes below 128. @default no event is read from bytes */
  readonly asciiText?: AsciiText | undefined;
}

export function createStaticRun(
  pipeline: Pipeline,
  { rowsAt, asciiText, ids = pipeline.dedup && createIdSet(pipeline.dedup.withinMs) }: StaticRunOptions = {},
): StaticRun {
  const reader = eventReader(pipeline, rowsAt);
  const fold = createFold();
  const notes = createDoubtNotes(pipeline);
  const counters = { ...noEvents };
  const queries = pipeline.queries.map(() => ({ ...noPairs }));
  let maxEventTime = Number.NEGATIVE_INFINITY;
  function apply(read: AcceptedEvent | Rejection, arrivalMs: number): AcceptedEvent | Rejection {
    counters.received++;
    if (read.outcome === 'rejected') {
      counters.rejected++;
      return read;
    }
    if (read.time > maxEventTime) maxEventTime = read.time;
    notes.note(read.event, read.time);
    if (read.id !== undefined && ids?.judge(read.id, arrivalMs) === 'duplicate') {
      counters.duplicate++;
      return read;
    }
    let wanted = false;
    for (const query of pipeline.queries) {
      const key = read.keys[query.index];
      const inputs = read.inputs[query.index];
      const isCounted = key !== undefined && inputs !== undefined;
      if (isCounted) fold.add(query, key, inputs, read.time);
      notePair(query.index, isCounted);
      wanted ||= isCounted;
    }
    noteEvent(wanted);
    return read;
  }

  function notePair(index: number, isCounted: boolean): void {
    const pairs = queries[index];
    if (pairs === undefined) return;
    if (isCounted) pairs.counted++;
    else pairs.filtered++;
  }

  function noteEvent(isCounted: boolean): void {
    if (isCounted) counters.counted++;
    else counters.filtered++;
  }

  function scannedRun(events: ScannedEvents): ScannedRun {
    return {
      read: events.read,
      learn: events.learn,
      count(arrivalMs) {
        if (!events.judge(arrivalMs)) return false;
        const time = events.time();
        counters.received++;
        if (time > maxEventTime) maxEventTime = time;
        notes.note(undefined, time); // of such a pipeline, all fields are known
        let wanted = false;
        for (let i = 0; i < pipeline.queries.length; i++) {
          const query = pipeline.queries[i];
          const key = events.keys[i];
          const inputs = events.inputs[i];
          const isCounted = query !== undefined && key !== undefined && inputs !== undefined;
          if (isCounted) fold.addMet(query, key, inputs, time);
          notePair(i, isCounted);
          wanted ||= isCounted;
        }
        noteEvent(wanted);
        return true;
      },
    };
  }

  const events = asciiText === undefined ? undefined : scannedEvents(pipeline, asciiText);
  return {
    add: (text, arrivalMs) => apply(reader.text(text, arrivalMs), arrivalMs),
    addParsed: (parsed, arrivalMs) => apply(reader.parsed(parsed, arrivalMs), arrivalMs),
    reject() {
      counters.received++;
      counters.rejected++;
    },
    scanned: events === undefined ? undefined : scannedRun(events),
    part() {
      const partials = [...fold.slices].map(
        ({ query, slice, keys, records }) =>
          [
            query.index,
            slice,
            encodePartials(
              query,
              [...keys].map(([key, { states }]) => [key, states] as const),
            ),
            records,
          ] as const,
      );
      return { counters, queries, maxEventTime, doubts: notes.doubts(), partials };
    },
  };
}

/** The answer to the static query. */
export interface StaticAnswer {
  readonly counters: Counters;
  readonly queries: readonly QueryCounters[];
  /** By query, then start and end. */
  readonly windows: readonly StaticWindow[];
}

/** The answer to the static query from all its parts. */
export function staticAnswer(pipeline: Pipeline, parts: Iterable<StaticPart>): StaticAnswer {
  let counters = noEvents;
  const queries = pipeline.queries.map(() => noPairs);
  const slices: Map<number, StaticSlice>[] = pipeline.queries.map(() => new Map());
  let maxEventTime = Number.NEGATIVE_INFINITY;
  for (const part of parts) {
    counters = addCounters(counters, part.counters);
    maxEventTime = Math.max(maxEventTime, part.maxEventTime);
    part.queries.forEach((pairs, i) => {
      queries[i] = addQueryCounters(queries[i] ?? noPairs, pairs);
    });
    for (const [index, slice, text, records] of part.partials) {
      const query = pipeline.queries[index];
      if (query === undefined) continue;
      const merged = slices[index]?.get(slice) ?? { records: 0, partials: new Map<KeyText, PartialAggregate>() };
      mergeInto(query, merged.partials, decodePartials(query, text));
      slices[index]?.set(slice, { ...merged, records: merged.records + records });
    }
  }
  const windows = pipeline.queries.flatMap((query) =>
    withEmpty(query, answerOf(query, slices[query.index] ?? new Map()), maxEventTime),
  );
  return { counters, queries, windows };
}

/**
 * The windows, with those between them that hold nothing where the query wants these: as a stream emits them until its
 * end.
 */
function withEmpty(query: Query, held: readonly StaticWindow[], maxEventTime: number): readonly StaticWindow[] {
  if (query.mostEmpty === 0) return held;
  const partials = emptyPartials(query);
  const rows = sortedRows(query, partials);
  const through = Number.isFinite(query.until) ? query.until : lastEndOf(query, maxEventTime);
  const empty = [...emptyAmong(query, held, through)].map(({ start, end }) => ({
    query: query.name,
    start,
    end,
    records: 0,
    partials,
    rows,
  }));
  return [...held, ...empty].sort((left, right) => left.start - right.start || left.end - right.end);
}

/** Pairs by name of the query, in the form of the API. */
export function pairsByName(
  { queries }: Pipeline,
  pairs: readonly QueryCounters[],
): Readonly<Record<string, QueryCounters>> {
  return Object.fromEntries(queries.map(({ name, index }) => [name, pairs[index] ?? noPairs]));
}

interface StaticSlice {
  readonly records: number;
  readonly partials: Map<KeyText, PartialAggregate>;
}

function answerOf(query: Query, slices: ReadonlyMap<number, StaticSlice>): StaticWindow[] {
  if (query.window.sessions !== undefined)
    return sessionWindows(
      query,
      mergeSessions(
        query,
        [...slices.values()].flatMap(({ partials }) => [...partials]),
      ),
    ).map(({ start, end, records, partials }) => ({
      query: query.name,
      start,
      end,
      records,
      partials,
      rows: sortedRows(query, partials),
    }));
  return windowsOf(query, slices.keys())
    .map((window) => {
      const held = window.slices.flatMap((slice) => slices.get(slice) ?? []);
      const merged = mergeWindow(query, held);
      const records = held.reduce((total, slice) => total + slice.records, 0);
      return {
        query: query.name,
        start: window.start,
        end: window.end,
        records,
        partials: merged,
        rows: sortedRows(query, merged),
      };
    })
    .sort((left, right) => left.start - right.start || left.end - right.end);
}
