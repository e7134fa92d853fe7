import type { BackfillRange } from '../../functions/core/definition/backfill.ts';
import type { RejectReason } from '../../functions/core/fold/read-event.ts';
import type { StaticPart } from '../../functions/core/static/static-run.ts';
import type { InputFile } from '../input/input-file.ts';
import type { Piece } from './pieces.ts';
import type { Rejections } from './rejections.ts';

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

/** What lanes are told that work on it together. */
export type LanesJob = Omit<StaticJob, 'next'>;

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
