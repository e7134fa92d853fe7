import { type BackfillRange, backfillPipeline } from '../../functions/core/definition/backfill.ts';
import { rowsByKey } from '../../functions/core/definition/lookup.ts';
import type { RowsAt } from '../../functions/core/definition/lookup-table.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { createIdSet, type IdSet } from '../../functions/core/events/id-set.ts';
import type { AcceptedEvent, Rejection, RejectReason } from '../../functions/core/fold/read-event.ts';
import { createStaticRun, type StaticPart } from '../../functions/core/static/static-run.ts';
import type { InputFile } from '../input/input-file.ts';
import { eventLines } from './event-lines.ts';
import { eachId } from './ids-across.ts';
import type { Piece } from './pieces.ts';
import { createRejections, type Rejections } from './rejections.ts';
import { createReadBuffer } from './scan.ts';
import { scanInput } from './scan-input.ts';

/** The work that all lanes share, as data that can cross to threads. */
export interface StaticJob {
  readonly files: readonly InputFile[];
  readonly units: readonly (readonly Piece[])[];
  /**
   * One 32-bit integer: the next unit to take. Setting it to the number of units stops everybody after the unit at
   * hand.
   */
  readonly next: SharedArrayBuffer;
  /** The bundled pipeline, for lanes in other threads. */
  readonly bundle: string;
  /** What of the pipeline is counted: the history of one query; undefined: all of it. */
  readonly range?: BackfillRange | undefined;
  /** The rows of the table that the pipeline looks up in; undefined when there is none. */
  readonly lookupRows?: readonly object[] | undefined;
  /** The one moment that counts as every event's arrival, epoch ms. */
  readonly arrivalMs: number;
  /**
   * Where lanes deduplicate side by side: each unit is counted apart, without these ids, which came in units before it;
   * by unit, the halves of each id in turn, undefined for none that is known of. Undefined: one lane, which sees
   * everything in order, or nothing to deduplicate.
   */
  readonly idsBefore?: readonly (Uint32Array | undefined)[] | undefined;
}

/** What was counted of one unit, or of all that a lane took. */
export interface LanePart {
  readonly unit: number;
  readonly part: StaticPart;
  /** The ids that were counted, the halves of each in turn; empty unless units are counted apart. */
  readonly ids: Uint32Array;
}

/** A rejected line of a piece, kept to be shown. */
export interface RejectedLine {
  readonly unit: number;
  readonly piece: Piece;
  /** 1-based, from the piece's start. */
  readonly line: number;
  readonly reason: RejectReason;
  readonly detail: string;
}

/**
 * Is told of each rejected line in the order of the input, with its text; undefined of one that is too long to be held.
 */
export type OnRejected = (line: RejectedLine, text: string | undefined) => void;

/** What a lane found. */
export interface LaneResult extends Rejections<RejectedLine> {
  readonly parts: readonly LanePart[];
  /** Lines of the pieces of files that were cut: line numbers follow from them. */
  readonly lines: readonly { readonly piece: Piece; readonly count: number }[];
}

/**
 * Works until no unit is left. `pause` runs between two units, so that a thread with other duties can do them.
 * @param onRejected every line is read as text then, which takes longer
 */
export async function runLane(
  job: StaticJob,
  pipeline: Pipeline,
  pause: () => Promise<void> | undefined,
  onRejected?: OnRejected,
): Promise<LaneResult> {
  const next = new Int32Array(job.next);
  const rowsAt = fixedRows(pipeline, job.lookupRows);
  const counted = job.range === undefined ? pipeline : backfillPipeline(pipeline, job.range);
  const parts: LanePart[] = [];
  let run = createStaticRun(counted, { rowsAt });
  const buffer = createReadBuffer();
  const rejections = createRejections<RejectedLine>();
  const lines: { piece: Piece; count: number }[] = [];
  let unit = 0;
  let piece: Piece | undefined;

  const keep = (reason: RejectReason, detail: string, line: number, text?: string): void => {
    if (piece === undefined) return;
    const rejected = { unit, piece, line, reason, detail };
    rejections.note(rejected);
    onRejected?.(rejected, text);
  };
  const kept = (read: AcceptedEvent | Rejection, line: number, text?: string): AcceptedEvent | Rejection => {
    if (read.outcome === 'rejected') keep(read.reason, read.detail, line, text);
    return read;
  };
  const handler = eventLines({
    parsed: (event, line) => kept(run.addParsed(event, job.arrivalMs), line),
    text: (text, line) => kept(run.add(text, job.arrivalMs), line, text),
    unreadable(reason, detail, line, text) {
      run.reject();
      keep(reason, detail, line, text);
    },
  });
  // An event that was read by the shape of the lines before has no text any more.
  const reader = onRejected === undefined ? handler : { ...handler, quick: () => -1 };

  for (unit = Atomics.add(next, 0, 1); unit < job.units.length; unit = Atomics.add(next, 0, 1)) {
    const pieces = job.units[unit] ?? [];
    const ids = job.idsBefore && pieces.length > 0 ? idSetOf(job.idsBefore[unit], job.arrivalMs) : undefined;
    if (ids !== undefined) run = createStaticRun(counted, { rowsAt, ids });
    for (piece of pieces) {
      const file = job.files[piece.file];
      if (file === undefined) continue;
      const scanned = scanInput(file, piece, buffer, reader);
      const count = typeof scanned === 'number' ? scanned : await scanned;
      if (file.bytes !== undefined && piece.to < file.bytes) lines.push({ piece, count });
    }
    if (ids !== undefined) parts.push({ unit, part: run.part(), ids: idsOf(ids) });
    await pause();
  }
  if (job.idsBefore === undefined) parts.push({ unit: 0, part: run.part(), ids: new Uint32Array() });
  return { parts, rejected: rejections.rejected, reasons: rejections.reasons, lines };
}

/** One version of the rows of a pipeline's table for all events, in place of those that are published. */
export function fixedRows({ lookupTable }: Pipeline, rows: readonly object[] | undefined): RowsAt | undefined {
  if (lookupTable === undefined || rows === undefined) return undefined;
  const byKey = rowsByKey(`lookup ${lookupTable.table}`, rows, lookupTable.key);
  return () => byKey;
}

/** All lines of files arrive at one moment: no horizon ends between them. */
function idSetOf(halves: Uint32Array = new Uint32Array(), arrivalMs: number): IdSet {
  const ids = createIdSet(Number.POSITIVE_INFINITY);
  eachId(halves, (id) => ids.note(id, arrivalMs));
  return ids;
}

function idsOf(ids: IdSet): Uint32Array {
  const halves: number[] = [];
  ids.each(({ high, low }) => halves.push(high, low));
  return Uint32Array.from(halves);
}
