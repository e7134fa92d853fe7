import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { KinesaliteOptions } from 'kinesalite';
import type { KinesaliteDb } from 'kinesalite/db/index.js';
import { createFastSequences } from './fast-sequences.ts';

/** Of so many steps of a memory database, one goes through the event loop; the others do not wait for it. */
const stepsPerTurn = 128;

/**
 * kinesalite with two changes of speed. Its memory database takes a turn of the event loop for each record that is read, so
 * that under a load of puts a read of thousands takes seconds; that is one turn for {@link stepsPerTurn} records here.
 * Sequence numbers: see {@link createFastSequences}.
 */
export function createFastKinesalite(options: KinesaliteOptions): Server {
  const fromHere = createRequire(import.meta.url);
  const fromKinesalite = createRequire(fromHere.resolve('kinesalite'));
  const immediate = fromKinesalite.resolve('memdown/immediate.js');
  fromKinesalite(immediate);
  const loaded = fromKinesalite.cache[immediate];
  if (loaded !== undefined) loaded.exports = mostlyNextTick;
  const db: KinesaliteDb = fromHere('kinesalite/db/index.js');
  Object.assign(db, createFastSequences({ ...db }));
  const kinesalite: (options: KinesaliteOptions) => Server = fromHere('kinesalite');
  return kinesalite(options);
}

let steps = 0;

function mostlyNextTick(step: (...given: unknown[]) => void, ...given: unknown[]): void {
  if (++steps % stepsPerTurn === 0) setImmediate(step, ...given);
  else process.nextTick(step, ...given);
}
