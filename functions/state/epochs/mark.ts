import { positionText } from '../log/entry.ts';
import { pack, unpack } from '../table/packed-text.ts';
import type { Table } from '../table/table.ts';

/**
 * What a task has gathered of one query: its least and greatest slice, most bytes of text for one slice, and the
 * records in its segments.
 */
export type Touched = readonly [leastSlice: number, greatestSlice: number, mostBytes: number, records: number];

/** The mark of a gathering task: the task is done, and its segments are there. */
export type TaskMark = Readonly<Record<string, Touched>>;

/** Bytes of the ids that a task has gathered, by shard; only shards that have some. */
export type IdBytes = Readonly<Record<string, number>>;

const partition = 'marks';
const keyOf = (epoch: number, task: number) => ({ pk: partition, sk: `${positionText(epoch)}#${positionText(task)}` });

/** Puts the mark of a task, after its output. It follows from the plan and the logs: the same from everyone. */
export async function putMark(
  state: Table,
  epoch: number,
  task: number,
  mark: TaskMark,
  ids: IdBytes = {},
): Promise<void> {
  const ofIds = Object.keys(ids).length === 0 ? {} : { ids: pack(JSON.stringify(ids), 60) };
  await state.put({ ...keyOf(epoch, task), attributes: { touched: pack(JSON.stringify(mark), 60), ...ofIds } }, [
    { attribute: 'touched', is: 'absent' },
  ]);
}

/** A mark as it was read. */
export interface StoredMark {
  readonly epoch: number;
  readonly task: number;
  readonly mark: TaskMark;
  readonly ids: IdBytes;
}

/** The marks of the tasks of some epochs, `from` and `to` inclusive, by epoch and task. */
export async function readMarks(state: Table, from: number, to: number): Promise<readonly StoredMark[]> {
  const items = await state.query(partition, { from: positionText(from), to: `${positionText(to)}~` });
  return items.map((item) => {
    const [epoch, task] = item.sk.split('#').map(Number);
    // Written by putMark above and by nobody else.
    const mark = JSON.parse(unpack(item.attributes.touched as string | Uint8Array)) as TaskMark;
    const ids = JSON.parse(unpack((item.attributes.ids ?? '{}') as string | Uint8Array)) as IdBytes;
    return { epoch: epoch ?? 0, task: task ?? 0, mark, ids };
  });
}

/** What some tasks have touched together, by query. */
export function touchedBy(marks: readonly TaskMark[]): ReadonlyMap<string, Touched> {
  const all = new Map<string, Touched>();
  for (const mark of marks)
    for (const [query, [least, greatest, bytes, records]] of Object.entries(mark)) {
      const held = all.get(query) ?? [least, greatest, bytes, 0];
      const most = Math.max(held[2], bytes);
      all.set(query, [Math.min(held[0], least), Math.max(held[1], greatest), most, held[3] + records]);
    }
  return all;
}
