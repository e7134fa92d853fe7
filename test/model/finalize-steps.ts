import {
  closedThrough,
  type Finalizer,
  gatheredRecords,
  isClosed,
  logOf,
  type ModelOptions,
  type Step,
  shardsOf,
  tailAt,
  type World,
  windowEnds,
  windows,
  withEntry,
} from './world.ts';

/** The number of positions in which a torn read looks for entries. */
const mostLooked = 5;

/** The next steps of finalize. Runs overlap, die at any step, and are resumed by any other run (4.2). */
export function* finalizeSteps(options: ModelOptions, world: World): Iterable<Step> {
  for (const at of world.finalizers.keys()) yield* stepsOf(options, world, at);
}

function* stepsOf(options: ModelOptions, world: World, at: number): Iterable<Step> {
  const own = world.finalizers[at];
  if (own === undefined) return;
  const who = `F${at}`;
  const { off } = options;
  const set = (next: Finalizer, from: World = world): World => ({
    ...from,
    finalizers: from.finalizers.map((other, i) => (i === at ? next : other)),
  });
  const become = (next: Partial<Finalizer>, from: World = world): World => set({ ...own, ...next }, from);
  const idle = (from: World = world): World => set({ step: 'idle', runs: own.runs }, from);
  const listsFirst = off.has('registrationsReadAfterElection');
  const epoch = own.epoch ?? 0;
  if (own.step !== 'idle') yield [`${who}: dies`, idle()];
  switch (own.step) {
    case 'idle': {
      if (own.runs >= options.runs) return;
      const begun: Finalizer = {
        runs: own.runs + 1,
        epoch: world.gathered + 1,
        step: listsFirst ? 'read registrations' : 'observe',
      };
      yield [`${who}: begins with epoch ${begun.epoch}`, set(begun)];
      return;
    }
    case 'observe': {
      if (world.epochs[epoch - 1] !== undefined) {
        const next = listsFirst ? ({ step: 'barriers', at: 0 } as const) : ({ step: 'read registrations' } as const);
        yield [`${who}: epoch ${epoch} is elected`, become(next)];
        return;
      }
      for (const wanted of closings(options))
        if (off.has('closedThroughNeverGoesBack') || wanted >= closedThrough(world, epoch - 1))
          yield [`${who}: wants C ${wanted}`, become({ step: 'elect', wanted })];
      return;
    }
    case 'elect': {
      // An epoch is put only where none is. An older run may come late, and then finds it.
      const isFree = world.epochs[epoch - 1] === undefined;
      const epochs = isFree ? [...world.epochs, own.wanted ?? 0] : world.epochs;
      const misplaced = isFree && world.epochs.length !== epoch - 1;
      const { wanted: _, ...rest } = own;
      const next: Finalizer = listsFirst
        ? { ...rest, step: 'barriers', at: 0 }
        : { ...rest, step: 'read registrations' };
      const broken = misplaced ? { broken: `epoch ${epoch} is elected after ${world.epochs.length}` } : {};
      yield [`${who}: epoch ${epoch} has C ${epochs[epoch - 1]}`, set(next, { ...world, epochs, ...broken })];
      return;
    }
    case 'read registrations': {
      const shards = [...world.registered];
      const next = listsFirst ? ({ step: 'observe' } as const) : ({ step: 'barriers', at: 0 } as const);
      yield [`${who}: reads the registrations ${shards}`, become({ shards, ...next })];
      return;
    }
    case 'barriers':
      yield* barriers(options, world, own, who, { become, set });
      return;
    case 'join for it': {
      // By the rule of the join: at the latest epoch elected, read after the registration was seen.
      const shard = own.shards?.[own.at ?? 0] ?? '';
      const latestEpoch = off.has('joinAtLatestEpoch') ? epoch : own.latestEpoch;
      if (latestEpoch === undefined) {
        yield [`${who}: reads the latest epoch for ${shard}`, become({ latestEpoch: world.epochs.length })];
        return;
      }
      const joined =
        logOf(world, shard).length === 0 ? withEntry(world, shard, { kind: 'barrier', epoch: latestEpoch }) : world;
      const { position: _, latestEpoch: __, ...rest } = own;
      yield [`${who}: joins ${shard}`, set({ ...rest, step: 'barriers' }, joined)];
      return;
    }
    case 'put barrier': {
      const shard = own.shards?.[own.at ?? 0] ?? '';
      const isFree = logOf(world, shard).length === own.position;
      const isPut = isFree || off.has('barrierOnlyWhereNoneIs');
      const { position: _, ...rest } = own;
      // A torn read looks at every log again, behind its barrier.
      const at = (own.at ?? 0) + (isPut && !options.tornReads ? 1 : 0);
      yield [
        `${who}: ${isFree ? 'puts' : 'finds no place for'} barrier ${epoch} in ${shard}`,
        set({ ...rest, at, step: 'barriers' }, isPut ? withEntry(world, shard, { kind: 'barrier', epoch }) : world),
      ];
      return;
    }
    case 'emit': {
      const emitted = emission(options, world, own);
      if (options.emissionApart) yield [`${who}: emits`, become({ step: 'raise emitted' }, emitted)];
      else if (options.panes) yield [`${who}: emits`, become({ step: 'read pane' }, emitted)];
      else if (off.has('gatheredAfterEmission')) yield [`${who}: emits`, idle(emitted)];
      else yield [`${who}: emits`, become({ step: 'raise gathered' }, emitted)];
      return;
    }
    case 'read pane': {
      const { pane } = world;
      yield [`${who}: reads the pane`, become({ step: 'write pane', standing: pane?.revision ?? -1 })];
      return;
    }
    case 'write pane':
      yield writePane(options, world, own, who, set);
      return;
    case 'raise gathered': {
      const raised = { ...world, gathered: Math.max(world.gathered, epoch) };
      const label = `${who}: epoch ${epoch} is gathered`;
      if (options.emissionApart) yield [label, become({ step: 'what is emitted next' }, raised)];
      else if (off.has('gatheredAfterEmission')) yield [label, become({ step: 'emit' }, raised)];
      else yield [label, idle(raised)];
      return;
    }
    case 'what is emitted next': {
      const through = off.has('emitOnlyGathered') ? world.epochs.length : world.gathered;
      if (world.emitted >= through) yield [`${who}: nothing is to be emitted`, idle()];
      else {
        const next = world.emitted + 1;
        yield [
          `${who}: goes on to emit epoch ${next}`,
          become({ step: 'emit', epoch: next, shards: [...world.registered] }),
        ];
      }
      return;
    }
    case 'raise emitted':
      yield [
        `${who}: epoch ${epoch} is emitted`,
        become({ step: 'what is emitted next' }, { ...world, emitted: Math.max(world.emitted, epoch) }),
      ];
  }
}

type Become = (next: Partial<Finalizer>, from?: World) => World;
type Set = (next: Finalizer, from?: World) => World;

/** Every registered log gets barrier e. A log at barrier e or later has it already. An empty log is joined first. */
function* barriers(
  options: ModelOptions,
  world: World,
  own: Finalizer,
  who: string,
  { become, set }: { readonly become: Become; readonly set: Set },
): Iterable<Step> {
  const { off } = options;
  const epoch = own.epoch ?? 0;
  const at = own.at ?? 0;
  const shard = own.shards?.[at];
  if (shard === undefined || off.has('barrierInEveryLog')) {
    const isGatheredFirst = options.emissionApart || off.has('gatheredAfterEmission');
    yield [`${who}: every log has its barrier`, become({ step: isGatheredFirst ? 'raise gathered' : 'emit' })];
    return;
  }
  const log = logOf(world, shard);
  if (options.tornReads) {
    const looked = own.looked ?? 0;
    const found = own.found ?? [];
    if (looked < mostLooked) {
      const entry = log[looked];
      const next = entry === undefined ? found : [...found, [looked, entry] as const];
      yield [`${who}: looks at ${shard} ${looked + 1}`, become({ looked: looked + 1, found: next })];
      return;
    }
    const { looked: _, found: __, ...rest } = own;
    if (!off.has('logsReadWithoutGaps') && found.some(([position], i) => position !== i)) {
      yield [`${who}: a gap in ${shard}: reads again`, set(rest)];
      return;
    }
    if (found.some(([, entry]) => entry.kind === 'barrier' && entry.epoch >= epoch)) {
      const held = { ...own.held, [shard]: found.map(([, entry]) => entry) };
      yield [`${who}: ${shard} has its barrier`, set({ ...rest, held, at: at + 1 })];
      return;
    }
    if (tailAt(log, log.length).epoch >= epoch) {
      yield [`${who}: ${shard} has got its barrier meanwhile`, set(rest)];
      return;
    }
    yield* toBarrier(world, rest, who, shard, set);
    return;
  }
  if (tailAt(log, log.length).epoch >= epoch && log.length > 0) {
    yield [`${who}: ${shard} has its barrier`, become({ at: at + 1 })];
    return;
  }
  yield* toBarrier(world, own, who, shard, set);
}

function* toBarrier(world: World, own: Finalizer, who: string, shard: string, set: Set): Iterable<Step> {
  const log = logOf(world, shard);
  const epoch = own.epoch ?? 0;
  if (log.length === 0) {
    yield [`${who}: ${shard} has not joined`, set({ ...own, step: 'join for it', position: 0 })];
    return;
  }
  const { epoch: last } = tailAt(log, log.length);
  const broken = last === epoch - 1 ? {} : { broken: `${shard} is at epoch ${last} when ${epoch} cuts it` };
  yield [
    `${who}: reads the tail ${shard} ${log.length}`,
    set({ ...own, step: 'put barrier', position: log.length }, { ...world, ...broken }),
  ];
}

/** The windows that close in (C(e-1), C(e)], with the records before barrier e in the logs that were registered. */
function emission(options: ModelOptions, world: World, own: Finalizer): World {
  const epoch = own.epoch ?? 0;
  const finals: Record<number, string> = { ...world.finals };
  let broken: string | undefined;
  for (const window of windows) {
    if (isClosed(window, closedThrough(world, epoch - 1)) || !isClosed(window, closedThrough(world, epoch))) continue;
    const records = (own.shards ?? []).flatMap((shard) =>
      gatheredRecords(shard, options.tornReads ? (own.held?.[shard] ?? []) : logOf(world, shard), epoch, window),
    );
    const content = records.sort().join();
    const standing = finals[window];
    if (standing !== undefined && standing !== content)
      broken = `the final of window ${window} changes from ${standing} to ${content}`;
    if (standing === undefined && content !== '') finals[window] = content;
  }
  return { ...world, finals, ...(broken === undefined ? {} : { broken }) };
}

function writePane(options: ModelOptions, world: World, own: Finalizer, who: string, set: Set): Step {
  const window = 1;
  const epoch = own.epoch ?? 0;
  const { standing = -1, ...rest } = own;
  const next: Finalizer = { ...rest, step: 'raise gathered' };
  const isOpen = !isClosed(window, closedThrough(world, epoch)) && world.finals[window] === undefined;
  const records = (own.shards ?? [])
    .flatMap((shard) => gatheredRecords(shard, logOf(world, shard), epoch, window))
    .sort();
  const { pane } = world;
  const revision = standing + 1;
  const isNewer = (pane?.revision ?? -1) < revision;
  const isLater = options.off.has('panesByEpoch') || (pane?.epoch ?? 0) < epoch;
  const label = `${who}: writes a pane of window ${window} from epoch ${epoch}`;
  if (!isOpen || records.length === 0 || !isNewer || !isLater) return [`${label}: refused`, set(next)];
  const goesBack = pane?.records.some((record) => !records.includes(record)) === true;
  const broken = goesBack ? { broken: `the pane goes back from ${pane?.records} to ${records}` } : {};
  return [label, set(next, { ...world, pane: { revision, epoch, records }, ...broken })];
}

/** The possible values of C: any closing of a window that a record has, or nothing yet. */
function closings(options: ModelOptions): readonly number[] {
  const own = shardsOf(options).flatMap((shard) => (options.records[shard] ?? []).flat());
  return [...new Set([0, ...own.map((window) => windowEnds[window] ?? 0)])].sort((left, right) => left - right);
}
