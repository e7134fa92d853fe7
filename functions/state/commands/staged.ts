import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate, type Partials } from '../../core/fold/partial.ts';
import { type Block, blocksWithin, decodeBlock } from '../../core/log/block.ts';
import type { Window } from '../../core/windows/window.ts';
import { pack, unpack } from '../table/packed-text.ts';
import { type Item, numberOf, type Table } from '../table/table.ts';
import { windowText } from '../windows/pane-keys.ts';
import { expiryOf } from './command.ts';

/** What a command brings to one window. */
export interface StagedWindow extends Window {
  readonly records: number;
  readonly partials: Partials;
}

/** What a command brings to one window, with the late records that are in it by name. */
export interface ReadWindow extends StagedWindow {
  readonly names: readonly string[];
}

/** Most bytes of text in an item, before it is compressed: what is compressed is far from 400 KB. */
const partBytes = 256 * 1024;

/** Record names in an item. 400 KB hold some 5,000 names of at most 80 bytes. */
const namesAnItem = 2_000;

/** About how many bytes the key and the other attributes of an item take. */
const keyBytes = 250;

const partition = (id: string) => `staged#${id}`;
const digits = (number: number) => String(number).padStart(6, '0');
const partSort = (window: Window, part: number) => `${windowText(window)}#part#${digits(part)}`;

/**
 * Stages windows under the id of a command, before it is committed. Unconditional: only one hand writes under an id,
 * and what it repeats is the same.
 * @param nowMs epoch ms
 */
export async function stageWindows(
  state: Table,
  id: string,
  query: Query,
  windows: readonly StagedWindow[],
  nowMs: number,
): Promise<void> {
  const expiresAt = expiryOf(nowMs);
  await state.putAll(
    windows.flatMap(({ start, end, records, partials }) => {
      const blocks = blocksWithin(query, { slice: start, records, partials: [...partials] }, partBytes);
      return blocks.map((block, part) => ({
        pk: partition(id),
        sk: partSort({ start, end }, part),
        attributes: { start, end, parts: blocks.length, block: pack(JSON.stringify(block), keyBytes), expiresAt },
      }));
    }),
  );
}

/**
 * Stages the names of the late records that are in a window. Unconditional: the content follows from the key.
 * @param nowMs epoch ms
 */
export async function stageNames(
  state: Table,
  id: string,
  { start, end }: Window,
  names: readonly string[],
  nowMs: number,
): Promise<void> {
  const sorted = [...names].sort();
  const items: Item[] = [];
  for (let from = 0; from < sorted.length; from += namesAnItem)
    items.push({
      pk: partition(id),
      sk: `${windowText({ start, end })}#names#${sorted[from] ?? ''}`,
      attributes: { start, end, names: sorted.slice(from, from + namesAnItem), expiresAt: expiryOf(nowMs) },
    });
  await state.putAll(items);
}

/** Whether a command stages a window. */
export async function isStaged(state: Table, id: string, window: Window): Promise<boolean> {
  return (await state.get({ pk: partition(id), sk: partSort(window, 0) })) !== undefined;
}

/** Items read at a time: each may be some 100 KB. */
const itemsAtATime = 50;

/**
 * The windows that a command stages, in the order of their texts.
 * @param after only windows whose text is behind this one
 * @throws Error when a part of a window is gone
 */
export async function* readStaged(state: Table, id: string, query: Query, after: string): AsyncGenerator<ReadWindow> {
  let held: Item[] = [];
  for await (const item of items(state, id, after)) {
    const [first] = held;
    if (first !== undefined && textIn(first) !== textIn(item)) {
      yield windowOf(query, held);
      held = [];
    }
    held.push(item);
  }
  if (held.length > 0) yield windowOf(query, held);
}

async function* items(state: Table, id: string, after: string): AsyncGenerator<Item> {
  let from = after === '' ? {} : { from: `${after}~` };
  for (;;) {
    const found = await state.query(partition(id), { ...from, limit: itemsAtATime });
    yield* found;
    const last = found[itemsAtATime - 1];
    if (last === undefined) return;
    from = { from: `${last.sk}\u0000` };
  }
}

const textIn = ({ sk }: Item) => sk.slice(0, sk.indexOf('#'));

function windowOf(query: Query, held: readonly Item[]): ReadWindow {
  const partials = new Map<KeyText, PartialAggregate>();
  const names: string[] = [];
  let records = 0;
  let parts = 0;
  for (const item of held) {
    const { block, names: listed } = item.attributes;
    if (Array.isArray(listed)) names.push(...listed.map(String));
    if (typeof block !== 'string' && !(block instanceof Uint8Array)) continue;
    parts++;
    for (const part of decodeBlock(query, JSON.parse(unpack(block)) as Block)) {
      mergeInto(query, partials, part.partials);
      records += part.records;
    }
  }
  const [first] = held;
  const [start, end] = [first && numberOf(first, 'start'), first && numberOf(first, 'end')];
  // Names of a window without parts are of one that the command does not bring anything to.
  const wanted = held.find(({ attributes }) => attributes.parts !== undefined)?.attributes.parts;
  if (first === undefined || start === undefined || end === undefined || parts !== wanted)
    throw new Error(`${first?.pk} ${first?.sk}: ${parts} of its ${String(wanted)} parts are there`);
  return { start, end, records, partials, names };
}

/** A window that several commands stage, with what each of them brings, in the order of the commands. */
export interface StagedByCommands extends Window {
  readonly text: string;
  readonly staged: readonly { readonly id: string; readonly window: ReadWindow }[];
}

/**
 * The windows that some commands stage, each once, in the order of their texts.
 * @param after only windows whose text is behind this one
 */
export async function* readStagedOf(
  state: Table,
  ids: readonly string[],
  query: Query,
  after: string,
): AsyncGenerator<StagedByCommands> {
  const streams = await Promise.all(
    ids.map(async (id) => {
      const stream = readStaged(state, id, query, after);
      return { id, stream, head: await stream.next() };
    }),
  );
  for (;;) {
    const texts = streams.flatMap(({ head }) => (head.done ? [] : [windowText(head.value)]));
    const text = texts.reduce((least, other) => (other < least ? other : least), texts[0] ?? '');
    if (texts.length === 0) return;
    const staged: { id: string; window: ReadWindow }[] = [];
    await Promise.all(
      streams.map(async (one) => {
        if (one.head.done || windowText(one.head.value) !== text) return;
        staged.push({ id: one.id, window: one.head.value });
        one.head = await one.stream.next();
      }),
    );
    const [first] = staged;
    if (first === undefined) return;
    staged.sort((left, right) => ids.indexOf(left.id) - ids.indexOf(right.id));
    yield { start: first.window.start, end: first.window.end, text, staged };
  }
}
