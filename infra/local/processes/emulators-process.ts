import dynalite from 'dynalite';
import { keptStreams, prepareDataFolder, takeDataFolder } from '../emulators/data-folder.ts';
import { close, listen } from '../emulators/emulator.ts';
import { keepDynaliteStore } from '../emulators/interrupted-changes.ts';
import { createKinesisServer } from '../emulators/kinesis/kinesis-server.ts';
import { openStreams } from '../emulators/kinesis/streams.ts';
import { type RunningChild, runChild } from './child-main.ts';

/** The options of the emulators process. */
export interface EmulatorsOptions {
  /** The data folder; null: in memory. */
  readonly dataDir: string | null;
  /** The ports to serve on, 0 for any. After a restart they are the same, because clients know them. */
  readonly ports: { readonly kinesis: number; readonly dynamodb: number };
}

async function start(options: EmulatorsOptions): Promise<RunningChild> {
  const folder = options.dataDir === null ? undefined : prepareDataFolder(options.dataDir);
  const inspection = options.ports.kinesis === 0 ? 'whole' : 'quick';
  if (folder !== undefined && options.dataDir !== null)
    await takeDataFolder(options.dataDir, folder, process.ppid, inspection);
  const kinesis = createKinesisServer(
    folder === undefined ? openStreams({ folder: undefined, now: Date.now }) : keptStreams(folder),
    Date.now,
  );
  const store = keepDynaliteStore();
  const dynamodb = dynalite({
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(folder && { path: folder.dynamodb }),
  });
  await store.undoInterruptedChanges();
  const ports = {
    kinesis: await listen(kinesis, options.ports.kinesis),
    dynamodb: await listen(dynamodb, options.ports.dynamodb),
  };
  return {
    ports,
    async stop() {
      await Promise.all([close(kinesis), close(dynamodb)]);
    },
  };
}

runChild<EmulatorsOptions>('emulators', start);
