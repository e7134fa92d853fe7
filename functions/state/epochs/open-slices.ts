import { grouped } from '../../core/definition/grouped.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate } from '../../core/fold/partial.ts';
import { type ClosingWindow, mergeWindow } from '../../core/fold/window-result.ts';
import { coverOf } from '../../core/log/merge-tree.ts';
import type { EpochPlace } from '../log/epoch.ts';
import type { Table } from '../table/table.ts';
import type { OpenState, TailPart } from './open-state.ts';
import {
  contentOf,
  joinLanes,
  lanesOfKey,
  type Segment,
  type SliceContent,
  type SliceRange,
  slicesOfLane,
} from './segment.ts';

/** What there is of one slice. */
export interface OpenSlice {
  /**
   * The segments of the gathered epochs that an answer may take, by lane. Fewer lanes come first: the number of lanes
   * grows with the epochs, so this is their order.
   */
  readonly lanes: readonly (readonly Segment[])[];
  /** By shard and position. */
  readonly tails: readonly TailPart[];
}

/**
 * The slices of a query in a range, by their starts, ascending.
 * @param key the one key that is wanted: only its lane is read then. Undefined: all of them
 */
export async function readOpenSlices(
  state: Table,
  { section, lanes, tails, emitted, gathered }: OpenState,
  range: SliceRange,
  key: KeyText | undefined,
): Promise<ReadonlyMap<number, OpenSlice>> {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = range;
  const ofTails = grouped(
    tails.filter(({ slice }) => slice >= from && slice <= to),
    ({ slice }) => slice,
  );
  const ofLanes = new Map<number, (readonly Segment[])[]>();
  // Of a merge that every answer takes, the members are not needed, nor are segments of epochs that are not gathered.
  const first = Math.min(emitted.epoch + 1, gathered.epoch);
  const needed = (all: readonly Segment[]) => [
    ...coverOf(all, first),
    ...all.filter(({ to }) => to > first && to <= gathered.epoch),
  ];
  for (const stream of await Promise.all(
    lanesOfKey(section, lanes, key).map(async (lane) => {
      const slices = [];
      for await (const one of slicesOfLane(state, lane, range, needed)) slices.push(one);
      return slices;
    }),
  ))
    for (const { slice, segments } of stream) {
      const held = ofLanes.get(slice);
      if (held === undefined) ofLanes.set(slice, [segments]);
      else held.push(segments);
    }
  const starts = [...new Set([...ofTails.keys(), ...ofLanes.keys()])].sort((left, right) => left - right);
  return new Map(starts.map((slice) => [slice, { lanes: ofLanes.get(slice) ?? [], tails: ofTails.get(slice) ?? [] }]));
}

/** The least epoch that has something in some slices; infinity: none has. */
export function leastEpoch(slices: ReadonlyMap<number, OpenSlice>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { lanes } of slices.values())
    for (const segments of lanes) for (const { from, to } of segments) if (from === to) least = Math.min(least, from);
  return least;
}

/** A window's content: the pairs that are in it so far. */
export type WindowContent = SliceContent;

/**
 * Merges the contents of windows that are not emitted. A window that closes at or before the newest gathered C takes
 * the segments up to its epoch, the first one whose C is not below its closing; any other takes all of them, and from
 * the tails what was added before its closing was passed. So it is what it will be when it is emitted, and until then
 * it only grows.
 * @param epochs gathered and not emitted, ascending ({@link OpenState.epochs})
 */
export function windowContents(
  query: Query,
  { gathered }: OpenState,
  slices: ReadonlyMap<number, OpenSlice>,
  epochs: readonly EpochPlace[],
): (window: ClosingWindow) => WindowContent {
  // Windows share slices: each is merged once for the epoch and the parts that count in it.
  const merged = new Map<string, SliceContent>();
  const sliceContent = (start: number, slice: OpenSlice, through: number, tails: readonly TailPart[]) => {
    // What counts in a window are the parts up to some C: as many parts are the same parts.
    const name = `${start}#${through}#${tails.length}`;
    const content = merged.get(name) ?? mergeSlice(query, slice, through, tails);
    merged.set(name, content);
    return content;
  };
  return ({ closing, slices: starts }) => {
    const isGathered = closing <= gathered.closedThrough;
    const through = isGathered ? epochs.find((one) => one.closedThrough >= closing)?.epoch : gathered.epoch;
    const contents = starts.flatMap((start) => {
      const slice = slices.get(start);
      if (slice === undefined || through === undefined) return [];
      // Behind the barrier of an epoch that closed the window there is nothing of it.
      const tails = slice.tails.filter(({ closedThrough }) => closedThrough < closing);
      return [sliceContent(start, slice, through, tails)];
    });
    const [only, ...others] = contents;
    return {
      partials: only !== undefined && others.length === 0 ? only.partials : mergeWindow(query, contents),
      records: contents.reduce((total, { records }) => total + records, 0),
    };
  };
}

function mergeSlice(query: Query, { lanes }: OpenSlice, through: number, tails: readonly TailPart[]): SliceContent {
  const covers = lanes.map((segments) => coverOf(segments, through)).filter((segments) => segments.length > 0);
  const gathered = joinLanes(
    query,
    covers.map((segments) => contentOf(query, segments)),
  );
  if (tails.length === 0) return gathered;
  const partials = new Map<KeyText, PartialAggregate>(gathered.partials);
  let { records } = gathered;
  for (const part of tails) {
    mergeInto(query, partials, part.partials);
    records += part.records;
  }
  return { partials, records };
}
