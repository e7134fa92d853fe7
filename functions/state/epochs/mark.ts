import { positionText } from '../log/entry.ts';
import { pack, unpack } from '../table/packed-text.ts';
import type { Attribute, Item, Table } from '../table/table.ts';

/** Tasks of one kind of an epoch: `gather`, and the merges and emissions that are more than a run should do. */
export interface StageName {
  readonly stage: string;
  readonly epoch: number;
}

/** The stage of the tasks that gather logs. */
export const gatherStage = 'gather';

/** What a mark says of the task that is done, as JSON. It follows from the plan and the logs: the same from everyone. */
export interface DoneTask {
  readonly touched: Attribute;
  /** Further attributes, by name. */
  readonly extra?: Readonly<Record<string, Attribute>>;
}

const partitionOf = (stage: string) => (stage === gatherStage ? 'marks' : `marks#${stage}`);

/**
 * Puts the mark of a task, **after** its output, if it is absent.
 * @param expiresAt epoch seconds; undefined: it is given one later
 */
export async function putMark(
  state: Table,
  { stage, epoch }: StageName,
  name: string,
  { touched, extra = {} }: DoneTask,
  expiresAt?: number,
): Promise<void> {
  const packed = (value: Attribute) => pack(JSON.stringify(value), keyBytes);
  await state.put(
    {
      pk: partitionOf(stage),
      sk: `${positionText(epoch)}#${name}`,
      attributes: {
        touched: packed(touched),
        ...Object.fromEntries(Object.entries(extra).map(([key, value]) => [key, packed(value)])),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
    },
    [{ attribute: 'touched', is: 'absent' }],
  );
}

/** About how many bytes the key of a mark has. */
const keyBytes = 60;

const range = (from: number, to: number) => ({ from: positionText(from), to: `${positionText(to)}~` });

/** The names of the tasks of a stage that have their marks. */
export async function readMarked(state: Table, { stage, epoch }: StageName): Promise<readonly string[]> {
  const items = await state.query(partitionOf(stage), { ...range(epoch, epoch), only: [] });
  return items.map(nameOf);
}

/** What the marks of a stage say, by the names of their tasks. */
export async function readDone(state: Table, { stage, epoch }: StageName): Promise<ReadonlyMap<string, Attribute>> {
  const items = await state.query(partitionOf(stage), range(epoch, epoch));
  return new Map(items.map((item) => [nameOf(item), unpacked(item, 'touched')]));
}

const nameOf = ({ sk }: Item) => sk.slice(sk.indexOf('#') + 1);

function unpacked({ attributes }: Item, name: string): Attribute {
  // Written by putMark above and by nobody else.
  return JSON.parse(unpack((attributes[name] ?? '{}') as string | Uint8Array)) as Attribute;
}

/**
 * What a task has gathered of one query: its least and greatest slice, most bytes of text for one slice, the records in
 * its segments, and the bytes of text of all of them.
 */
export type Touched = readonly [
  leastSlice: number,
  greatestSlice: number,
  mostBytes: number,
  records: number,
  bytes: number,
];

/** The mark of a gathering task: the task is done, and its segments are there. */
export type TaskMark = Readonly<Record<string, Touched>>;

/** Bytes of the ids that a task has gathered, by shard; only shards that have some. */
export type IdBytes = Readonly<Record<string, number>>;

/** What a gathering task has done. */
export function gatheredTask(mark: TaskMark, ids: IdBytes): DoneTask {
  return { touched: mark, ...(Object.keys(ids).length === 0 ? {} : { extra: { ids } }) };
}

/** The mark of a gathering task as it was read. */
export interface StoredMark {
  readonly epoch: number;
  readonly task: number;
  readonly mark: TaskMark;
  readonly ids: IdBytes;
}

/** The marks of the gathering tasks of some epochs, `from` and `to` inclusive, by epoch and task. */
export async function readMarks(state: Table, from: number, to: number): Promise<readonly StoredMark[]> {
  const items = await state.query(partitionOf(gatherStage), range(from, to));
  return items.map((item) => ({
    epoch: Number.parseInt(item.sk, 10),
    task: Number(nameOf(item)),
    // Made by gatheredTask above.
    mark: unpacked(item, 'touched') as TaskMark,
    ids: unpacked(item, 'ids') as IdBytes,
  }));
}

/** What some tasks have touched together, by query. */
export function touchedBy(marks: readonly TaskMark[]): ReadonlyMap<string, Touched> {
  const all = new Map<string, Touched>();
  for (const mark of marks)
    for (const [query, [least, greatest, most, records, bytes = 0]] of Object.entries(mark)) {
      const held = all.get(query) ?? [least, greatest, most, 0, 0];
      all.set(query, [
        Math.min(held[0], least),
        Math.max(held[1], greatest),
        Math.max(held[2], most),
        held[3] + records,
        (held[4] ?? 0) + bytes,
      ]);
    }
  return all;
}
