import pLimit from 'p-limit';
import { shardAggregator } from '../../functions/state/aggregate/shard-aggregator.ts';
import { finalize } from '../../functions/state/finalize/finalizer.ts';
import type { Key, Table } from '../../functions/state/table/table.ts';
import { sliceCache } from '../../functions/state/windows/merged-slice.ts';
import { readWindows } from '../../functions/state/windows/window-reader.ts';
import { itemStore } from './item-store.ts';
import { plainKinds } from './kinds.ts';
import { idsOfRows } from './ledger.ts';
import { memoryTable } from './memory-table.ts';
import { noFaults, type SimulationOptions } from './options.ts';
import { seededRandom } from './random.ts';
import { type SimulatedRecord, simulatedPipeline } from './workload.ts';

const shardId = 'shard-0';
const windowMs = 60_000;

const options: SimulationOptions = {
  ...plainKinds,
  seed: 0,
  shards: 1,
  records: 2,
  eventsPerRecord: 2,
  keys: 4,
  garbage: 0,
  dedupMs: 0,
  sinks: [],
  putsMs: windowMs,
  disorderMs: 0,
  delayMs: 0,
  idleMs: 1_000,
  windowMs,
  epochMs: 0,
  overlap: 0,
  overlapKind: 'sliding',
  latenessMs: 0,
  sessionGapMs: 0,
  sessionSlices: 1,
  expectedKeys: 1,
  padding: 600,
  bulk: 0,
  earlyMs: 0,
  reshard: 'none',
  batch: 1,
  finalizeEveryMs: windowMs,
  away: false,
  readers: 0,
  faults: noFaults,
};

/**
 * Plays one course of events through the production code that tens of thousands of seeds do not meet. A record that
 * outgrows its page is delivered to two containers at the same time. One of them registers the larger count after a
 * finalize run has raised the horizon and read the registry, and stops. The other one has read the horizon before that,
 * and meets the larger count in the registry.
 * @returns the violation at the end, or undefined
 */
export async function growthMet(): Promise<string | undefined> {
  const pipeline = simulatedPipeline(options);
  const state = memoryTable(itemStore());
  const windows = memoryTable(itemStore());
  const rejects = itemStore();
  const container = (own: Table) => shardAggregator({ pipeline, state: own, rejects: memoryTable(rejects), shardId });
  const first = record('1', ['k0', 'k1']);
  const second = record('2', ['k2', 'k3']);
  await container(state).apply([first], () => windowMs);

  const [firstStopped, goFirst] = gate();
  const [finalizerStopped, goFinalizer] = gate();
  const [secondStopped, goSecond] = gate();
  // The container that meets the larger count. It has read the horizon, and reads the registry after the other one has
  // registered.
  const meets = container(
    observed(state, async (call, { pk }) =>
      call === 'get' && pk.startsWith('registry#') ? firstStopped.pass() : undefined,
    ),
  );
  const met = meets.apply([second], () => windowMs);
  await firstStopped.reached;

  const finalizer = observed(state, async (call, { pk }) =>
    call === 'update' && pk.startsWith('page#') ? finalizerStopped.pass() : undefined,
  );
  let finalized: Promise<unknown> | undefined;
  let isRegistered = false;
  const registers = container(
    observed(state, async (call, { pk }, added) => {
      if (call === 'update' && added && pk.startsWith('registry#')) {
        finalized = drain(finalizer);
        await finalizerStopped.reached;
        isRegistered = true;
      } else if (isRegistered) await secondStopped.pass();
    }),
  );
  const registered = registers.apply([second], () => windowMs);
  await Promise.race([
    secondStopped.reached,
    registered.then(() => Promise.reject(new Error('the page does not grow'))),
  ]);
  goFirst();
  await met;
  goFinalizer();
  await finalized;
  goSecond();
  await registered;

  const [query] = pipeline.queries;
  if (query === undefined) throw new Error('no query');
  const range = { from: 0, to: windowMs, status: 'final', order: 'ascending', limit: 10 } as const;
  const views = await readWindows({ pipeline, state, windows }, query, range);
  const final = views.flatMap(({ rows }) => idsOfRows(rows.map(({ values }) => values as never)));
  const late = [...rejects.all()].length;
  const put = first.content.length + second.content.length;
  return final.length + late === put
    ? undefined
    : `I4: of ${put} events ${final.length} are in the final window and ${late} are late`;

  function drain(own: Table): Promise<unknown> {
    return finalize(
      {
        pipeline,
        state: own,
        windows,
        stream: {
          identity: async () => ({ name: 'simulated', createdAt: 0 }),
          listShards: async () => [{ shardId, closed: false }],
          tail: async () => 'nothing',
        },
        limit: pLimit(8),
        publish: async () => {},
        now: () => windowMs,
        runId: 'run',
        remainingMs: () => windowMs,
        cache: sliceCache(),
        retentionMs: windowMs,
      },
      'drain',
    );
  }
}

function record(sequenceNumber: string, keys: readonly string[]): SimulatedRecord {
  const random = seededRandom(Number(sequenceNumber));
  // Text that no compression makes small, so that the page has to grow.
  const padding = () => Array.from({ length: options.padding }, () => random.int(0, 35).toString(36)).join('');
  const content = keys.map((key, i) => ({ id: `${sequenceNumber}.${i}-${padding()}`, time: 10, key, garbage: false }));
  return {
    sequenceNumber,
    arrival: 20,
    partitionKey: 'p',
    content,
    events: content.map(({ id, time, key }, subRecord) => {
      const text = JSON.stringify({ id, time, key });
      return { text, subRecord, bytes: () => Buffer.from(text) };
    }),
  };
}

/** A place where a caller stops until told to go on. */
interface Gate {
  /** Resolves when a caller has come. */
  readonly reached: Promise<void>;
  pass(): Promise<void>;
}

function gate(): readonly [gate: Gate, go: () => void] {
  let go = () => {};
  let arrive = () => {};
  const opened = new Promise<void>((resolve) => {
    go = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  return [
    {
      reached,
      pass() {
        arrive();
        return opened;
      },
    },
    () => go(),
  ];
}

/** A table that asks before each read of an item and each update. */
function observed(table: Table, before: (call: 'get' | 'update', key: Key, added: boolean) => Promise<void>): Table {
  return {
    ...table,
    async get(key) {
      await before('get', key, false);
      return table.get(key);
    },
    async update(key, change, when) {
      await before('update', key, change.addToSet !== undefined);
      return table.update(key, change, when);
    },
  };
}
