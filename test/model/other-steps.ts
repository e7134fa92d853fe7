import { closedThrough, isClosed, logOf, type ModelOptions, type Step, shardsOf, tailAt, type World } from './world.ts';

/**
 * The steps of a reader of window 1, who reads twice at most: the final one if there is one, otherwise the contents of
 * the logs (4.4).
 */
export function* readerSteps(options: ModelOptions, world: World): Iterable<Step> {
  if (!options.reader || world.reads >= 2) return;
  const window = 1;
  const final = world.finals[window];
  const read = (final === undefined ? liveRecords(options, world, window) : final.split(',')).sort();
  const lost = world.seen?.filter((record) => !read.includes(record)) ?? [];
  const broken = lost.length === 0 ? {} : { broken: `a reader saw ${world.seen} in window 1, and sees ${read} now` };
  yield [`reader: window 1 holds ${read}`, { ...world, reads: world.reads + 1, seen: read, ...broken }];
}

function liveRecords(options: ModelOptions, world: World, window: number): string[] {
  return world.registered.flatMap((shard) => {
    const records: string[] = [];
    let epoch = 0;
    for (const entry of logOf(world, shard)) {
      if (entry.kind === 'barrier') {
        epoch = entry.epoch;
        continue;
      }
      // Behind the barrier that closed it, an entry adds nothing to a window.
      if (!options.off.has('readersStopAtBarrier') && isClosed(window, closedThrough(world, epoch))) continue;
      // Partials are by slice, so they include a record that any window of its slice counted.
      for (const record of new Set(entry.counted.map(([own]) => own)))
        if (options.records[shard]?.[record - 1]?.includes(window) === true) records.push(`${shard}${record}`);
    }
    return records;
  });
}

/**
 * The steps of expiry. Where the last entry is not kept, a log that stood still for longer than its entries live loses
 * them all (4.5).
 */
export function* expirySteps(options: ModelOptions, world: World): Iterable<Step> {
  if (!options.off.has('lastEntryIsKept')) return;
  for (const shard of shardsOf(options)) {
    const log = logOf(world, shard);
    const { last, epoch } = tailAt(log, log.length);
    const isQuiet =
      log.at(-1)?.kind === 'barrier' &&
      world.gathered >= epoch &&
      last > 0 &&
      !world.invocations.some((invocation) => invocation.shard === shard) &&
      !world.finalizers.some(({ step }) => step !== 'idle');
    if (!isQuiet) continue;
    const expired = [...(world.expired ?? []), ...log];
    yield [`${shard}: every entry expires`, { ...world, logs: { ...world.logs, [shard]: [] }, expired }];
  }
}
