import type { InputFile } from '../input/input-file.ts';

/** A part of a file: the lines that start in `[from, to)`, in bytes. */
export interface Piece {
  /** Position of the file among the operands. */
  readonly file: number;
  readonly from: number;
  /** Infinity for a file that is read as a whole: it has no size, as a pipe, or no line can be found in its middle. */
  readonly to: number;
}

/**
 * The part of the input that one thread takes at a time, in bytes. It is large enough that opening files costs nothing,
 * and small enough that threads end together.
 */
export const pieceBytes = 4 * 1024 * 1024;

/**
 * Cuts the files into pieces of at most `mostBytes` and gathers neighbouring pieces into units of work of about that
 * size.
 */
export function unitsOf(files: readonly InputFile[], mostBytes: number): readonly (readonly Piece[])[] {
  const units: Piece[][] = [];
  let room = 0;
  for (const [index, file] of files.entries()) {
    for (const piece of piecesOf(index, file, mostBytes)) {
      const size = piece.to - piece.from;
      if (size > room) {
        units.push([]);
        room = mostBytes;
      }
      units.at(-1)?.push(piece);
      room -= size;
    }
  }
  return units;
}

/** The pieces of a file. A file of anything but plain lines can only be read from its start. */
function piecesOf(file: number, input: InputFile, mostBytes: number): readonly Piece[] {
  const { bytes, plain } = input;
  if (bytes === undefined || !plain) return [{ file, from: 0, to: Number.POSITIVE_INFINITY }];
  const pieces: Piece[] = [];
  for (let from = 0; from < bytes; from += mostBytes)
    pieces.push({ file, from, to: Math.min(from + mostBytes, bytes) });
  return pieces;
}
