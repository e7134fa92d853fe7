import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { areUnchanged, type Stamp, stampOf } from '../../infra/bundle/stamp.ts';

/** The files beside or above a source by which the bundler finds packages and reads the source. */
const deciding = ['package.json', 'tsconfig.json', 'jsconfig.json', 'node_modules'];

/**
 * The bundle of a file, if nothing has changed that it was made of: its sources, the folders in which they lie, and
 * above them whatever decides which packages are found. Bundling again takes longer than counting a million lines.
 * @param folder of the bundles
 */
export function knownBundle(folder: string, file: string): string | undefined {
  try {
    const { bundle, sources } = JSON.parse(readFileSync(indexOf(folder, file), 'utf8')) as {
      readonly bundle: string;
      readonly sources: readonly Stamp[];
    };
    if (!areUnchanged(sources)) return undefined;
    const bundled = path.join(folder, path.basename(bundle));
    return existsSync(bundled) ? bundled : undefined;
  } catch {
    return undefined; // there is none, or one of another version
  }
}

/**
 * Notes what a bundle is made of, for {@link knownBundle}.
 * @param inputs the paths of its sources. One that was changed since `startedMs`, epoch ms, may not be what was read:
 * nothing is noted then.
 */
export function noteBundle(
  folder: string,
  file: string,
  bundle: string,
  inputs: readonly string[],
  startedMs: number,
): void {
  const sources = [...new Set(inputs.flatMap(withDeciding))].map(stampOf);
  if (sources.some(([, size, changedMs]) => size !== 0 && changedMs >= startedMs)) return;
  const index = indexOf(folder, file);
  const draft = path.join(folder, `draft-${randomUUID()}.json`);
  writeFileSync(draft, JSON.stringify({ bundle: path.basename(bundle), sources }));
  renameSync(draft, index);
}

/** A name that the launcher removes with the bundles when it has not been used for a day. */
function indexOf(folder: string, file: string): string {
  return path.join(folder, `pipeline-${createHash('sha256').update(file).digest('hex').slice(0, 16)}.json`);
}

/** A source and all that decides what it is. Packages do not change without the folder of all packages. */
function withDeciding(input: string): readonly string[] {
  if (input.split(path.sep).includes('node_modules')) return [input];
  const folders = foldersAbove(path.dirname(input));
  return [input, path.dirname(input), ...folders.flatMap((folder) => deciding.map((name) => path.join(folder, name)))];
}

function foldersAbove(folder: string): readonly string[] {
  const parent = path.dirname(folder);
  return [folder, ...(parent === folder ? [] : foldersAbove(parent))];
}
