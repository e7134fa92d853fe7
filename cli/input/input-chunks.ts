import { unpack } from '../../functions/feeder/unpack.ts';
import { jsonLines } from '../../functions/formats/json-lines.ts';
import { readFileChunks } from '../../functions/formats/lines.ts';
import { unpackedBytes } from '../../functions/sources/unpacked.ts';
import { TidemarkError } from '../program/errors.ts';
import { csvLines } from './csv-lines.ts';
import type { InputFile } from './input-file.ts';
import { parquetLines } from './parquet-lines.ts';

/**
 * The events of a file as JSON lines, whatever its format, a piece at a time.
 * @param onBytes hears how many bytes of the file were read
 * @throws TidemarkError that names the file when its bytes are not what its format says, or end too early
 */
export async function* inputChunks(
  file: InputFile,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer> {
  if (file.plain) {
    yield* readFileChunks(file.path, onBytes);
    return;
  }
  let lines = 0;
  try {
    for await (const chunk of eventChunks(file, onBytes)) {
      for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) lines += 1;
      yield chunk;
    }
  } catch (error) {
    throw broken(file, lines, error);
  }
}

const lineFeed = 0x0a;

function eventChunks(file: InputFile, onBytes: (bytes: number) => void): AsyncIterable<Buffer> {
  const { form, packing, cells, encoding } = file.format;
  if (form === 'parquet') return counted(parquetLines(file.path), () => onBytes(file.bytes ?? 0));
  const bytes = readFileChunks(file.path, onBytes);
  const chunks = packing === 'none' ? unpackedBytes(bytes) : unpack[packing](bytes);
  if (form === 'csv') return csvLines(chunks, { cells, encoding });
  return jsonLines(encoding === 'latin1' ? fromLatin1(chunks) : chunks);
}

async function* fromLatin1(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk.toString('latin1'));
}

async function* counted(chunks: AsyncIterable<Buffer>, atEnd: () => void): AsyncGenerator<Buffer> {
  yield* chunks;
  atEnd();
}

const kinds: Readonly<Record<InputFile['format']['form'], string>> = { json: 'JSON', csv: 'CSV', parquet: 'Parquet' };

/** Errors of the file system stay as they are: they are about the path, not about the contents of the file. */
function broken({ path, format: { form, packing } }: InputFile, lines: number, error: unknown): unknown {
  if (error instanceof TidemarkError || !(error instanceof Error)) return error;
  if ('syscall' in error) return error;
  const kind = packing === 'none' ? kinds[form] : packing;
  return new TidemarkError(
    `${path}: broken ${kind} after ${lines} whole lines (${error.message.split('\n', 1)[0]}): mend the file or leave it out`,
    {
      cause: error,
    },
  );
}

/**
 * Reads files through whose end decides whether they are whole, before any of their events is put. A file is taken with
 * all its lines or not at all. A file without a size, such as a pipe, cannot be read twice and is not looked at. Plain
 * lines have no end that could be missing.
 * @throws TidemarkError as {@link inputChunks}
 */
export async function checkInputs(files: readonly InputFile[], signal: AbortSignal): Promise<void> {
  for (const file of new Set(files)) {
    if (file.plain || file.bytes === undefined) continue;
    for await (const _chunk of inputChunks(file)) if (signal.aborted) return;
  }
}
