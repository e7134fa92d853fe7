import type { EventId } from '../../functions/core/events/event-id.ts';
import { createIdSet } from '../../functions/core/events/id-set.ts';
import type { LanePart, LaneResult, LanesJob } from './job.ts';

/** Visits ids that are kept as the halves of each in turn. */
export function eachId(halves: Uint32Array, visit: (id: EventId) => void): void {
  for (let at = 0; at < halves.length; at += 2) visit({ high: halves[at] ?? 0, low: halves[at + 1] ?? 0 });
}

/**
 * The parts of all units, each id counted once: the first in the order of the input counts, however the units fell to
 * the lanes. Units that counted an id which a unit before them had counted too are run again without it: mostly none,
 * or few.
 * @param results of a run with no ids before
 */
export async function countedOnce(
  job: LanesJob,
  results: readonly LaneResult[],
  run: (job: LanesJob) => Promise<readonly LaneResult[]>,
): Promise<readonly LanePart[]> {
  const parts = results.flatMap((result) => result.parts);
  const idsBefore = idsCountedAgain(parts);
  if (idsBefore.length === 0) return parts;
  const units = job.units.map((pieces, unit) => (idsBefore[unit] === undefined ? [] : pieces));
  const again = await run({ ...job, units, idsBefore });
  return [...parts.filter(({ unit }) => idsBefore[unit] === undefined), ...again.flatMap((result) => result.parts)];
}

/** By unit; empty when no id was counted in two. */
function idsCountedAgain(parts: readonly LanePart[]): (Uint32Array | undefined)[] {
  const seen = createIdSet(Number.POSITIVE_INFINITY);
  const again: (Uint32Array | undefined)[] = [];
  for (const { unit, ids } of [...parts].sort((left, right) => left.unit - right.unit)) {
    const halves: number[] = [];
    eachId(ids, (id) => {
      if (seen.judge(id, 0) === 'duplicate') halves.push(id.high, id.low);
    });
    if (halves.length > 0) again[unit] = Uint32Array.from(halves);
  }
  return again;
}
