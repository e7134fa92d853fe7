import type { Query } from '../../core/definition/pipeline.ts';
import { decodeBlock, type SlicePart } from '../../core/log/block.ts';
import { sectionName } from '../../core/log/section.ts';
import { readGeneration } from '../items/definition.ts';
import { sectionsIn } from '../log/entry.ts';
import { type EpochPlace, readEmittedOf, readEpochs, readGathered } from '../log/epoch.ts';
import { isShard } from '../log/operator.ts';
import { lanesOf, readNewestPlan, readPlan } from '../log/plan.ts';
import { firstRegistration, readRegistrations } from '../log/registration.ts';
import type { Table } from '../table/table.ts';
import { type LogTail, readTails } from './tails.ts';

/** What one entry, which no gathered epoch holds, has of one slice. */
export interface TailPart extends SlicePart {
  /** The epoch that will gather it: the one after that of the barrier before it. */
  readonly epoch: number;
  /** C of the barrier before it: of overlapping windows it belongs to those that close later, epoch ms. */
  readonly closedThrough: number;
}

/**
 * What there is of a query besides the panes that are out, and where to find it: segments up to the newest gathered
 * epoch, and the parts of the tails behind it.
 */
export interface OpenState {
  /** The panes of epochs up to this one were out when it was read. It may be ahead of `gathered`. */
  readonly emitted: EpochPlace;
  readonly gathered: EpochPlace;
  /** The name of the query's sections and segments, and the number of its lanes. */
  readonly section: string;
  readonly lanes: number;
  /**
   * The epochs behind `emitted` that are gathered, ascending.
   * @param least an epoch before which there is nothing of the query: only a query that has emitted nothing yet is read
   * from there, since the epochs before it may be forgotten
   */
  epochs(least: number): Promise<readonly EpochPlace[]>;
  /** The epochs that entries of the tails say, ascending. */
  readonly tailEpochs: readonly EpochPlace[];
  /** In the order of merging: by shard and position. */
  readonly tails: readonly TailPart[];
  /** No event of the query lies behind it, epoch ms; minus infinity: there is none. */
  readonly maxEventTime: number;
  /**
   * The clock of `gathered`, epoch ms (before the first epoch: when the first shard was registered), where the tails were more than a request should read:
   * nothing behind that epoch is in it then. Undefined: every batch that was added before the read is in it.
   */
  readonly asOf: number | undefined;
  /** An answer as of an epoch at or behind this one holds all of it. */
  readonly heldBy: number;
}

/**
 * Reads what is open of a query: registrations, gathered, its plan, **then** the tails (DESIGN 4.4). Segments up to
 * `gathered` do not change any more and may be read later. Manifests have to be read after this. The first reads are
 * made together: a shard that is not registered by then had no entry when they began, and what an epoch has gathered
 * meanwhile is in its plan.
 */
export async function readOpenState(state: Table, query: Query): Promise<OpenState> {
  const [registrations, gathered, emitted, newest, generation] = await Promise.all([
    readRegistrations(state).then((all) => all.filter(({ shardId }) => isShard(shardId))),
    readGathered(state),
    readEmittedOf(state, query.name),
    readNewestPlan(state),
    readGeneration(state, query.name),
  ]);
  const section = sectionName({ ...query, generation });
  // The newest plan may be of the epoch that is under way.
  const plan = newest?.epoch === gathered.epoch ? newest : await readPlan(state, gathered.epoch);
  if (plan === undefined && gathered.epoch > 0) throw new Error(`the plan of epoch ${gathered.epoch} is missing`);
  const tails = await readTails(state, registrations, gathered.epoch, plan);
  const entries = (tails ?? []).flatMap((log) => log.entries);
  const closedAt = new Map(entries.map(({ totals }) => [totals.epoch, totals.closedThrough]));
  return {
    emitted,
    gathered,
    section,
    lanes: lanesOf(plan, section),
    epochs: (least) => readEpochs(state, emitted.epoch > 0 ? emitted.epoch + 1 : Math.max(least, 1), gathered.epoch),
    tailEpochs: [...closedAt]
      .sort(([left], [right]) => left - right)
      .map(([epoch, closedThrough]) => ({ epoch, closedThrough })),
    tails: (await Promise.all((tails ?? []).map((log) => partsOf(state, query, section, log)))).flat(),
    maxEventTime: Math.max(
      plan?.maxEventTime ?? Number.NEGATIVE_INFINITY,
      ...entries.map(({ totals }) => totals.maxEventTime ?? Number.NEGATIVE_INFINITY),
    ),
    asOf: tails === undefined ? (plan?.at ?? firstRegistration(registrations)) : undefined,
    heldBy: Math.max(gathered.epoch, ...entries.map(({ totals }) => totals.epoch + 1)),
  };
}

async function partsOf(
  state: Table,
  query: Query,
  name: string,
  { shardId, entries }: LogTail,
): Promise<readonly TailPart[]> {
  const parts = await Promise.all(
    entries.map(async (entry) => {
      const { epoch, closedThrough } = entry.totals;
      // An entry in parts may have several sections of a query.
      return (await sectionsIn(state, shardId, entry))
        .filter((section) => section.query === name)
        .flatMap(({ block }) => decodeBlock(query, block))
        .map((part) => ({ ...part, epoch: epoch + 1, closedThrough }));
    }),
  );
  return parts.flat();
}
