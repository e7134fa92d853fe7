import { positionText } from '../log/entry.ts';
import { numberOf, type Table } from '../table/table.ts';
import type { StageName } from './mark.ts';

/**
 * A hint that a run is at a task, or leads a stage (task-runner.ts). Nothing relies on it: the mark is the truth, and
 * two runs that do one task write the same.
 */
export interface LeaseName extends StageName {
  readonly name: string;
}

const partition = 'leases';
const stageText = ({ stage, epoch }: StageName) => `${stage}#${positionText(epoch)}#`;
const keyOf = (lease: LeaseName) => ({ pk: partition, sk: `${stageText(lease)}${lease.name}` });

/** How long a lease is kept after it is over, in ms. */
const keptMs = 86_400_000;

/** Takes a lease, if nobody has it or it is over. @returns whether it is ours */
export async function claimLease(state: Table, lease: LeaseName, nowMs: number, lengthMs: number): Promise<boolean> {
  const item = { ...keyOf(lease), attributes: untilOf(nowMs + lengthMs, nowMs) };
  return (await state.put(item, [{ attribute: 'until', is: 'absentOrBelow', bound: nowMs }])) === 'applied';
}

/**
 * Says until when a lease lasts. Unconditional: of two runs that hold one, which is rare, the last one to say so is as
 * good as any.
 * @param untilMs epoch ms
 */
export async function setLease(state: Table, lease: LeaseName, untilMs: number, nowMs: number): Promise<void> {
  await state.put({ ...keyOf(lease), attributes: untilOf(untilMs, nowMs) });
}

const untilOf = (untilMs: number, nowMs: number) => ({
  until: untilMs,
  expiresAt: Math.floor((Math.min(untilMs, nowMs) + keptMs) / 1000),
});

/** Until when a lease lasts, epoch ms; undefined: nobody has had it. */
export async function readLease(state: Table, lease: LeaseName): Promise<number | undefined> {
  const item = await state.get(keyOf(lease));
  return item && numberOf(item, 'until');
}

/** Until when the leases of a stage last, epoch ms, by their names. */
export async function readLeases(state: Table, stage: StageName): Promise<ReadonlyMap<string, number>> {
  const start = stageText(stage);
  const items = await state.query(partition, { from: start, to: `${start}~~` });
  return new Map(items.map((item) => [item.sk.slice(start.length), numberOf(item, 'until') ?? 0]));
}
