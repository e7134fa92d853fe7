import { closeSync, openSync } from 'node:fs';
import { type BackfillRange, backfillPipeline } from '../../functions/core/backfill.ts';
import type { Pipeline } from '../../functions/core/pipeline.ts';
import type { AcceptedEvent, Rejection, RejectReason } from '../../functions/core/read-event.ts';
import { createStaticRun, type StaticPart } from '../../functions/core/static-run.ts';
import { eventLines } from './event-lines.ts';
import type { InputFile, Piece } from './pieces.ts';
import { createReadBuffer, scanLines } from './scan.ts';

/** The work that all lanes share, as data that can cross to threads. */
export interface StaticJob {
  readonly files: readonly InputFile[];
  readonly units: readonly (readonly Piece[])[];
  /** One 32-bit integer: the next unit to take. Setting it to the number of units stops everybody after the unit at hand. */
  readonly next: SharedArrayBuffer;
  /** The bundled pipeline, for lanes in other threads. */
  readonly bundle: string;
  /** What of the pipeline is counted: the history of one query; undefined: all of it. */
  readonly range?: BackfillRange | undefined;
  /** The one moment that counts as every event's arrival, epoch ms. */
  readonly arrivalMs: number;
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

/** What a lane found. */
export interface LaneResult {
  readonly part: StaticPart;
  /** Its first rejected lines in the order of the input, at most {@link keptRejections}. */
  readonly rejected: readonly RejectedLine[];
  /** Lines of the pieces of files that were cut: line numbers follow from them. */
  readonly lines: readonly { readonly piece: Piece; readonly count: number }[];
}

/** How many rejected lines are shown. */
export const keptRejections = 5;

/** Works until no unit is left. `pause` runs between two units, so that a thread with other duties can do them. */
export async function runLane(job: StaticJob, pipeline: Pipeline, pause: () => Promise<void> | undefined): Promise<LaneResult> {
  const next = new Int32Array(job.next);
  const run = createStaticRun(job.range === undefined ? pipeline : backfillPipeline(pipeline, job.range));
  const buffer = createReadBuffer();
  const rejected: RejectedLine[] = [];
  const lines: { piece: Piece; count: number }[] = [];
  let unit = 0;
  let piece: Piece | undefined;

  const keep = (reason: RejectReason, detail: string, line: number): void => {
    if (rejected.length < keptRejections && piece !== undefined) rejected.push({ unit, piece, line, reason, detail });
  };
  const kept = (read: AcceptedEvent | Rejection, line: number): AcceptedEvent | Rejection => {
    if (read.outcome === 'rejected') keep(read.reason, read.detail, line);
    return read;
  };
  const handler = eventLines({
    parsed: (event, line) => kept(run.addParsed(event, job.arrivalMs), line),
    text: (text, line) => kept(run.add(text, job.arrivalMs), line),
    unreadable(reason, detail, line) {
      run.reject();
      keep(reason, detail, line);
    },
  });

  for (unit = Atomics.add(next, 0, 1); unit < job.units.length; unit = Atomics.add(next, 0, 1)) {
    for (piece of job.units[unit] ?? []) {
      const file = job.files[piece.file];
      if (file === undefined) continue;
      const fd = openSync(file.path, 'r');
      try {
        const count = scanLines(fd, { from: piece.from, to: piece.to, seekable: file.bytes !== undefined }, buffer, handler);
        if (file.bytes !== undefined && piece.to < file.bytes) lines.push({ piece, count });
      } finally {
        closeSync(fd);
      }
    }
    await pause();
  }
  return { part: run.part(), rejected, lines };
}
