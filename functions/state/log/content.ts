import type { Query } from '../../core/definition/pipeline.ts';
import type { QueryFold } from '../../core/log/batch-fold.ts';
import { type Block, blocksWithin, encodeBlock, type SlicePart } from '../../core/log/block.ts';
import { type Section, sectionName, sectionsText } from '../../core/log/section.ts';
import { pack } from '../table/packed-text.ts';
import type { Attributes, Item } from '../table/table.ts';
import { partKey } from './entry.ts';

/** Most bytes of an entry's item, with its keys and totals (DESIGN 4.1, step 5); DynamoDB takes 400 KB. */
export const mostEntryBytes = 300_000;

/** Most bytes of the text of a part. Not compressed it fits an item too. */
const mostPartBytes = 256_000;

/** Most late events that one section of a part lists. */
const mostLateInPart = 20_000;

/** What an entry of a batch holds besides its totals. */
export interface Content {
  readonly attributes: Attributes;
  /** Bytes of the sections as they are stored. */
  readonly bytes: number;
}

/**
 * The content of an entry, as one item; only queries that have something are in it.
 * @param overheadBytes of the item without it
 * @returns undefined when it is larger than an entry may be, with how many times
 */
export function contentOf(
  folds: readonly QueryFold[],
  overheadBytes: number,
): Content | { readonly tooLargeTimes: number } {
  const sections = folds.filter(hasSomething).map(sectionOf);
  if (sections.length === 0) return { attributes: {}, bytes: 0 };
  const data = pack(sectionsText(sections), overheadBytes + 'sections'.length);
  const bytes = Buffer.byteLength(data);
  const mostBytes = mostEntryBytes - overheadBytes;
  return bytes <= mostBytes ? { attributes: { sections: data }, bytes } : { tooLargeTimes: bytes / mostBytes };
}

/** The content of an entry in parts, and the parts, which are put first. */
export interface PartedContent extends Content {
  readonly parts: readonly Item[];
}

/**
 * The content of an entry that does not fit an item. It names its parts by the id of the attempt, which no other attempt
 * has: parts of two attempts, whose records may be late for different queries, never mix.
 */
export function partedContent(
  shardId: string,
  attempt: string,
  folds: readonly QueryFold[],
  expiresAt: number,
): PartedContent {
  let bytes = 0;
  const parts = partsOf(folds).map((sections, part) => {
    const key = partKey(shardId, attempt, part);
    const data = pack(sectionsText(sections), Buffer.byteLength(key.pk) + 100);
    bytes += Buffer.byteLength(data);
    return { ...key, attributes: { sections: data, expiresAt } };
  });
  return { attributes: { parts: parts.length, attempt }, bytes, parts };
}

function hasSomething({ slices, late }: QueryFold): boolean {
  return slices.length > 0 || late.length > 0;
}

function sectionOf({ query, slices, late }: QueryFold): Section {
  return { query: sectionName(query), block: encodeBlock(query, slices), late };
}

/** Sections in groups whose text fits a part; in a group each query is there once, as the text of sections needs it. */
function partsOf(folds: readonly QueryFold[]): readonly (readonly Section[])[] {
  const parts: Section[][] = [];
  let bytes = 0;
  for (const section of folds.flatMap(smallSections)) {
    const sectionBytes = Buffer.byteLength(sectionsText([section]));
    const last = parts[parts.length - 1];
    if (
      last === undefined ||
      bytes + sectionBytes > mostPartBytes ||
      last.some(({ query }) => query === section.query)
    ) {
      parts.push([section]);
      bytes = sectionBytes;
    } else {
      last.push(section);
      bytes += sectionBytes;
    }
  }
  return parts;
}

/** A query's fold as sections that each fit a part; the text around a block is reckoned at a kilobyte. */
function smallSections({ query, slices, late }: QueryFold): readonly Section[] {
  const blocks = slices.length === 0 ? [] : smallBlocks(query, slices, mostPartBytes - 1000);
  const ofLate = Array.from({ length: Math.ceil(late.length / mostLateInPart) }, (_, i) => ({
    query: sectionName(query),
    block: encodeBlock(query, []),
    late: late.slice(i * mostLateInPart, (i + 1) * mostLateInPart),
  }));
  return [...blocks.map((block) => ({ query: sectionName(query), block, late: [] })), ...ofLate];
}

/** Slices in as few blocks as halving gives; a slice that is too large alone in several. */
function smallBlocks(query: Query, slices: readonly SlicePart[], mostBytes: number): readonly Block[] {
  const [only] = slices;
  if (only !== undefined && slices.length === 1) return blocksWithin(query, only, mostBytes);
  const block = encodeBlock(query, slices);
  if (Buffer.byteLength(JSON.stringify(block)) <= mostBytes) return [block];
  const half = Math.ceil(slices.length / 2);
  return [slices.slice(0, half), slices.slice(half)].flatMap((some) => smallBlocks(query, some, mostBytes));
}
