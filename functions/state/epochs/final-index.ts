import type { Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import type { Window } from '../../core/windows/window.ts';
import type { Plan } from '../log/plan.ts';
import { pack, unpack } from '../table/packed-text.ts';
import { type Item, numberOf, type Table } from '../table/table.ts';
import { windowText } from '../windows/pane-keys.ts';

/**
 * Which windows got their final panes from the stream, by the epoch that closed them. It is kept apart from the
 * windows: when a window is not there, it tells one that was empty from one that is lost, of which late records alone
 * must not make a final pane (DESIGN 4.3).
 */
const partition = (query: string) => `finals#${query}`;

/** How long it is kept, in ms: longer than anything that is replayed. */
const keptMs = 400 * 86_400_000;

/** About how many bytes the key and the other attributes take. */
const keyBytes = 200;

/**
 * Notes windows that an epoch emits for good and that hold something. Done before `emitted` is raised. Unconditional:
 * each note is true, and runs of an epoch that cut its windows into other groups write more of them.
 * @param finals in the order of their ends, not empty
 */
export async function noteFinals(
  state: Table,
  { epoch, closedBefore, closedThrough, at }: Plan,
  query: Query,
  finals: readonly Window[],
): Promise<void> {
  const [first] = finals;
  if (first === undefined) return;
  const bounds = JSON.stringify(finals.map(({ start, end }) => [start, end]));
  await state.putAll([
    {
      pk: partition(query.name),
      sk: `${isoTime(closedThrough)}#${windowText(first)}`,
      attributes: {
        epoch,
        ...(Number.isFinite(closedBefore) ? { after: closedBefore } : {}),
        windows: pack(bounds, keyBytes),
        expiresAt: Math.floor((at + keptMs) / 1000),
      },
    },
  ]);
}

/** Notes read at a time. */
const notesAtATime = 20;

/**
 * Whether the stream has made a final pane of a window that held something. To be asked of windows whose epoch is
 * emitted.
 */
export async function wasFinal(state: Table, query: Query, window: Window): Promise<boolean> {
  const closing = window.end + query.latenessMs;
  for (let from = isoTime(closing); ; ) {
    const notes = await state.query(partition(query.name), { from, limit: notesAtATime });
    for (const note of notes) {
      // The epochs that closed something come in their order: behind the window's own one there is nothing of it.
      if ((numberOf(note, 'after') ?? Number.NEGATIVE_INFINITY) >= closing) return false;
      if (boundsIn(note).some(([start, end]) => start === window.start && end === window.end)) return true;
    }
    const last = notes[notesAtATime - 1];
    if (last === undefined) return false;
    from = `${last.sk}\u0000`;
  }
}

function boundsIn({ attributes: { windows } }: Item): readonly (readonly [number, number])[] {
  // Written by noteFinals above and by nobody else.
  return JSON.parse(unpack(windows as string | Uint8Array)) as readonly (readonly [number, number])[];
}

/** Deletes the notes of a query that is gone. */
export async function deleteFinalIndex(state: Table, query: string): Promise<void> {
  for (;;) {
    const notes = await state.query(partition(query), { limit: 500, only: ['epoch'] });
    await Promise.all(notes.map(({ pk, sk }) => state.delete({ pk, sk })));
    if (notes.length < 500) return;
  }
}
