import type { Query } from '../../core/definition/pipeline.ts';
import type { QueryFold } from '../../core/log/batch-fold.ts';
import { type Block, blocksWithin, encodeBlock, type SlicePart } from '../../core/log/block.ts';
import { type FirstOccurrence, packFirsts } from '../../core/log/first-occurrences.ts';
import { type Section, sectionName, sectionsText } from '../../core/log/section.ts';
import { pack } from '../table/packed-text.ts';
import type { Attributes, Item } from '../table/table.ts';
import { partKey } from './entry.ts';

/** Most bytes of an entry's item, with its keys and totals (DESIGN 4.1, step 5); DynamoDB takes 400 KB. */
export const mostEntryBytes = 300_000;

/** The sizes by which entries are cut. What is in a log does not depend on them. */
export interface EntryBounds {
  /** Most bytes of an entry's item, with its keys and totals; more goes to parts. */
  readonly mostEntryBytes: number;
  /** Most bytes of the text of a part. Not compressed it fits an item too. */
  readonly mostPartBytes: number;
  /** Most late events that one section of a part lists. */
  readonly mostLateInPart: number;
}

/** The bounds of a deployment. The simulator draws smaller ones, so that it meets parts. */
export const entryBounds: EntryBounds = { mostEntryBytes, mostPartBytes: 256_000, mostLateInPart: 20_000 };

/** What an entry of a batch is made of. */
export interface ContentSource {
  /** Only queries that have something are in the entry. */
  readonly folds: readonly QueryFold[];
  /** The ids that came first in the batch; undefined: none. */
  readonly ids: FreshIds | undefined;
}

/** The first occurrences of a batch, at least one. */
export interface FreshIds {
  readonly firsts: readonly FirstOccurrence[];
  /** When nothing needs them any more, epoch seconds. */
  readonly until: number;
}

/** What an entry of a batch holds besides its totals. */
export interface Content {
  readonly attributes: Attributes;
  /** Bytes of the sections and the ids as they are stored. */
  readonly bytes: number;
}

/** About how many bytes the attributes of ids take besides them. */
const idsBesideBytes = 32;

/**
 * The content of an entry, as one item.
 * @param overheadBytes of the item without it
 * @returns when it is larger than an entry may be, how many times
 */
export function contentOf(
  { folds, ids }: ContentSource,
  overheadBytes: number,
  bounds: EntryBounds = entryBounds,
): Content | { readonly tooLargeTimes: number } {
  const [packed] = packFirsts(ids?.firsts ?? []);
  const ofIds = ids === undefined || packed === undefined ? {} : { ids: packed.data, idsUntil: ids.until };
  const idBytes = packed === undefined ? 0 : packed.data.length;
  const besideBytes = overheadBytes + (packed === undefined ? 0 : idBytes + idsBesideBytes);
  const sections = folds.filter(hasSomething).map(sectionOf);
  const ofSections =
    sections.length === 0 ? {} : { sections: pack(sectionsText(sections), besideBytes + 'sections'.length) };
  const bytes = idBytes + (ofSections.sections === undefined ? 0 : Buffer.byteLength(ofSections.sections));
  const mostBytes = Math.max(bounds.mostEntryBytes - (besideBytes - idBytes), 1);
  return bytes <= mostBytes ? { attributes: { ...ofSections, ...ofIds }, bytes } : { tooLargeTimes: bytes / mostBytes };
}

/** The content of an entry in parts, and the parts, which are put first. */
export interface PartedContent extends Content {
  readonly parts: readonly Item[];
}

/**
 * The content of an entry that does not fit an item. It names its parts by the id of the attempt, which no other
 * attempt has: parts of two attempts, whose records may be late for different queries, never mix.
 */
export function partedContent(
  shardId: string,
  attempt: string,
  { folds, ids }: ContentSource,
  expiresAt: number,
  bounds: EntryBounds = entryBounds,
): PartedContent {
  let bytes = 0;
  const ofSections = partsOf(folds, bounds).map((sections): Attributes => {
    const data = pack(sectionsText(sections), Buffer.byteLength(partKey(shardId, attempt, 0).pk) + 100);
    bytes += Buffer.byteLength(data);
    return { sections: data };
  });
  const ofIds = packFirsts(ids?.firsts ?? [], bounds.mostPartBytes).map(({ data }): Attributes => {
    bytes += data.length;
    return { ids: data, idsUntil: ids?.until ?? 0 };
  });
  const parts = [...ofSections, ...ofIds].map((attributes, part) => ({
    ...partKey(shardId, attempt, part),
    attributes: { ...attributes, expiresAt },
  }));
  return { attributes: { parts: parts.length, attempt }, bytes, parts };
}

function hasSomething({ slices, late }: QueryFold): boolean {
  return slices.length > 0 || late.length > 0;
}

function sectionOf({ query, slices, late }: QueryFold): Section {
  return { query: sectionName(query), block: encodeBlock(query, slices), late };
}

/** Sections in groups whose text fits a part; in a group each query is there once, as the text of sections needs it. */
function partsOf(folds: readonly QueryFold[], bounds: EntryBounds): readonly (readonly Section[])[] {
  const parts: Section[][] = [];
  let bytes = 0;
  for (const section of folds.flatMap((fold) => smallSections(fold, bounds))) {
    const sectionBytes = Buffer.byteLength(sectionsText([section]));
    const last = parts[parts.length - 1];
    if (
      last === undefined ||
      bytes + sectionBytes > bounds.mostPartBytes ||
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
function smallSections(
  { query, slices, late }: QueryFold,
  { mostPartBytes, mostLateInPart }: EntryBounds,
): readonly Section[] {
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
