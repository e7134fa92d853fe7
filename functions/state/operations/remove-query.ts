import { argumentError } from '../../core/arguments/error.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import { queryVersion, versionName } from '../../core/definition/query-version.ts';
import { deleteSegments } from '../epochs/segment.ts';
import { deleteCarried } from '../items/carried-sessions.ts';
import { deleteDefinition } from '../items/definition.ts';
import { deleteEmitted } from '../log/epoch.ts';
import { deleteOutboxes } from '../sinks/sink-status.ts';
import type { Table } from '../table/table.ts';

/** The inputs of a removal. */
export interface RemovalOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly remainingMs: () => number;
}

/** The outcome of a removal. */
export interface Removal {
  /** The name under which the query was defined. */
  readonly removed: string;
  /** Windows that were deleted by this call. */
  readonly windows: number;
  /** False: it ran short of time, and has to be called again. */
  readonly done: boolean;
}

/** No window is begun with less time than this, in ms. */
const reserveMs = 5_000;

/**
 * Deletes everything that is kept of a query that the pipeline no longer has: segments, open sessions,
 * windows, and last the note of its layout. So an interrupted removal is seen to be unfinished. Idempotent.
 * @throws TidemarkError when the deployed pipeline still has the query: it would be made anew while it is deleted
 */
export async function removeQuery(
  { pipeline, state, windows, remainingMs }: RemovalOptions,
  name: string,
): Promise<Removal> {
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
  await deleteSegments(state, removed);
  await deleteEmitted(state, removed);
  await deleteOutboxes(state, pipeline, removed);
  await deleteCarried(state, removed);
  const deleted = await deleteWindows(windows, removed, () => remainingMs() > reserveMs);
  if (deleted.done) await deleteDefinition(state, removed);
  return { removed, windows: deleted.windows, done: deleted.done };
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
    if (manifests.length === 0) {
      const notes = await windows.query(`${query}#corrected`);
      await Promise.all(notes.map(({ pk, sk }) => windows.delete({ pk, sk })));
      return { windows: deleted, done: true };
    }
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
