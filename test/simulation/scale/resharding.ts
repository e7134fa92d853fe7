import { epochBounds } from '../../../functions/state/epochs/bounds.ts';
import { drawOptions, type Reshard, type SimulationOptions } from '../options.ts';
import type { Phase } from '../phases.ts';
import { runMany } from '../run-many.ts';
import { Violation } from '../violation.ts';
import { demand } from './demand.ts';
import type { Extent, Figures } from './extent.ts';

/** The number of shards at the beginning, and their splits and merges. */
interface Plan {
  readonly name: string;
  readonly shards: number;
  /** @param at the examined moment; `later` is some time after it */
  readonly reshards: (at: number | 'drain', later: number | 'drain') => readonly Reshard[];
}

const plans: readonly Plan[] = [
  { name: 'split', shards: 1, reshards: (at) => [{ of: [0], at }] },
  { name: 'merge', shards: 2, reshards: (at) => [{ of: [0, 1], at }] },
  {
    name: 'split of a split',
    shards: 1,
    reshards: (at, later) => [
      { of: [0], at },
      { of: [1], at: later },
    ],
  },
  {
    name: 'merge after a split',
    shards: 1,
    reshards: (at, later) => [
      { of: [0], at },
      { of: [1, 2], at: later },
    ],
  },
];

const phases: readonly Phase[] = [
  'before any record',
  'records wait',
  'between batches',
  'idle',
  'an epoch is elected',
  'an epoch is emitted',
  'drain',
];

/** Moments at which the stream is resharded, as shares of the time in which records are put. */
const moments = 15;

/**
 * Splits and merges, also of shards that come from splits, at moments all over a simulation with faults. Over the
 * seeds, every plan has to meet every phase of a shard. All checks of the simulator apply: parents are done before
 * children begin, the watermark does not go back, and nothing is lost.
 */
export async function resharding(extent: Extent): Promise<Figures> {
  const seeds = extent === 'whole' ? 40 : 2;
  const met = new Map(plans.map(({ name }) => [name, new Map<Phase, number>()]));
  const names = new Map<SimulationOptions, string>();
  let steps = 0;
  let simulations = 0;
  function* all() {
    for (let seed = 1; seed <= seeds; seed++)
      for (const { name, shards, reshards } of plans)
        for (let moment = 0; moment <= moments + 1; moment++) {
          const drawn = drawOptions(seed * 100 + moment);
          const options = {
            ...drawn,
            ...(moment % 2 === 0 ? resting : growing),
            // Above what one long key can hold: the lanes of such a query would double for ever.
            bounds: { ...drawn.bounds, laneBytes: epochBounds.laneBytes },
            shards,
            reshard: 'none',
          } as const;
          const at = moment > moments ? 'drain' : Math.floor((moment / (moments - 2)) * options.putsMs);
          const later = at === 'drain' ? at : at + Math.floor(options.putsMs / 5);
          const told = { ...options, reshards: reshards(at, later) };
          names.set(told, name);
          yield told;
        }
  }
  let failure: string | undefined;
  await runMany(all(), ({ options, violation, phases: seen, steps: taken }) => {
    simulations++;
    steps += taken;
    const counts = met.get(names.get(options) ?? '');
    names.delete(options);
    for (const phase of seen.flat()) counts?.set(phase, (counts.get(phase) ?? 0) + 1);
    if (violation !== undefined)
      failure ??= `${violation.message}: npm run simulate -- --options '${JSON.stringify(options)}'`;
    return failure === undefined ? 'go on' : 'stop';
  });
  if (failure !== undefined)
    throw new Violation(failure.split(':')[0] as Violation['invariant'], failure.slice(failure.indexOf(':') + 2));
  for (const [name, counts] of met)
    for (const phase of phases)
      demand(
        (counts.get(phase) ?? 0) > 0,
        'I8',
        () => `no ${name} meets the phase "${phase}": the case proves nothing for it`,
      );
  return {
    simulations,
    steps,
    ...Object.fromEntries(
      [...met].map(([name, counts]) => [name, phases.map((phase) => `${phase} ${counts.get(phase)}`).join(', ')]),
    ),
  };
}

/** Shards with so few records that they are idle between them, and finalize runs at which this is seen. */
const resting = { records: 5, idleMs: 1_000, finalizeEveryMs: 7_500, putsMs: 300_000, garbage: 0 } as const;

/** Entries with long keys, several events a record: shards end while their entries are cut into chunks and parts. */
const growing = { keys: 6, padding: 300, expectedKeys: 1, eventsPerRecord: 3 } as const;
