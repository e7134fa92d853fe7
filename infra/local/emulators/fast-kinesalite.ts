import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { KinesaliteOptions } from 'kinesalite';
import type { KinesaliteDb } from 'kinesalite/db/index.js';
import { createFastSequences } from './fast-sequences.ts';

/** One of this many steps of a memory database goes through the event loop. The others do not wait for it. */
const stepsPerTurn = 128;

/**
 * kinesalite with two changes for speed and one for safety. The change for safety is {@link refuseTokens}. kinesalite's
 * memory database takes a turn of the event loop for each record that is read, so that under a load of puts a read of
 * thousands takes seconds. Here one turn is for {@link stepsPerTurn} records. The other change for speed is
 * {@link createFastSequences}.
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
  refuseTokens(fromHere, db);
  const kinesalite: (options: KinesaliteOptions) => Server = fromHere('kinesalite');
  return kinesalite(options);
}

type ListShards = (
  store: unknown,
  data: { readonly NextToken?: string },
  answer: (error: Error | null, answer?: object) => void,
) => void;

/** Refuses every token of ListShards. kinesalite never gives one, and ends its process at any that it receives. */
function refuseTokens(require: NodeJS.Require, db: KinesaliteDb): void {
  const file = require.resolve('kinesalite/actions/listShards.js');
  const listShards: ListShards = require(file);
  const loaded = require.cache[file];
  if (loaded === undefined) return;
  const refusing: ListShards = (store, data, answer) => {
    if (data.NextToken === undefined) listShards(store, data, answer);
    else
      answer(db.clientError('InvalidArgumentException', `NextToken ${data.NextToken} is invalid: list from the start`));
  };
  loaded.exports = refusing;
}

let steps = 0;

function mostlyNextTick(step: (...given: unknown[]) => void, ...given: unknown[]): void {
  if (++steps % stepsPerTurn === 0) setImmediate(step, ...given);
  else process.nextTick(step, ...given);
}
