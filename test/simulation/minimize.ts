import { type EpochBounds, epochBounds } from '../../functions/state/epochs/bounds.ts';
import { entryBounds } from '../../functions/state/log/content.ts';
import type { Engine } from './bundle.ts';
import type { FaultRates, SimulationOptions } from './options.ts';

/**
 * The number of seeds that are tried for each smaller simulation. With other options, the same seed takes another
 * course.
 */
const seedsEach = 60;

/**
 * Looks for a smaller simulation that violates the same invariant, with fewer records, shards, keys, readers and kinds
 * of fault. It takes one step after the other for as long as one helps.
 */
export async function minimize(engine: Engine, failing: SimulationOptions): Promise<SimulationOptions> {
  const invariant = await violated(engine, [failing]);
  let smallest = failing;
  if (invariant === undefined) return failing;
  for (let shrunk = true; shrunk; ) {
    shrunk = false;
    for (const candidate of smaller(smallest)) {
      const found = await firstViolating(engine, candidate, invariant.invariant);
      if (found === undefined) continue;
      smallest = found;
      shrunk = true;
      break;
    }
  }
  return smallest;
}

interface Found {
  readonly invariant: string;
  readonly options: SimulationOptions;
}

async function firstViolating(
  engine: Engine,
  candidate: SimulationOptions,
  invariant: string,
): Promise<SimulationOptions | undefined> {
  const tries = Array.from({ length: seedsEach }, (_, i) => ({ ...candidate, seed: candidate.seed + i * 1_000_003 }));
  return (await violated(engine, tries, invariant))?.options;
}

async function violated(
  engine: Engine,
  tries: readonly SimulationOptions[],
  wanted?: string,
): Promise<Found | undefined> {
  let found: Found | undefined;
  await engine.runMany(tries, ({ options, violation }) => {
    if (violation !== undefined && (wanted === undefined || violation.invariant === wanted))
      found ??= { invariant: violation.invariant, options };
    return found === undefined ? 'go on' : 'stop';
  });
  return found;
}

/** Simulations that are smaller in one respect, the greatest steps first. */
function smaller(options: SimulationOptions): readonly SimulationOptions[] {
  const changes: Partial<SimulationOptions>[] = [
    { records: Math.ceil(options.records / 2) },
    { shards: 1 },
    { reshard: 'none' },
    { readers: 0 },
    { overlap: 0 },
    { overlapKind: 'sliding' },
    { latenessMs: 0 },
    { away: false },
    { garbage: 0 },
    { bulk: 0 },
    { dedupMs: 0 },
    { running: false },
    { grouping: 'plain' },
    { mostEmpty: 0 },
    { history: 0 },
    { clocks: undefined },
    { sessionGapMs: 0 },
    { padding: 0 },
    { eventsPerRecord: 1 },
    { expectedKeys: 1 },
    { keys: Math.ceil(options.keys / 2) },
    { disorderMs: 0 },
    { delayMs: 0 },
    { epochMs: 0 },
    { bounds: epochBounds },
    { entries: entryBounds },
    { older: 0 },
    ...Object.keys(epochBounds).map((name) => ({
      bounds: { ...options.bounds, [name]: epochBounds[name as keyof EpochBounds] },
    })),
    ...Object.keys(options.faults).map((name) => ({ faults: { ...options.faults, [name]: 0 } as FaultRates })),
    { records: options.records - 1 },
  ];
  return changes
    .map((change) => ({ ...options, ...change }))
    .filter((candidate) => candidate.records >= 1 && JSON.stringify(candidate) !== JSON.stringify(options));
}
