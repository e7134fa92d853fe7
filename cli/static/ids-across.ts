import type { EventId } from '../../functions/core/events/event-id.ts';
import { createIdSet } from '../../functions/core/events/id-set.ts';
import type { JobPart, JobResult, SharedJob } from './job.ts';

/** Visits ids that are kept as an array with the two halves of each in turn. */
export function eachId(halves: Uint32Array, visit: (id: EventId) => void): void {
  for (let at = 0; at < halves.length; at += 2) visit({ high: halves[at] ?? 0, low: halves[at + 1] ?? 0 });
}

/**
 * The parts of all units, with each id counted once: the first in the order of the input counts, whichever worker took
 * its unit. A unit is run again when it counted an id that a unit before it had counted too; the id is left out then.
 * Mostly there are no such units, or few.
 * @param results of a run with no ids before
 */
export async function countedOnce(
  job: SharedJob,
  results: readonly JobResult[],
  run: (job: SharedJob) => Promise<readonly JobResult[]>,
): Promise<readonly JobPart[]> {
  const parts = results.flatMap((result) => result.parts);
  const idsBefore = idsCountedAgain(parts);
  if (idsBefore.length === 0) return parts;
  const units = job.units.map((pieces, unit) => (idsBefore[unit] === undefined ? [] : pieces));
  const again = await run({ ...job, units, idsBefore });
  return [...parts.filter(({ unit }) => idsBefore[unit] === undefined), ...again.flatMap((result) => result.parts)];
}

/** The ids to leave out, by unit; empty when no id was counted in two units. */
function idsCountedAgain(parts: readonly JobPart[]): (Uint32Array | undefined)[] {
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
