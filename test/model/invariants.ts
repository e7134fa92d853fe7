import { closedThrough, isClosed, logOf, type ModelOptions, shardsOf, type World, windows } from './world.ts';

/** The violation in a world, in one line; undefined if there is none. */
export function violation(options: ModelOptions, world: World): string | undefined {
  if (world.broken !== undefined) return world.broken;
  const twice = countedTwice(options, world);
  // A log that has lost entries proves nothing further.
  if (twice !== undefined || world.expired !== undefined) return twice;
  return brokenLog(options, world) ?? wrongFinal(options, world);
}

/** The violation that a record is counted twice, also when the log that knew it is gone. */
function countedTwice(options: ModelOptions, world: World): string | undefined {
  for (const shard of shardsOf(options)) {
    const counted = new Set<string>();
    const own = [...(world.expired ?? []), ...logOf(world, shard)];
    for (const entry of own)
      if (entry.kind === 'batch')
        for (const [record, window] of entry.counted) {
          const pair = `${shard}${record} in window ${window}`;
          if (counted.has(pair)) return `${pair} is counted twice`;
          counted.add(pair);
        }
  }
  return undefined;
}

/**
 * The violation in a log. Entries follow one another without gaps, all acknowledged records are in, and epochs never go
 * back.
 */
function brokenLog(options: ModelOptions, world: World): string | undefined {
  for (const shard of shardsOf(options)) {
    let last = 0;
    let epoch = 0;
    for (const entry of logOf(world, shard)) {
      if (entry.kind === 'barrier') {
        if (entry.epoch < epoch) return `${shard}: the epochs of its barriers go back`;
        epoch = entry.epoch;
        continue;
      }
      if (entry.first !== last + 1) return `${shard}: an entry begins at record ${entry.first} after ${last}`;
      last = entry.last;
    }
    if ((world.acknowledged[shard] ?? 0) > last) return `${shard}: ${world.acknowledged[shard]} records are lost`;
  }
  return undefined;
}

/**
 * The violation in a final window. A final window holds what the logs hold of it. A window that is passed and holds
 * something is final.
 */
function wrongFinal(options: ModelOptions, world: World): string | undefined {
  const passed = closedThrough(world, options.emissionApart ? world.emitted : world.gathered);
  for (const window of windows) {
    const held = shardsOf(options)
      .flatMap((shard) =>
        logOf(world, shard).flatMap((entry) =>
          entry.kind === 'batch'
            ? entry.counted.filter(([, own]) => own === window).map(([record]) => `${shard}${record}`)
            : [],
        ),
      )
      .sort()
      .join();
    const final = world.finals[window];
    if (final !== undefined && final !== held) return `window ${window}: the logs hold ${held}, its final ${final}`;
    if (isClosed(window, passed) && held !== '' && final === undefined)
      return `window ${window} is passed, holds ${held}, and was not emitted`;
  }
  return undefined;
}
