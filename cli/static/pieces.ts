import { statSync } from 'node:fs';

/** A part of a file: the lines that start in `[from, to)`, in bytes. */
export interface Piece {
  /** Position of the file among the operands. */
  readonly file: number;
  readonly from: number;
  /** Infinity for what has no size, such as a pipe. */
  readonly to: number;
}

/** An operand that can be read. */
export interface InputFile {
  readonly path: string;
  /** Undefined for what has no size, such as a pipe: it is read from its start to its end by one thread. */
  readonly bytes: number | undefined;
}

/** What one thread takes at a time, in bytes: large enough that opening files is nothing, small enough that threads end together. */
export const pieceBytes = 4 * 1024 * 1024;

/**
 * Looks at all operands before any work is done.
 * @throws the file system's error with `code` and `path`: a file does not exist (ENOENT), is a folder (EISDIR)
 */
export function inputFiles(paths: readonly string[]): readonly InputFile[] {
  const known = new Map<string, InputFile>();
  return paths.map((path) => {
    const file = known.get(path) ?? inputFile(path);
    known.set(path, file);
    return file;
  });
}

function inputFile(path: string): InputFile {
  const stats = statSync(path);
  if (stats.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR', path });
  return { path, bytes: stats.isFile() ? stats.size : undefined };
}

/** Cuts the files into pieces of at most `mostBytes` and gathers neighbouring pieces into units of work of about that size. */
export function unitsOf(files: readonly InputFile[], mostBytes: number): readonly (readonly Piece[])[] {
  const units: Piece[][] = [];
  let room = 0;
  for (const [file, { bytes }] of files.entries()) {
    for (const piece of piecesOf(file, bytes, mostBytes)) {
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

function piecesOf(file: number, bytes: number | undefined, mostBytes: number): readonly Piece[] {
  if (bytes === undefined) return [{ file, from: 0, to: Number.POSITIVE_INFINITY }];
  const pieces: Piece[] = [];
  for (let from = 0; from < bytes; from += mostBytes) pieces.push({ file, from, to: Math.min(from + mostBytes, bytes) });
  return pieces;
}
