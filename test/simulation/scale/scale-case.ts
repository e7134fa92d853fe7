import { Violation } from '../violation.ts';
import { createdAgain } from './created-again.ts';
import type { Extent, Figures, ScaleCase } from './extent.ts';
import { finalizerAway } from './finalizer-away.ts';
import { laggingShard } from './lagging-shard.ts';
import { manyShards } from './many-shards.ts';
import { resharding } from './resharding.ts';

/** All cases, by name. */
export const scaleCases: Readonly<Record<string, ScaleCase>> = {
  'lagging-shard': laggingShard,
  'many-shards': manyShards,
  resharding,
  'created-again': createdAgain,
  'finalizer-away': finalizerAway,
};

/** The outcome of one case. */
export interface ScaleOutcome {
  readonly name: string;
  readonly seconds: number;
  readonly figures: Figures;
  readonly violation?: string;
}

/**
 * Runs one case. An error of the production code is a violation too, because nothing fails here that it has to bear.
 */
export async function runScaleCase(name: string, scaleCase: ScaleCase, extent: Extent): Promise<ScaleOutcome> {
  const began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 10) / 100;
  try {
    const figures = await scaleCase(extent);
    return { name, seconds: seconds(), figures };
  } catch (error) {
    const violation =
      error instanceof Violation ? error.message : `I8: ${error instanceof Error ? error.stack : String(error)}`;
    return { name, seconds: seconds(), figures: {}, violation };
  }
}
