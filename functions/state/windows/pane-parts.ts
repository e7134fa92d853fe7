import pLimit from 'p-limit';
import type { Query } from '../../core/definition/pipeline.ts';
import { compareRows } from '../../core/fold/window-result.ts';
import { checkLanes } from '../../core/log/lane.ts';
import type { Row } from '../../core/results/row.ts';
import { type Attributes, type Item, numberOf, type Range, type Table, textOf } from '../table/table.ts';
import { behind, type PaneLane, partPlace, partsPartition, partsPrefix } from './pane-keys.ts';
import { orderOf, type PaneRun } from './pane-lane.ts';
import { rowsOf } from './pane-rows.ts';

/** The runs of rows that a pane of so many lanes may have: its lanes, and behind them its totals. */
export function runsOf({ totals }: Query, lanes: number): readonly PaneLane[] {
  const all = Array.from({ length: lanes }, (_, lane) => ({ lanes, lane }));
  return totals.length === 0 ? all : [...all, { lanes, lane: lanes }];
}

/**
 * The attributes of a manifest that name the parts of a pane, some 20 bytes a lane: a million keys are 16 lanes.
 * @param runs of each lane, and behind them that of the totals
 */
export function namesOf(lanes: number, runs: readonly PaneRun[]): Attributes {
  return {
    lanes,
    parts: runs.reduce((total, { parts }) => total + parts, 0),
    laneParts: runs.map(({ parts }) => parts).join(),
    laneIds: runs.map(({ id }) => id).join(),
  };
}

/** A run of rows as a manifest names it. */
export interface NamedRun extends PaneRun {
  readonly pk: string;
  /** The beginning of the sort keys of its parts. */
  readonly prefix: string;
}

/**
 * The runs that a manifest names: of each lane, and behind them that of the totals.
 * @throws Error for a manifest that does not name them all: it is of another format
 */
export function namedRuns(query: Query, manifest: Item): readonly NamedRun[] {
  const [lanes, revision, start, end] = ['lanes', 'revision', 'start', 'end'].map((name) => numberOf(manifest, name));
  const parts = textOf(manifest, 'laneParts')?.split(',') ?? [];
  const ids = textOf(manifest, 'laneIds')?.split(',') ?? [];
  const window = start === undefined || end === undefined ? undefined : { start, end };
  if (lanes === undefined || revision === undefined || window === undefined)
    throw new Error(`window ${manifest.pk} ${manifest.sk}: its parts are of another format`);
  if (parts.length !== checkLanes(lanes) + 1 || ids.length !== parts.length)
    throw new Error(`window ${manifest.pk} ${manifest.sk}: ${parts.length - 1} of its ${lanes} lanes are named`);
  return ids.map((id, lane) => ({
    parts: Number(parts[lane]),
    id,
    pk: partsPartition(query.name, window, { lanes, lane }),
    prefix: partsPrefix(revision, id),
  }));
}

/** Lanes of one pane that are read at the same time. */
export const lanesAtATime = 16;

/** All parts of some runs, in the order of the runs; undefined when some of them are gone. */
export async function readRuns(
  windows: Table,
  runs: readonly NamedRun[],
  only: Pick<Range, 'only'>,
): Promise<readonly Item[] | undefined> {
  const limit = pLimit(lanesAtATime);
  const all = await Promise.all(
    runs.map(({ pk, prefix, parts }) =>
      limit(async () => {
        const items = parts === 0 ? [] : await windows.query(pk, { from: prefix, to: behind(prefix), ...only });
        return items.length === parts ? items : undefined;
      }),
    ),
  );
  const found = all.flatMap((items) => items ?? []);
  return all.includes(undefined) ? undefined : found;
}

/** Where a part stands in its run, as it says itself. @throws when it does not say so */
export function partNumber(item: Item): number {
  const part = numberOf(item, 'part');
  if (part === undefined) throw new Error(`part ${item.pk} ${item.sk}: no number`);
  return part;
}

/**
 * The part of a run that holds a key, if any part does, and in any case the rows around its place. One read of one
 * item; more only where keys share {@link orderOf the first 200 characters} of their order texts.
 * @returns undefined when a part is missing that may hold it
 */
export async function readPartOf(
  windows: Table,
  query: Query,
  { pk, prefix, parts }: NamedRun,
  key: Row['key'],
  only: Pick<Range, 'only'> = {},
): Promise<Item | undefined> {
  const order = orderOf(query, { key });
  let to = behind(`${prefix}${order}#`);
  let expected: number | undefined;
  for (;;) {
    const [item] = await windows.query(pk, { from: prefix, to, order: 'descending', limit: 1, ...only });
    if (item === undefined) return undefined;
    const part = partNumber(item);
    const next = textOf(item, 'next');
    const isFollowed = next === undefined ? part === parts - 1 : part < parts - 1;
    const isPlaced = expected === undefined ? next === undefined || isAfter(next, order) : part === expected;
    if (!isFollowed || !isPlaced) return undefined;
    const [first] = rowsOf(query, item);
    if (part === 0 || first === undefined || compareRows(query.groupBy, first, { key }) <= 0) return item;
    expected = part - 1;
    to = `${prefix}${partPlace(order, expected)}`;
  }
}

/** Whether an order text comes after another one, as the table sorts them. */
function isAfter(left: string, right: string): boolean {
  return Buffer.compare(Buffer.from(left), Buffer.from(right)) > 0;
}
