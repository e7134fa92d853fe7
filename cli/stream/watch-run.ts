import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type ConservationJson, resultRows } from '../deployment/api-client.ts';
import { checkInputs } from '../input/input-chunks.ts';
import { type InputFile, inputFile, type inputOptions } from '../input/input-file.ts';
import { formatNumber } from '../print/number-text.ts';
import type { ResultRow } from '../print/result-table.ts';
import type { OptionValues } from '../program/command.ts';
import { reportError, TidemarkError } from '../program/errors.ts';
import { type ConsumedFiles, openConsumedFiles } from './consumed-files.ts';
import type { Embedded } from './embedded.ts';
import { type FeedCheckpoint, type WindowPlace, writeCheckpoint } from './feed-checkpoint.ts';
import { createFeeding, type Feeding } from './feeding.ts';
import { warnOfSideOutput } from './side-warning.ts';
import { begunStream } from './stream-run.ts';
import { type RunningSystem, type StreamSystemOptions, withSystem } from './stream-system.ts';
import { type TriggerSize, triggersOf } from './triggers.ts';
import { type FoundFile, type WatchedFolder, watchFolder } from './watched-folder.ts';

/** The options of a run over a watched folder. */
export interface WatchRunOptions extends StreamSystemOptions {
  readonly folder: string;
  readonly input: OptionValues<typeof inputOptions>;
  /** Undefined: all new files are one trigger. */
  readonly trigger: TriggerSize | undefined;
  readonly start: 'fresh' | 'resume';
  /** The share of the events that may be rejected without a warning, 0 to 1. */
  readonly maxRejected: number;
  /**
   * Gets the rows of windows once they are final. Each window comes once, and again only when a kill came before that
   * was noted.
   */
  readonly onFinal: (rows: readonly ResultRow[]) => void;
}

/** The end of a watched stream. */
export interface WatchResult {
  readonly conservation: ConservationJson;
  readonly writeUnits: number;
  readonly seconds: number;
  /** Files that were never taken, because they are broken. */
  readonly broken: number;
  /** The exit code for the rejected events. */
  readonly rejected: 0 | 1;
}

/**
 * Puts each file that is moved into a folder once, also when the process is killed at any moment and started again. A
 * file is noted as consumed once all its lines are committed. For a file that is not noted, the stream's own records
 * tell which lines it holds. The run ends when it is interrupted; windows that are open then stay open.
 */
export async function runWatch(options: WatchRunOptions): Promise<WatchResult> {
  const { folder, pipeline, process, dataDir } = options;
  const watched = path.resolve(folder);
  if (!statSync(watched).isDirectory())
    throw new TidemarkError(`--watch: ${folder} is a file: name the folder that it comes into`);
  const resumed = await begunStream(options);
  if (resumed !== undefined && resumed.watched !== watched)
    throw new TidemarkError(
      `--watch: ${dataDir} holds a stream of ${resumed.watched ?? 'files that were named'}: go on with that, or name another --data folder`,
    );
  const checkpoint: FeedCheckpoint = resumed ?? {
    files: [],
    watched,
    pipeline: pipeline.name,
    filesDone: 0,
    positions: {},
    startedAt: process.now(),
  };
  if (resumed === undefined && dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true });
    await writeCheckpoint(dataDir, checkpoint);
  }
  const consumed = await openConsumedFiles(dataDir);
  if (consumed.count < checkpoint.filesDone)
    throw new TidemarkError(
      `--data: ${dataDir} has lost which files were consumed (consumed.ndjson names ${consumed.count} of ${checkpoint.filesDone}), and they would be counted again: restore it, or begin with another folder`,
    );
  return withSystem(options, async (running) => {
    const { system, signal, readyMs } = running;
    const feeding = await createFeeding({
      ...options,
      system,
      signal,
      checkpoint,
      start: resumed === undefined ? 'fresh' : 'resume',
    });
    const source = watchFolder(watched);
    const intake = createIntake(options, source, consumed);
    process.stderr.write(
      `watching ${watched} (${formatNumber(consumed.count)} files consumed before), the page: ${system.local.url}/\n`,
    );
    try {
      await follow(options, running, { checkpoint, consumed, feeding, intake, source });
    } catch (error) {
      if (!process.signal.aborted) throw error;
    } finally {
      source.close();
    }
    const [conservation, writeUnits] = [await system.api.conservation(), await system.writeUnits()];
    for (const line of await system.doubts()) process.stderr.write(`tidemark: ${line}\n`);
    const since = { conservation, from: checkpoint.startedAt };
    const rejected = await warnOfSideOutput(system.api, since, options.maxRejected, process);
    return { conservation, writeUnits, seconds: (process.now() - readyMs) / 1000, broken: intake.broken(), rejected };
  });
}

interface Watching {
  readonly checkpoint: FeedCheckpoint;
  readonly consumed: ConsumedFiles;
  readonly feeding: Feeding;
  readonly intake: Intake;
  readonly source: WatchedFolder;
}

/** Trigger after trigger, until it is interrupted. */
async function follow(options: WatchRunOptions, { system, signal }: RunningSystem, watching: Watching): Promise<void> {
  const { process, dataDir } = options;
  const { checkpoint, consumed, feeding, intake, source } = watching;
  let printed = checkpoint.printed ?? {};
  const note = async (cause: 'trigger' | 'look'): Promise<void> => {
    feeding.note(await system.finalize({}));
    const news = await newlyFinal(options, system, printed);
    if (news.rows.length > 0) options.onFinal(news.rows);
    printed = news.printed;
    if (cause === 'look' && news.rows.length === 0) return;
    if (dataDir !== undefined)
      await writeCheckpoint(dataDir, {
        ...checkpoint,
        filesDone: consumed.count,
        positions: feeding.positions(),
        printed,
      });
    process.stderr.write(`stream: ${formatNumber(consumed.count)} files, ${feeding.describe()}\n`);
  };
  for (; !signal.aborted; await source.changed(signal)) {
    const files = await intake.next(signal);
    const inputs = files.map(({ input }) => input);
    let noted = 0;
    for await (const trigger of triggersOf(inputs, options.trigger ?? { files: Math.max(1, inputs.length) })) {
      await feeding.put(trigger);
      await feeding.committed();
      signal.throwIfAborted();
      const done = files.slice(noted, trigger.filesDone);
      await consumed.add(done.map(({ found: { name, bytes } }) => ({ name, bytes })));
      noted = trigger.filesDone;
      await note('trigger');
    }
    if (noted < files.length)
      await consumed.add(files.slice(noted).map(({ found: { name, bytes } }) => ({ name, bytes })));
    await note('look');
  }
  if (!process.signal.aborted) signal.throwIfAborted();
}

/** The choice of the files of a folder that are to be put. */
interface Intake {
  /** The new files that are whole. */
  next(signal: AbortSignal): Promise<readonly { readonly found: FoundFile; readonly input: InputFile }[]>;
  /** The number of files that were left out as broken so far. */
  broken(): number;
}

function createIntake(
  { input: options, process }: WatchRunOptions,
  source: WatchedFolder,
  consumed: ConsumedFiles,
): Intake {
  /** The version of each file that a message was about. A file is told of once, and again when it has changed. */
  const told = new Map<string, string>();
  const brokenFiles = new Set<string>();
  const tell = ({ name, bytes, modifiedMs }: FoundFile, text: string): void => {
    const version = `${bytes} ${modifiedMs}`;
    if (told.get(name) !== version) process.stderr.write(`${text}\n`);
    told.set(name, version);
  };
  return {
    async next(signal) {
      const files: { found: FoundFile; input: InputFile }[] = [];
      for (const found of await source.list()) {
        const { name, bytes, modifiedMs } = found;
        const before = consumed.get(name);
        if (before !== undefined) {
          if (before.bytes !== bytes)
            tell(
              found,
              `${name} had ${before.bytes} bytes when it was consumed and has ${bytes} now: its new lines are not read, move whole files here`,
            );
          continue;
        }
        if (brokenFiles.has(name) && told.get(name) === `${bytes} ${modifiedMs}`) continue;
        try {
          const input = inputFile(found.path, options);
          await checkInputs([input], signal);
          brokenFiles.delete(name);
          files.push({ found, input });
        } catch (error) {
          brokenFiles.add(name);
          tell(found, `tidemark: ${reportError(error).message}: it is looked at again when it changes`);
        }
      }
      return files;
    },
    broken: () => brokenFiles.size,
  };
}

/**
 * The rows of windows that became final after the last printed ones. Windows of a query become final in the order of
 * their ends, and so of their starts.
 */
async function newlyFinal(
  { pipeline }: WatchRunOptions,
  system: Embedded,
  printed: Readonly<Record<string, WindowPlace>>,
) {
  const places: Record<string, WindowPlace> = { ...printed };
  const rows: ResultRow[] = [];
  for (const { name } of pipeline.queries) {
    const last = places[name];
    const found = await system.api.windows(name, {
      status: 'final',
      ...(last === undefined ? {} : { from: String(last.start) }),
    });
    const isNew = ({ start, end }: WindowPlace) =>
      last === undefined || end > last.end || (end === last.end && start > last.start);
    const windows = found.filter(isNew);
    rows.push(...resultRows(windows));
    for (const { start, end } of windows) {
      const greatest = places[name];
      if (greatest === undefined || end > greatest.end || (end === greatest.end && start > greatest.start))
        places[name] = { start, end };
    }
  }
  return { rows, printed: places };
}
