import type { BackfillRange } from '../../functions/core/definition/backfill.ts';
import type { RejectReason } from '../../functions/core/fold/read-event.ts';
import type { StaticPart } from '../../functions/core/static/static-run.ts';
import type { InputFile } from '../input/input-file.ts';
import type { Piece } from './pieces.ts';
import type { Rejections } from './rejections.ts';

/** The work that all workers share, as data that can cross to threads. */
export interface StaticJob {
  readonly files: readonly InputFile[];
  readonly units: readonly (readonly Piece[])[];
  /**
   * One 32-bit integer: the next unit to take. A worker stops after the unit at hand once it is set to the number of
   * units.
   */
  readonly next: SharedArrayBuffer;
  /** One 64-bit integer: the bytes of the files that all workers have read. */
  readonly bytesRead: SharedArrayBuffer;
  /** The bundled pipeline, for workers in other threads. */
  readonly bundle: string;
  /** The part of the pipeline that is counted: the history of one query; undefined: the whole pipeline. */
  readonly range?: BackfillRange | undefined;
  /** The rows of the table that the pipeline looks up in; undefined when it has none. */
  readonly lookupRows?: readonly object[] | undefined;
  /** The one moment that counts as every event's arrival, epoch ms. */
  readonly arrivalMs: number;
  /**
   * The ids to leave out, where workers deduplicate side by side. Each unit is counted apart, without the ids that came
   * in units before it. By unit: the halves of each id in turn; undefined when no such id is known. Undefined as a
   * whole: one worker sees everything in order, or there is nothing to deduplicate.
   */
  readonly idsBefore?: readonly (Uint32Array | undefined)[] | undefined;
}

/** The part of a job that every worker is given alike. */
export type SharedJob = Omit<StaticJob, 'next' | 'bytesRead'>;

/** The counts of one unit, or of all units that a worker took. */
export interface JobPart {
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
 * Hears of each rejected line in the order of the input, with its text; undefined for a line that is too long to be
 * held.
 */
export type OnRejected = (line: RejectedLine, text: string | undefined) => void;

/** The findings of one worker. */
export interface JobResult extends Rejections<RejectedLine> {
  readonly parts: readonly JobPart[];
  /** The number of lines in each piece of a file that was cut: line numbers follow from it. */
  readonly lines: readonly { readonly piece: Piece; readonly count: number }[];
}
