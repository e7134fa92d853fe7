import type { Packing } from '../../functions/feeder/unpack.ts';
import { UsageError } from '../program/errors.ts';

/** How events lie in a file: an event a line as JSON, a row of CSV below a header, or a row of Parquet. */
export type EventForm = 'json' | 'csv' | 'parquet';

/** The format by which a file is read. */
export interface FileFormat {
  readonly form: EventForm;
  readonly packing: Packing;
  /**
   * The cells of CSV. `typed`: each is a number, a boolean, null or text by its own look. `text`: the schema converts
   * them.
   */
  readonly cells: 'typed' | 'text';
  /** The encoding of JSON lines and CSV. */
  readonly encoding: (typeof encodings)[number];
}

/**
 * The encodings of text: UTF-8, in which other bytes are rejected, and ISO 8859-1, in which every byte is a character.
 */
export const encodings = ['utf8', 'latin1'] as const;

const packings: readonly (readonly [ending: RegExp, packing: Packing])[] = [
  [/\.(gz|gzip)$/i, 'gzip'],
  [/\.(zst|zstd)$/i, 'zstd'],
];

/** The names of `--format`; they are written as extensions are. */
export const formatNames = ['json', 'json.gz', 'json.zst', 'csv', 'csv.gz', 'csv.zst', 'parquet'] as const;

/**
 * The format that a path's extensions name: `.csv` or `.parquet`, with `.gz` or `.zst` behind. Any other path holds
 * JSON lines.
 */
export function formatOf(
  path: string,
  text: Pick<FileFormat, 'cells' | 'encoding'> = { cells: 'typed', encoding: 'utf8' },
): FileFormat {
  const [ending, packing] = packings.find(([pattern]) => pattern.test(path)) ?? [undefined, 'none' as const];
  const bare = ending === undefined ? path : path.replace(ending, '');
  if (/\.parquet$/i.test(bare)) {
    if (packing === 'none') return { form: 'parquet', packing, ...text };
    throw new UsageError(`${path}: Parquet is compressed inside: unpack the file, and name it .parquet`);
  }
  return { form: /\.csv$/i.test(bare) ? 'csv' : 'json', packing, ...text };
}
