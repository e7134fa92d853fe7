import { readFileChunks } from '../../functions/feeder/lines.ts';
import { unpack } from '../../functions/feeder/unpack.ts';
import { TidemarkError } from '../errors.ts';
import { csvLines } from './csv-lines.ts';
import { type InputFile, isPlain } from './input-file.ts';
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
  if (isPlain(file)) {
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
  const { form, packing, cells } = file.format;
  if (form === 'parquet') return counted(parquetLines(file.path), () => onBytes(file.bytes ?? 0));
  const chunks = unpack[packing](readFileChunks(file.path, onBytes));
  return form === 'csv' ? csvLines(chunks, cells) : chunks;
}

async function* counted(chunks: AsyncIterable<Buffer>, atEnd: () => void): AsyncGenerator<Buffer> {
  yield* chunks;
  atEnd();
}

/** What the file system says stays as it is: it is about the path, not about what is in the file. */
function broken({ path, format: { form, packing } }: InputFile, lines: number, error: unknown): unknown {
  if (error instanceof TidemarkError || !(error instanceof Error)) return error;
  if ('syscall' in error) return error;
  const kind = packing === 'none' ? (form === 'csv' ? 'CSV' : 'Parquet') : packing;
  return new TidemarkError(
    `${path}: broken ${kind} after ${lines} whole lines (${error.message.split('\n', 1)[0]}): mend the file or leave it out`,
    {
      cause: error,
    },
  );
}

/**
 * Reads files through whose end decides whether they are whole, before anything of them is put: a file is taken with all its lines or not at all. What has no
 * size, such as a pipe, cannot be read twice and is not looked at; plain lines have no end that could be missing.
 * @throws TidemarkError as {@link inputChunks}
 */
export async function checkInputs(files: readonly InputFile[], signal: AbortSignal): Promise<void> {
  for (const file of new Set(files)) {
    if (isPlain(file) || file.bytes === undefined) continue;
    for await (const _chunk of inputChunks(file)) if (signal.aborted) return;
  }
}
