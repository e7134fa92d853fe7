import dynalite from 'dynalite';
import { prepareDataFolder, takeDataFolder } from '../emulators/data-folder.ts';
import { close, listen } from '../emulators/emulator.ts';
import { createFastKinesalite } from '../emulators/fast-kinesalite.ts';
import { keepStores } from '../emulators/interrupted-changes.ts';
import { createPutHints } from '../emulators/put-hints.ts';
import { type RunningChild, runChild } from './child-main.ts';

/** The options of the emulators process. */
export interface EmulatorsOptions {
  /** The data folder; null: in memory. */
  readonly dataDir: string | null;
  /** The ports to serve on, 0 for any. After a restart they are the same, because clients know them. */
  readonly ports: { readonly kinesis: number; readonly dynamodb: number };
}

/** The limit of shards: more than anybody splits a local stream into. kinesalite's own limit is 10. */
const shardLimit = 10_000;

async function start(options: EmulatorsOptions): Promise<RunningChild> {
  const folder = options.dataDir === null ? undefined : prepareDataFolder(options.dataDir);
  const inspection = options.ports.kinesis === 0 ? 'whole' : 'quick';
  if (folder !== undefined && options.dataDir !== null)
    await takeDataFolder(options.dataDir, folder, process.ppid, inspection);
  const hints = createPutHints();
  const stores = keepStores();
  const kinesis = createFastKinesalite({
    createStreamMs: 0,
    deleteStreamMs: 0,
    updateStreamMs: 0,
    shardLimit,
    ...(folder && { path: folder.kinesis }),
  });
  const dynamodb = dynalite({
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(folder && { path: folder.dynamodb }),
  });
  await stores.undoInterruptedChanges();
  const ports = {
    kinesis: await listen(kinesis, options.ports.kinesis, hints.subscribe, hints.onAnswer),
    dynamodb: await listen(dynamodb, options.ports.dynamodb, () => 'passed', undefined),
  };
  return {
    ports,
    async stop() {
      await Promise.all([close(kinesis), close(dynamodb)]);
    },
  };
}

runChild<EmulatorsOptions>('emulators', start);
