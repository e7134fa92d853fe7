import { backfillPipeline } from '../../functions/core/definition/backfill.ts';
import { rowsByKey } from '../../functions/core/definition/lookup.ts';
import type { RowsAt } from '../../functions/core/definition/lookup-table.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { createIdSet, type IdSet } from '../../functions/core/events/id-set.ts';
import type { AcceptedEvent, Rejection, RejectReason } from '../../functions/core/fold/read-event.ts';
import { createStaticRun } from '../../functions/core/static/static-run.ts';
import { asciiText, eventLines } from './event-lines.ts';
import { eachId } from './ids-across.ts';
import type { JobPart, JobResult, OnRejected, RejectedLine, StaticJob } from './job.ts';
import type { Piece } from './pieces.ts';
import { createRejections } from './rejections.ts';
import { createReadBuffer } from './scan.ts';
import { scanInput } from './scan-input.ts';

/**
 * Works until no unit is left. `pause` runs between two units, for the other duties of a thread.
 * @param options `onRejected` needs every line to be read as text, which takes longer; `signal` ends the work, with an
 * AbortError
 */
export async function runJob(
  job: StaticJob,
  pipeline: Pipeline,
  pause: () => Promise<void> | undefined,
  {
    onRejected,
    signal,
  }: { readonly onRejected?: OnRejected | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<JobResult> {
  const next = new Int32Array(job.next);
  const bytesRead = new BigInt64Array(job.bytesRead);
  const onBytes = (bytes: number): void => {
    Atomics.add(bytesRead, 0, BigInt(bytes));
    signal?.throwIfAborted();
  };
  const rowsAt = fixedRows(pipeline, job.lookupRows);
  const counted = job.range === undefined ? pipeline : backfillPipeline(pipeline, job.range);
  const parts: JobPart[] = [];
  let run = createStaticRun(counted, { rowsAt, asciiText });
  const { scanned } = run;
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
    scanned: scanned && { ...scanned, count: () => scanned.count(job.arrivalMs) },
    unreadable(reason, detail, line, text) {
      run.reject();
      keep(reason, detail, line, text);
    },
  });
  // An event that was read by the shape of the lines before does not have its text any more.
  const reader = onRejected === undefined ? handler : { ...handler, quick: () => -1 };

  for (unit = Atomics.add(next, 0, 1); unit < job.units.length; unit = Atomics.add(next, 0, 1)) {
    const pieces = job.units[unit] ?? [];
    const ids = job.idsBefore && pieces.length > 0 ? idSetOf(job.idsBefore[unit], job.arrivalMs) : undefined;
    if (ids !== undefined) run = createStaticRun(counted, { rowsAt, ids });
    for (piece of pieces) {
      const file = job.files[piece.file];
      if (file === undefined) continue;
      const scanned = scanInput(file, piece, buffer, reader, onBytes);
      const count = typeof scanned === 'number' ? scanned : await scanned;
      if (file.bytes !== undefined && piece.to < file.bytes) lines.push({ piece, count });
    }
    if (ids !== undefined) parts.push({ unit, part: run.part(), ids: idsOf(ids) });
    await pause();
  }
  if (job.idsBefore === undefined) parts.push({ unit: 0, part: run.part(), ids: new Uint32Array() });
  return { parts, rejected: rejections.rejected, reasons: rejections.reasons, lines };
}

/** One version of the rows of a pipeline's table for all events, in place of published versions. */
export function fixedRows({ lookupTable }: Pipeline, rows: readonly object[] | undefined): RowsAt | undefined {
  if (lookupTable === undefined || rows === undefined) return undefined;
  const byKey = rowsByKey(`lookup ${lookupTable.table}`, rows, lookupTable.key);
  return () => byKey;
}

/** A set of ids for files. All their lines arrive at one moment: no horizon ends between them. */
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
