import type { Query } from '../../core/definition/pipeline.ts';
import { isoTime, parseIsoTime } from '../../core/events/event-time.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate, type Partials } from '../../core/fold/partial.ts';
import { type Block, decodeBlock } from '../../core/log/block.ts';
import { laneOf, mostLanes } from '../../core/log/lane.ts';
import { coverOf, rangeOf, rangeText } from '../../core/log/merge-tree.ts';
import { sectionName } from '../../core/log/section.ts';
import { lanesOf, type Plan } from '../log/plan.ts';
import { pack, unpack } from '../table/packed-text.ts';
import { type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';

/** The lane of a query that a segment belongs to: lane `lane` of `lanes`. */
export interface Lane {
  /** By its section's name (core/log/section.ts). */
  readonly query: string;
  readonly lanes: number;
  readonly lane: number;
}

/** The name of a segment: the gathered partial aggregates of a slice over the epochs `from` to `to`. */
export interface SegmentName {
  readonly slice: number;
  readonly from: number;
  readonly to: number;
  /** The task of the epoch that gathered it; 0 for a merged one. */
  readonly task: number;
}

/** A segment as it was read. */
export interface Segment extends SegmentName {
  /** The item that stands for it: it holds the blocks, or names the parts that do. */
  readonly head: Item;
  /** The items that hold its blocks: the head, or its parts in their order. */
  readonly items: readonly Item[];
}

/** About how many bytes the key of a segment takes. */
const keyBytes = 100;

/** The partition of a lane's segments. */
const lanePartition = ({ query, lanes, lane }: Lane): string => `segment#${query}#${lanes}.${lane}`;

/**
 * All partitions that hold segments of a query which has `lanes` lanes now: the number of its lanes only grows, in
 * powers of two, and what was gathered in fewer lanes stays there.
 */
export function lanesUpTo(query: string, lanes: number): readonly Lane[] {
  const all: Lane[] = [];
  for (let n = 1; n <= lanes; n *= 2) for (let lane = 0; lane < n; lane++) all.push({ query, lanes: n, lane });
  return all;
}

/** All partitions that hold segments of a query, by the lanes that a plan gives it. */
export function lanesOfQuery(plan: Plan | undefined, query: Query): readonly Lane[] {
  const name = sectionName(query);
  return lanesUpTo(name, lanesOf(plan, name));
}

/** The partitions among {@link lanesUpTo} that may hold keys of one lane of `lanes`, in their order. */
export function lanesOfLane(query: string, lanes: number, lane: number): readonly Lane[] {
  const all: Lane[] = [];
  for (let n = 1; n <= lanes; n *= 2) all.push({ query, lanes: n, lane: Math.floor((lane * n) / lanes) });
  return all;
}

/** The partitions among {@link lanesUpTo} that may hold a key, in their order; of no certain key all of them. */
export function lanesOfKey(query: string, lanes: number, key: KeyText | undefined): readonly Lane[] {
  if (key === undefined) return lanesUpTo(query, lanes);
  const all: Lane[] = [];
  for (let n = 1; n <= lanes; n *= 2) all.push({ query, lanes: n, lane: laneOf(key, n) });
  return all;
}

const digits = (number: number, count: number) => String(number).padStart(count, '0');

function sortKey({ slice, from, to, task }: SegmentName): string {
  return `${isoTime(slice)}#${rangeText(from, to)}#${digits(task, 6)}`;
}

/** The partition of the parts of a segment that one attempt has written: attempts never mix. */
const partsPartition = (head: Key, attempt: string) => `${head.pk}#${head.sk}#${attempt}`;

/**
 * Puts a segment, if it is absent: whoever gathers an epoch again has the same to write. A large one puts its parts
 * first, under an id of the attempt, then the head that names them: where another version of the code cuts it
 * otherwise, the first one stays, whole.
 * @param parts lists of blocks, one list a part. A list holds one block, or several of a query that this code does not
 * know
 */
export async function putSegment(
  state: Table,
  lane: Lane,
  name: SegmentName,
  parts: readonly (readonly Block[])[],
  attempt: string,
): Promise<void> {
  const head = { pk: lanePartition(lane), sk: sortKey(name) };
  const packed = (blocks: readonly Block[]) => pack(JSON.stringify(blocks), keyBytes);
  const [only, ...others] = parts;
  if (only === undefined) return;
  if (others.length > 0)
    await state.putAll(
      parts.map((blocks, part) => ({
        pk: partsPartition(head, attempt),
        sk: digits(part, 6),
        attributes: { blocks: packed(blocks) },
      })),
    );
  const attributes = others.length > 0 ? { parts: parts.length, attempt } : { parts: 0, blocks: packed(only) };
  await state.put({ ...head, attributes }, [{ attribute: 'parts', is: 'absent' }]);
}

/** A range of slices by their starts, both inclusive, epoch ms; undefined: without a bound. */
export interface SliceRange {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** The least slice of a lane; undefined: it has none. One read of one item. */
export async function firstSlice(state: Table, lane: Lane): Promise<number | undefined> {
  const [item] = await state.query(lanePartition(lane), { limit: 1, only: [] });
  return item === undefined ? undefined : segmentOf(item).slice;
}

/** The segments of a slice that together hold the epochs 1 to `through`, each once, in the order of merging. */
export interface SegmentSlice {
  readonly slice: number;
  readonly segments: readonly Segment[];
}

/** All slices. */
export const allSlices: SliceRange = { from: undefined, to: undefined };

/** Items read at a time. */
const itemsAtATime = 200;

/**
 * The slices of a lane, ascending, each with the segments that hold the epochs up to `through`. Segments of later
 * epochs are passed by, so that an answer for an epoch stays the same for ever.
 */
export function segmentSlices(
  state: Table,
  lane: Lane,
  range: SliceRange,
  through: number,
): AsyncGenerator<SegmentSlice> {
  return slicesOfLane(state, lane, range, (segments) => coverOf(segments, through));
}

/** The slices of a lane, ascending, each with those of its segments that are chosen; without any it is left out. */
export async function* slicesOfLane(
  state: Table,
  lane: Lane,
  range: SliceRange,
  choose: (segments: readonly Segment[]) => readonly Segment[],
): AsyncGenerator<SegmentSlice> {
  for await (const { slice, segments } of headsOfLane(state, lane, range)) {
    const chosen = choose(segments);
    const whole = (await Promise.all(chosen.map((segment) => withParts(state, segment)))).flat();
    if (whole.length > 0) yield { slice, segments: whole };
  }
}

/**
 * The starts of the slices of a lane that have segments, ascending, epoch ms. The content stays in the table, and
 * costs what it costs to read.
 */
export async function* slicesHeld(state: Table, lane: Lane, range: SliceRange): AsyncGenerator<number> {
  for await (const { slice } of headsOfLane(state, lane, range, ['parts'])) yield slice;
}

/** The slices of a lane, ascending, with the items that stand for their segments. @param only these attributes */
async function* headsOfLane(
  state: Table,
  lane: Lane,
  { from, to }: SliceRange,
  only?: readonly string[],
): AsyncGenerator<SegmentSlice> {
  const pk = lanePartition(lane);
  const fixed = { ...(to === undefined ? {} : { to: `${isoTime(to)}~` }), ...(only === undefined ? {} : { only }) };
  let start = from === undefined ? '' : isoTime(from);
  let slice: number | undefined;
  let held: Segment[] = [];
  for (;;) {
    const items = await state.query(pk, { ...(start === '' ? {} : { from: start }), ...fixed, limit: itemsAtATime });
    for (const segment of items.map(segmentOf)) {
      if (segment.slice !== slice) {
        if (slice !== undefined) yield { slice, segments: held };
        ({ slice } = segment);
        held = [];
      }
      held.push(segment);
    }
    const last = items[itemsAtATime - 1];
    if (last === undefined) break;
    start = `${last.sk}\u0000`;
  }
  if (slice !== undefined) yield { slice, segments: held };
}

function segmentOf(item: Item): Segment {
  const [slice, range, task] = item.sk.split('#');
  const start = parseIsoTime(slice ?? '');
  if (start === undefined || range === undefined)
    throw new Error(`segment ${item.pk} / ${item.sk}: unexpected sort key`);
  return { slice: start, ...rangeOf(range), task: Number(task), head: item, items: [item] };
}

/**
 * The segment with the items of its parts. What has an expiry may go in any order: one that is on its way out and lacks
 * parts is as good as gone.
 * @throws when a part that it names is missing
 */
async function withParts(state: Table, segment: Segment): Promise<readonly Segment[]> {
  const { head } = segment;
  const parts = numberOf(head, 'parts') ?? 0;
  if (parts === 0) return [segment];
  const items = await state.query(partsPartition(head, textOf(head, 'attempt') ?? ''));
  if (items.length !== parts && numberOf(head, 'expiresAt') !== undefined) return [];
  if (items.length !== parts)
    throw new Error(`segment ${head.pk} / ${head.sk}: ${items.length} of its ${parts} parts are there`);
  return [{ ...segment, items }];
}

/** The blocks of a segment, in their order. */
export function blocksOf(segment: Segment): readonly Block[] {
  return textsOf(segment).flatMap(blocksIn);
}

const blocksIn = (text: string) => JSON.parse(text) as readonly Block[];

/** The blocks of a segment as text, each of some of them. */
function textsOf({ items }: Segment): readonly string[] {
  return items.map(({ pk, sk, attributes: { blocks } }) => {
    if (typeof blocks !== 'string' && !(blocks instanceof Uint8Array))
      throw new Error(`segment ${pk} / ${sk}: unexpected blocks`);
    return unpack(blocks);
  });
}

/** The content of a slice: its partial aggregates, and the number of records in it. */
export interface SliceContent {
  readonly partials: Partials;
  readonly records: number;
}

/** The content of a slice as segments hold it. */
export interface SizedContent extends SliceContent {
  /** About how many bytes of text its partials are, each key once. */
  readonly bytes: number;
}

/** Merges segments of a slice, in their order: that order is fixed by epochs, tasks and parts. */
export function contentOf(query: Query, segments: readonly Segment[]): SizedContent {
  const partials = new Map<KeyText, PartialAggregate>();
  let records = 0;
  let rows = 0;
  let bytes = 0;
  for (const text of segments.flatMap(textsOf)) {
    bytes += text.length;
    for (const part of blocksIn(text).flatMap((block) => decodeBlock(query, block))) {
      mergeInto(query, partials, part.partials);
      records += part.records;
      rows += part.partials.length;
    }
  }
  return { partials, records, bytes: rows === 0 ? 0 : (bytes * partials.size) / rows };
}

/**
 * The content of one lane of a slice: that of a query which has `lanes` lanes now. What was gathered in fewer lanes has
 * keys of others too, and its records go to the first of those.
 * @param parts by the number of lanes that they were gathered in, ascending
 */
export function laneContent(
  query: Query,
  { lanes, lane }: Pick<Lane, 'lanes' | 'lane'>,
  parts: readonly { readonly lanes: number; readonly segments: readonly Segment[] }[],
): SizedContent {
  const own = parts.map((part): SizedContent => {
    const { partials, records, bytes } = contentOf(query, part.segments);
    if (part.lanes === lanes) return { partials, records, bytes };
    const kept = new Map([...partials].filter(([key]) => laneOf(key, lanes) === lane));
    const isFirst = lane % (lanes / part.lanes) === 0;
    return {
      partials: kept,
      records: isFirst ? records : 0,
      bytes: partials.size === 0 ? 0 : (bytes * kept.size) / partials.size,
    };
  });
  return joinLanes(query, own);
}

/**
 * Merges the contents of a slice from its lanes. Where the number of lanes has grown, a key is in a lane of each
 * number.
 * @param contents in the order of {@link lanesUpTo}: fewer lanes come first, which is the order of their epochs
 */
export function joinLanes(query: Query, contents: readonly SizedContent[]): SizedContent {
  const [only, ...others] = contents;
  if (only !== undefined && others.length === 0) return only;
  const partials = new Map<KeyText, PartialAggregate>();
  for (const content of contents) mergeInto(query, partials, content.partials);
  let records = 0;
  let bytes = 0;
  for (const content of contents) {
    records += content.records;
    bytes += content.bytes;
  }
  return { partials, records, bytes };
}

/** Deletes the segments of a query that is gone. */
export async function deleteSegments(state: Table, query: string): Promise<void> {
  for (let lanes = 1; lanes <= mostLanes; lanes *= 2) {
    let found = 0;
    for (let lane = 0; lane < lanes; lane++) {
      for await (const { segments } of slicesOfLane(state, { query, lanes, lane }, allSlices, (all) => all)) {
        found += segments.length;
        for (const { head, items } of segments)
          await Promise.all([...items, head].map(({ pk, sk }) => state.delete({ pk, sk })));
      }
    }
    // A query has more lanes only where fewer held too much.
    if (found === 0) return;
  }
}
