import type { Query } from '../../functions/core/definition/pipeline.ts';
import { parseIsoTime } from '../../functions/core/events/event-time.ts';
import type { Block } from '../../functions/core/log/block.ts';
import { laneOf } from '../../functions/core/log/lane.ts';
import { coverOf, type EpochRange, rangeOf } from '../../functions/core/log/merge-tree.ts';
import { lastClosing } from '../../functions/core/windows/window.ts';
import { unpack } from '../../functions/state/table/packed-text.ts';
import { type Item, numberOf, textOf } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import { emittedOf, type Ledger, queryOf } from './ledger.ts';
import { type BlockContent, checkContent, contentsOf, together } from './log-checks.ts';
import { contentText } from './stored-content.ts';
import { Violation } from './violation.ts';

/** A segment as it was written. */
export interface KnownSegment extends EpochRange {
  /** The partition: the query and its lane. */
  readonly lane: string;
  readonly contents: readonly BlockContent[];
}

/**
 * The head of a segment as it is put: it holds the blocks, or names the parts that do, which are there. I17: it is put
 * once. I16: its keys are of its lane.
 */
export function checkSegment(ledger: Ledger, state: ItemStore, before: Item | undefined, after: Item): void {
  const name = `${after.pk} / ${after.sk}`;
  if (before !== undefined) {
    if (contentText(before) !== contentText(after)) throw new Violation('I17', `${name} changes`);
    return;
  }
  const [, queryName = '', lane = ''] = after.pk.split('#');
  const [sliceText = '', range = ''] = after.sk.split('#');
  const query = queryOf(ledger, queryName);
  const slice = parseIsoTime(sliceText) ?? Number.NaN;
  const epochs = rangeOf(range);
  if (epochs.to > ledger.epochs.length) throw new Violation('I16', `${name} is of an epoch that nobody has elected`);
  if (!ledger.plans.has(epochs.to)) throw new Violation('I15', `${name} is put before the plan of epoch ${epochs.to}`);
  const contents = segmentContents(query, state, after);
  checkLane(query, name, lane, contents);
  const slices = ledger.segments.get(queryName);
  const parts = slices?.get(slice) ?? new Map<string, KnownSegment>();
  slices?.set(slice, parts);
  parts.set(`${after.pk} / ${after.sk}`, { ...epochs, lane: after.pk, contents });
}

/**
 * I17: who would put a segment that is there again, would put the same. Code that does not know its query carries
 * blocks on as they are, so rows of a key may come several times.
 */
export function checkSegmentAgain(ledger: Ledger, state: ItemStore, standing: Item, refused: Item): void {
  const query = queryOf(ledger, standing.pk.split('#')[1] ?? '');
  const [there, own] = [standing, refused].map((head) => {
    const rows = segmentContents(query, state, head).flatMap((content) => content.rows);
    return JSON.stringify(rows.flatMap(({ key, ids }) => ids.map((id) => [key, id].join(' '))).sort());
  });
  if (there !== own)
    throw new Violation('I17', `${standing.pk} / ${standing.sk} holds ${there}, and another run has ${own}`);
}

/**
 * I17: who would put a mark that is there again, would put the same, but for the number of bytes: code that does not
 * know a query carries its blocks on as they are.
 */
export function checkMarkAgain(standing: Item, refused: Item): void {
  const [there, own] = [standing, refused].map((mark) => {
    const text = unpack(mark.attributes['touched'] as string | Uint8Array);
    const slices = Object.entries(JSON.parse(text) as Record<string, readonly number[]>);
    return JSON.stringify(slices.map(([query, touched]) => [query, touched.slice(0, 2)]).sort());
  });
  if (there !== own) throw new Violation('I17', `mark ${standing.sk} says ${there}, and another run ${own}`);
}

function segmentContents(query: Query, state: ItemStore, head: Item): readonly BlockContent[] {
  const parts = numberOf(head, 'parts') ?? 0;
  const held = parts === 0 ? [head] : state.query(`${head.pk}#${head.sk}#${textOf(head, 'attempt')}`);
  if (parts > 0 && held.length !== parts)
    throw new Violation('I6', `${head.pk} / ${head.sk} names ${parts} parts, and ${held.length} are there`);
  const blocks = held.flatMap(
    (item) => JSON.parse(unpack(item.attributes['blocks'] as string | Uint8Array)) as readonly Block[],
  );
  return blocks.flatMap((block) => contentsOf(query, block));
}

function checkLane(query: Query, name: string, lane: string, contents: readonly BlockContent[]): void {
  const [lanes = 1, own = 0] = lane.split('.').map(Number);
  for (const { key } of contents.flatMap(({ rows }) => rows))
    if (laneOf(key, lanes) !== own) throw new Violation('I16', `${name} of ${query.name} has ${key} of another lane`);
}

/**
 * I16: the segments up to an epoch hold exactly what the entries before its barriers hold, of each query and slice in
 * which a window is not emitted yet. The others may have expired.
 */
export function checkGathered(ledger: Ledger, through: number): void {
  for (const query of ledger.pipeline.queries) {
    const [held, counted] = [ledger.segments.get(query.name), ledger.counted.get(query.name)];
    const { closedThrough } = emittedOf(ledger, query.name);
    for (const slice of new Set([...(held?.keys() ?? []), ...(counted?.keys() ?? [])])) {
      if (lastClosing(query.window, slice) <= closedThrough) continue;
      const ids = [...(counted?.get(slice) ?? [])].flatMap(([epoch, of]) => (epoch < through ? [...of] : []));
      const content = gatheredOf(ledger, query.name, slice, through);
      const events = ids.map((id) => ({ id }));
      checkContent(ledger, query, `gathered through ${through}: slice ${slice}`, content, events, 'I16');
    }
  }
}

function gatheredOf(ledger: Ledger, query: string, slice: number, through: number): BlockContent | undefined {
  const parts = [...(ledger.segments.get(query)?.get(slice)?.values() ?? [])];
  const lanes = new Set(parts.map(({ lane }) => lane));
  const covers = [...lanes].map((lane) =>
    coverOf(
      parts.filter((part) => part.lane === lane),
      through,
    ),
  );
  return covers
    .flat()
    .flatMap(({ contents }) => contents)
    .reduce<BlockContent | undefined>((all, next) => (all === undefined ? next : together(all, next)), undefined);
}
