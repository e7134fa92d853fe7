import {
  closedThrough,
  type Entry,
  type Invocation,
  isClosed,
  logOf,
  type ModelOptions,
  type Pair,
  type Step,
  shardsOf,
  tailAt,
  type World,
  withEntry,
} from './world.ts';

/**
 * The next steps of aggregate: the start of an invocation with some records, or a step of one that is under way (4.1).
 */
export function* aggregateSteps(options: ModelOptions, world: World): Iterable<Step> {
  for (const shard of shardsOf(options)) yield* starts(options, world, shard);
  for (const at of world.invocations.keys()) yield* stepsOf(options, world, at);
}

function* starts(options: ModelOptions, world: World, shard: string): Iterable<Step> {
  const total = options.records[shard]?.length ?? 0;
  const acknowledged = world.acknowledged[shard] ?? 0;
  const own = world.invocations.filter((invocation) => invocation.shard === shard).length;
  const started = world.starts[shard] ?? 0;
  if (acknowledged >= total || own >= options.invocationsAtATime || started >= options.starts) return;
  const invocations = world.invocations.map((other) => (other.shard === shard ? { ...other, isLive: false } : other));
  for (let to = acknowledged + 1; to <= total; to++)
    // The knowledge may be of any age: the log as it was at any length.
    for (let known = 0; known <= logOf(world, shard).length; known++) {
      const step = known === 0 ? 'register' : 'append';
      const begun: Invocation = { shard, isLive: true, to, step, ...tailAt(logOf(world, shard), known) };
      yield [
        `${shard}: begins with records up to ${to}, knowing ${known} entries`,
        { ...world, starts: { ...world.starts, [shard]: started + 1 }, invocations: [...invocations, begun] },
      ];
    }
}

function* stepsOf(options: ModelOptions, world: World, at: number): Iterable<Step> {
  const own = world.invocations[at];
  if (own === undefined) return;
  const { shard } = own;
  const who = `${shard}${at}`;
  const log = logOf(world, shard);
  const without = world.invocations.filter((_, other) => other !== at);
  const become = (next: Partial<Invocation>, from: World = world): World => ({
    ...from,
    invocations: from.invocations.map((other, i) => (i === at ? { ...other, ...next } : other)),
  });
  const end = (from: World): World => ({
    ...from,
    invocations: without,
    acknowledged: own.isLive
      ? { ...from.acknowledged, [shard]: Math.max(from.acknowledged[shard] ?? 0, own.to) }
      : from.acknowledged,
  });
  if (!own.isLive) yield [`${who}: the zombie dies`, { ...world, invocations: without }];
  const readsFirst = options.off.has('joinReadsEpochAfterRegistering');
  switch (own.step) {
    case 'register': {
      if (readsFirst && own.latestEpoch === undefined) {
        yield [`${who}: reads the latest epoch first`, become({ latestEpoch: world.epochs.length })];
        return;
      }
      const registered = world.registered.includes(shard) ? world.registered : [...world.registered, shard];
      yield [`${who}: registers`, become({ step: readsFirst ? 'join' : 'read epochs' }, { ...world, registered })];
      return;
    }
    case 'read epochs':
      yield [`${who}: reads the latest epoch`, become({ step: 'join', latestEpoch: world.epochs.length })];
      return;
    case 'join': {
      if (log.length > 0) {
        yield [`${who}: has been joined`, become({ step: 'read tail' })];
        return;
      }
      const joined = withEntry(world, shard, { kind: 'barrier', epoch: own.latestEpoch ?? 0 });
      const tail = tailAt(logOf(joined, shard), 1);
      yield [`${who}: joins at epoch ${own.latestEpoch}`, become({ step: 'append', ...tail }, joined)];
      return;
    }
    case 'read tail':
      yield [`${who}: reads its tail`, become({ step: 'append', ...tailAt(log, log.length) })];
      return;
    case 'append': {
      if (own.last >= own.to) {
        yield [`${who}: all records are in`, end(world)];
        return;
      }
      const judgesOld = options.off.has('latenessByTheTailsC') && own.judgedAt !== undefined;
      const closed = closedThrough(world, judgesOld ? (own.judgedAt ?? 0) : own.epoch);
      if (log.length === own.position || options.off.has('entryOnlyWhereNoneIs')) {
        const entry = batchEntry(options, shard, own.last + 1, own.to, closed);
        yield [`${who}: appends ${own.last + 1} to ${own.to} with C ${closed}`, end(withEntry(world, shard, entry))];
        return;
      }
      const judgedAt = options.off.has('latenessByTheTailsC') ? { judgedAt: own.judgedAt ?? own.epoch } : {};
      yield [`${who}: position ${own.position + 1} is taken`, become({ step: 'read tail', ...judgedAt })];
    }
  }
}

/** The entry that a batch adds. A pair whose window closes at or below C is late. */
function batchEntry({ records }: ModelOptions, shard: string, first: number, last: number, closed: number): Entry {
  const counted: Pair[] = [];
  const late: Pair[] = [];
  for (let record = first; record <= last; record++)
    for (const window of records[shard]?.[record - 1] ?? [])
      (isClosed(window, closed) ? late : counted).push([record, window]);
  return { kind: 'batch', first, last, counted, late };
}
