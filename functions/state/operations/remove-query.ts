import { argumentError } from '../../core/arguments/error.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import { queryVersion, versionName } from '../../core/definition/query-version.ts';
import { sectionName } from '../../core/log/section.ts';
import { commitCommand, noteEntry, readCommand } from '../commands/command.ts';
import { deleteCarried } from '../epochs/carried-sessions.ts';
import { deleteEmissions } from '../epochs/emissions.ts';
import { deleteFinalIndex } from '../epochs/final-index.ts';
import { deleteSegments } from '../epochs/segment.ts';
import { deleteDefinition, noteRemoving } from '../items/definition.ts';
import { deleteEmitted, readGathered } from '../log/epoch.ts';
import { deleteFirstCommand, epochOfCommand, putCommand } from '../log/operator.ts';
import { deleteOutboxes } from '../sinks/sink-status.ts';
import type { Table } from '../table/table.ts';

/** The inputs of a removal. */
export interface RemovalOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly now: () => number;
  readonly remainingMs: () => number;
  /** Has finalize elect an epoch when a command waits for one, and gather it. */
  readonly advance: () => Promise<void>;
}

/** The outcome of a removal. */
export interface Removal {
  /** The name under which the query was defined. */
  readonly removed: string;
  /** Windows that were deleted by this call. */
  readonly windows: number;
  /** The epoch from which on nothing of the query is gathered that was added before; null: none yet, or it was gone. */
  readonly epoch: number | null;
  /** False: it ran short of time, and has to be called again. */
  readonly done: boolean;
}

/** No window is begun with less time than this, in ms. */
const reserveMs = 5_000;

/** No epoch is asked for with less time than this, in ms. */
const epochReserveMs = 8_000;

/**
 * Deletes everything that is kept of a query that the pipeline no longer has: segments, open sessions, windows, and
 * last the note of its layout. So an interrupted removal is seen to be unfinished. It is a command of the operator's
 * log: what was in the logs before it is in segments when its epoch is gathered, and goes with them. The next query of
 * the name is of the next generation, to which nothing belongs that a straggler of this one still brings. Idempotent.
 * @throws TidemarkError when the deployed pipeline still has the query: it would be made anew while it is deleted
 */
export async function removeQuery(options: RemovalOptions, name: string): Promise<Removal> {
  const { pipeline, state, windows, remainingMs } = options;
  const asked = queryVersion(name);
  if (asked === undefined)
    throw argumentError('query', name, 'is not a name of a query: give one such as actionsPerHour@1');
  const removed = versionName(asked);
  if (pipeline.queries.some((query) => query.name === removed))
    throw argumentError(
      'query',
      name,
      'is in the pipeline that is deployed: take it out of the file, deploy, and then remove what is kept of it',
    );
  const { generation, isGone } = await noteRemoving(state, removed);
  const epoch = isGone ? null : await cutOff(options, removed, generation);
  if (epoch === undefined) return { removed, windows: 0, epoch: null, done: false };
  await deleteSegments(state, sectionName({ name: removed, generation }));
  await deleteEmitted(state, removed);
  await deleteFirstCommand(state, removed);
  await deleteFinalIndex(state, removed);
  await deleteEmissions(state, removed);
  await deleteOutboxes(state, pipeline, removed);
  await deleteCarried(state, removed);
  const deleted = await deleteWindows(windows, removed, () => remainingMs() > reserveMs);
  if (deleted.done && !isGone) await deleteDefinition(state, removed, generation);
  return { removed, windows: deleted.windows, epoch, done: deleted.done };
}

/**
 * Puts the command of a removal, and waits until its epoch is gathered. Of one generation there is one command, whoever
 * asks.
 * @returns the epoch; undefined: there was no time for it
 */
async function cutOff(
  { state, now, remainingMs, advance }: RemovalOptions,
  query: string,
  generation: number,
): Promise<number | undefined> {
  const id = `remove#${sectionName({ name: query, generation })}`;
  await commitCommand(state, { id, kind: 'remove', query, by: '', windows: 0 }, now());
  const found = await readCommand(state, id);
  let position = found.status === 'committed' ? found.entry : undefined;
  if (position === undefined) {
    position = await putCommand(state, { id, kind: 'remove', query }, now());
    await noteEntry(state, id, position);
  }
  for (;;) {
    const epoch = await epochOfCommand(state, position);
    if (epoch !== undefined && (await readGathered(state)).epoch >= epoch) return epoch;
    if (remainingMs() < epochReserveMs) return undefined;
    await advance();
  }
}

/** Windows deleted together. */
const windowsAtATime = 64;

/**
 * Deletes the windows of a query that is gone, manifests last, for as long as there is time.
 * @returns how many were deleted, and whether those were all
 */
async function deleteWindows(
  windows: Table,
  query: string,
  hasTime: () => boolean,
): Promise<{ readonly windows: number; readonly done: boolean }> {
  for (let deleted = 0; ; ) {
    if (!hasTime()) return { windows: deleted, done: false };
    const manifests = await windows.query(query, { limit: windowsAtATime });
    if (manifests.length === 0) return { windows: deleted, done: true };
    await Promise.all(
      manifests.map(async ({ pk, sk }) => {
        const rest = await Promise.all(
          ['revisions', 'parts', 'corrections'].map((kind) => windows.query(`${pk}#${sk}#${kind}`)),
        );
        await Promise.all(rest.flat().map((item) => windows.delete({ pk: item.pk, sk: item.sk })));
        await windows.delete({ pk, sk });
      }),
    );
    deleted += manifests.length;
  }
}
