import type { Counters, QueryCounters } from '../../core/events/counters.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { ShardProgress } from '../../core/log/totals.ts';
import { pack, unpack } from '../table/packed-text.ts';
import { type Item, numberOf, type Table } from '../table/table.ts';
import { positionText } from './entry.ts';

/** The positions of one log that an epoch gathers: both inclusive, the last one is its barrier. */
export type LogRange = readonly [first: number, last: number];

/** A piece of an epoch's gathering that one run can do at once: positions of some logs. */
export type GatherTask = readonly (readonly [shardId: string, first: number, last: number])[];

/** How far a log had come at its barrier: its last record, and its greatest event time, epoch ms; null: none yet. */
export type LogPlace = readonly [sequenceNumber: SequenceNumber | null, maxEventTime: number | null];

/** What became of the events of all logs. */
export interface LogSums {
  readonly counters: Counters;
  /** The pairs of each query, by its name. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
}

/** What the second law is compared by: a part of an epoch's plan. */
export interface PairSums {
  /** The pairs that each query counted between the barriers before and those of the epoch, by its name. */
  readonly counted: Readonly<Record<string, number>>;
  /**
   * The pairs by which the second law did not hold in the epochs before, by query: their numbers added up without their
   * signs, so that what one epoch lost and another had twice does not cancel. Queries for which it held are left out.
   */
  readonly mismatches: Readonly<Record<string, number>>;
}

/**
 * Everything about an epoch that a repetition could decide otherwise. From it on, everything is a function of the plan
 * and the logs (DESIGN 4.2, step 3).
 */
export interface Plan extends PairSums {
  readonly epoch: number;
  /** C of the epoch before, and of this one, epoch ms; minus infinity: nothing is closed. */
  readonly closedBefore: number;
  readonly closedThrough: number;
  /** The clock of the epoch: what it emits is emitted then, epoch ms. */
  readonly at: number;
  /** By shard. A log that is sealed is not among them. */
  readonly logs: Readonly<Record<string, LogRange>>;
  readonly tasks: readonly GatherTask[];
  /** The number of lanes of each query, by name; a query without one has 1. */
  readonly lanes: Readonly<Record<string, number>>;
  /** The bytes of the last window of queries, by name, where these are many: by them its emission is cut into tasks. */
  readonly windowBytes?: Readonly<Record<string, number>>;
  /** While nothing is closed: the least slice of each section that epochs before this one have gathered. */
  readonly least?: Readonly<Record<string, number>>;
  /** The greatest event time of the stream, epoch ms; minus infinity before the first event. */
  readonly maxEventTime: number;
  /** The totals of all logs at its barriers, added up; those of sealed ones are in it. */
  readonly sums: LogSums;
  /** By shard, of the logs in `logs`: for readers, who do not read more than some logs. */
  readonly places: Readonly<Record<string, LogPlace>>;
}

const partition = 'plans';
const keyOf = (epoch: number) => ({ pk: partition, sk: positionText(epoch) });

/** Text shorter than this stays in the item of the plan; more goes to parts of that size. */
const partBytes = 300 * 1024;

/** About how many bytes the item of a plan has besides. */
const keyBytes = 40;

const minusInfinity = (value: number | null): number => value ?? Number.NEGATIVE_INFINITY;
const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

/**
 * The plan of an epoch, put if there is none. A large one puts its parts first, under an id of the attempt.
 * @returns the plan that stands
 */
export async function putPlan(state: Table, plan: Plan, attempt: string): Promise<Plan> {
  const text = JSON.stringify({
    ...plan,
    closedBefore: orNull(plan.closedBefore),
    closedThrough: orNull(plan.closedThrough),
    maxEventTime: orNull(plan.maxEventTime),
  });
  const data = pack(text, keyBytes);
  const bytes = Buffer.from(data);
  const parts = bytes.length <= partBytes ? 0 : Math.ceil(bytes.length / partBytes);
  if (parts > 0)
    await state.putAll(
      Array.from({ length: parts }, (_, part) => ({
        pk: `plan-part#${plan.epoch}#${attempt}`,
        sk: positionText(part),
        attributes: { data: new Uint8Array(bytes.subarray(part * partBytes, (part + 1) * partBytes)) },
      })),
    );
  const attributes = parts > 0 ? { parts, attempt } : { data };
  const outcome = await state.put({ ...keyOf(plan.epoch), attributes: { at: plan.at, ...attributes } }, [
    { attribute: 'at', is: 'absent' },
  ]);
  if (outcome === 'applied') return plan;
  const standing = await readPlan(state, plan.epoch);
  if (standing === undefined) throw new Error(`the plan of epoch ${plan.epoch} was refused and is not there`);
  return standing;
}

/** The plan of an epoch; undefined: there is none yet. */
export async function readPlan(state: Table, epoch: number): Promise<Plan | undefined> {
  if (epoch === 0) return undefined;
  const item = await state.get(keyOf(epoch));
  return item === undefined ? undefined : planIn(state, item);
}

/**
 * The plan of the latest epoch that has one: of the newest epoch, or of the one before it. Undefined: there is none.
 */
export async function readNewestPlan(state: Table): Promise<Plan | undefined> {
  const [item] = await state.query(partition, { order: 'descending', limit: 1 });
  return item === undefined ? undefined : planIn(state, item);
}

/** Plans that are read once: a plan that is there never changes. */
export interface KnownPlans {
  /** As {@link readPlan}. */
  of(epoch: number): Promise<Plan | undefined>;
  /** Takes in a plan that stands. */
  take(plan: Plan): void;
}

/** The plans that one run knows. */
export function knownPlans(state: Table): KnownPlans {
  const plans = new Map<number, Promise<Plan | undefined>>();
  return {
    async of(epoch) {
      const reading = plans.get(epoch) ?? readPlan(state, epoch);
      plans.set(epoch, reading);
      const plan = await reading;
      if (plan === undefined) plans.delete(epoch);
      return plan;
    },
    take(plan) {
      plans.set(plan.epoch, Promise.resolve(plan));
    },
  };
}

async function planIn(state: Table, item: Item): Promise<Plan> {
  const epoch = Number(item.sk);
  // Written by putPlan above and by nobody else.
  const data = numberOf(item, 'parts') === undefined ? item.attributes.data : await joined(state, epoch, item);
  const plan = JSON.parse(unpack(data as string | Uint8Array)) as Plan;
  return {
    ...plan,
    closedBefore: minusInfinity(plan.closedBefore),
    closedThrough: minusInfinity(plan.closedThrough),
    maxEventTime: minusInfinity(plan.maxEventTime),
  };
}

async function joined(state: Table, epoch: number, item: Item): Promise<Uint8Array> {
  const parts = await state.query(`plan-part#${epoch}#${String(item.attributes.attempt)}`);
  if (parts.length !== numberOf(item, 'parts')) throw new Error(`plan of epoch ${epoch}: a part is missing`);
  return new Uint8Array(Buffer.concat(parts.map(({ attributes }) => attributes.data as Uint8Array)));
}

/** The place of a log in a plan. */
export function placeOf({ sequenceNumber, maxEventTime }: ShardProgress): LogPlace {
  return [sequenceNumber ?? null, maxEventTime ?? null];
}

/** The number of lanes that a plan gives a query. */
export const lanesOf = (plan: Plan | undefined, query: string): number => plan?.lanes[query] ?? 1;
