import path from 'node:path';
import type { Coverage } from '../../functions/feeder/coverage.ts';
import type { Feeder } from '../../functions/feeder/feeder.ts';
import { type ReadLine, readLines } from '../../functions/formats/lines.ts';
import { inputChunks } from '../input/input-chunks.ts';
import type { InputFile } from '../input/input-file.ts';

/** The size of a trigger, which is Spark's word for one step of a stream: a number of files, or of lines. */
export type TriggerSize = { readonly files: number } | { readonly records: number };

/** One step of a stream: puts its part of the input. */
export interface Trigger {
  /** The number of whole files that are put once it is done. */
  readonly filesDone: number;
  put(feeder: Feeder, skip: Coverage | undefined): Promise<void>;
}

/**
 * Cuts the input into triggers, in the order of the files. Lines of different files are never in one trigger of
 * records.
 * @param onBytes hears how many more bytes of the files have been read
 */
export async function* triggersOf(
  files: readonly InputFile[],
  size: TriggerSize,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Trigger> {
  if ('files' in size) {
    for (let at = 0; at < files.length; at += size.files) {
      const some = files.slice(at, at + size.files);
      yield {
        filesDone: at + some.length,
        async put(feeder, skip) {
          for (const file of some)
            await feeder.putFile(file.path, {
              skip,
              chunks: (heard) =>
                inputChunks(file, (bytes) => {
                  heard(bytes);
                  onBytes(bytes);
                }),
            });
        },
      };
    }
    return;
  }
  for (const [index, file] of files.entries()) {
    const put = (lines: readonly ReadLine[]) => async (feeder: Feeder, skip: Coverage | undefined) =>
      feeder.putLines(once(lines), path.basename(file.path), { skip });
    let held: ReadLine[] = [];
    for await (const lines of readLines(inputChunks(file, onBytes))) {
      held.push(...lines);
      for (; held.length >= size.records; held = held.slice(size.records))
        yield { filesDone: index, put: put(held.slice(0, size.records)) };
    }
    if (held.length > 0) yield { filesDone: index, put: put(held) };
  }
}

async function* once(lines: readonly ReadLine[]): AsyncGenerator<readonly ReadLine[]> {
  yield lines;
}
