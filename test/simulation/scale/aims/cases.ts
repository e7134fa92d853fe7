import type { Aim } from './aim.ts';
import { badEventsAim } from './bad-events.ts';
import { killedFinalizerAim } from './killed-finalizer.ts';
import { laggingMinutesAim } from './lagging-minutes.ts';
import { manyKeysAim } from './many-keys.ts';
import { manyShardsMinutesAim } from './many-shards-minutes.ts';
import { openReadsAim } from './open-reads.ts';
import { openOnManyShardsAim, openOnOneShardAim } from './open-windows.ts';
import { runMemoryAim } from './run-memory.ts';
import { shortWindowsAim } from './short-windows.ts';

/** All aims of issue 19, section 1, by their letters. */
export const aims: readonly Aim[] = [
  manyKeysAim,
  manyShardsMinutesAim,
  openOnManyShardsAim,
  openOnOneShardAim,
  laggingMinutesAim,
  shortWindowsAim,
  killedFinalizerAim,
  runMemoryAim,
  openReadsAim,
  badEventsAim,
];
