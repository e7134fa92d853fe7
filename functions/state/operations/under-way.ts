import { type CommandState, readCommand } from '../commands/command.ts';
import { readStagings, type Staging } from '../commands/staging.ts';
import { readRemoving } from '../items/definition.ts';
import { type EmittedPlace, type Epoch, readEmitted, readGathered, readNewestEpoch } from '../log/epoch.ts';
import { type CommandEntry, epochOfCommand, readLatestCommands } from '../log/operator.ts';
import type { Table } from '../table/table.ts';

/** How far a command of the operator is. */
export interface CommandProgress {
  readonly entry: CommandEntry;
  readonly found: CommandState;
  /** The epoch that holds it; undefined: none has cut it off yet. */
  readonly epoch: number | undefined;
  /**
   * `waiting` for an epoch; `gathering`: its epoch is elected; `emitting`: what it changes is being written; `done`.
   */
  readonly stage: 'waiting' | 'gathering' | 'emitting' | 'done';
}

/** What is going on in a deployment. */
export interface UnderWay {
  /** The newest epoch that was elected; epoch 0 before the first. */
  readonly elected: Epoch;
  /** The newest epoch whose segments are all there. */
  readonly gathered: number;
  /** How far the panes of each query are out, by its name. */
  readonly emitted: ReadonlyMap<string, EmittedPlace>;
  /** The commands among the last entries of the operator's log, the newest first. */
  readonly commands: readonly CommandProgress[];
  /** Backfills that are being handed over. */
  readonly backfills: readonly Staging[];
  /** Queries that are being removed. */
  readonly removals: readonly string[];
}

/** Entries of the operator's log that are looked at: commands and the barriers between them. */
const mostEntries = 200;
const mostCommands = 20;
const mostBackfills = 20;

/** What is going on in a deployment. Reads a few hundred items at most, and writes nothing. */
export async function readUnderWay(state: Table): Promise<UnderWay> {
  // How far panes are out is read first: what is read after it has come at least as far.
  const emitted = await readEmitted(state);
  const [{ epoch: gathered }, elected, latest, backfills, removals] = await Promise.all([
    readGathered(state),
    readNewestEpoch(state),
    readLatestCommands(state, mostEntries),
    readStagings(state, mostBackfills),
    readRemoving(state),
  ]);
  const removing = new Set(removals);
  const commands = await Promise.all(
    latest.slice(0, mostCommands).map(async (entry): Promise<CommandProgress> => {
      const [found, epoch] = await Promise.all([readCommand(state, entry.id), epochOfCommand(state, entry.position)]);
      const own = { entry, found, epoch };
      return { ...own, stage: stageOf(own, gathered, emitted, removing) };
    }),
  );
  return { elected, gathered, emitted, commands, backfills, removals };
}

function stageOf(
  { entry: { kind, query }, found, epoch }: Pick<CommandProgress, 'entry' | 'found' | 'epoch'>,
  gathered: number,
  emitted: ReadonlyMap<string, EmittedPlace>,
  removing: ReadonlySet<string>,
): CommandProgress['stage'] {
  if (found.status === 'committed' && found.outcome !== undefined) return 'done';
  if (epoch === undefined) return 'waiting';
  if (epoch > gathered) return 'gathering';
  // A removal writes no windows. It is over when nothing is left of its query.
  if (kind === 'remove') return removing.has(query) ? 'emitting' : 'done';
  return (emitted.get(query)?.epoch ?? 0) >= epoch ? 'done' : 'emitting';
}
