import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SideJson } from '../../functions/api/side-json.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { order, type Stored, type System, startSystem } from '../fixtures/system/system.ts';
import { good, latePayloads, type Outcome, type Payload, payloads, t0 } from './payloads.ts';

let system: System;
const startedAt = Date.now();

beforeAll(async () => {
  const pipelineFile = `${findPackageRoot()}/test/corpus/pipeline.ts`;
  // One shard: everything that follows a bad record shows that the shard goes on.
  system = await startSystem({ pipelineFile, pipelineName: 'bad-input', shards: 1 });
});
afterAll(async () => {
  await system.close();
});

type Counters = Readonly<Record<'received' | 'counted' | 'late' | 'duplicate' | 'rejected' | 'filtered', number>>;

interface WindowAnswer {
  readonly start: number;
  readonly status: string;
  readonly records: number;
  readonly rows: readonly {
    readonly key: { readonly kind: unknown };
    readonly values: Readonly<Record<string, unknown>>;
  }[];
}

/** The counters, whose law of conservation holds after any input. */
async function conserved(): Promise<Counters> {
  const { holds, received, counted, late, duplicate, rejected, filtered } = (await system.get('conservation'))
    .body as unknown as Counters & {
    readonly holds: boolean;
  };
  expect(holds).toBe(true);
  return { received, counted, late, duplicate, rejected, filtered };
}

const windowsNow = async () =>
  (await system.get('queries/byKind/windows', { limit: '1000' })).body['windows'] as unknown as readonly WindowAnswer[];

/** The sum of some outcomes. */
function countersOf(outcomes: readonly Outcome[]): Counters {
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const counted = sum(({ rows = [] }) => rows.reduce((total, { n }) => total + n, 0));
  const late = sum(({ side = [] }) => side.filter(([, reason]) => reason === 'late').length);
  const rejected = sum(({ side = [] }) => side.length) - late;
  const filtered = sum((outcome) => outcome.filtered ?? 0);
  return { received: counted + late + rejected + filtered, counted, late, duplicate: 0, rejected, filtered };
}

function added(left: Counters, right: Counters): Counters {
  return Object.fromEntries(
    Object.entries(left).map(([name, count]) => [name, count + right[name as keyof Counters]]),
  ) as Counters;
}

interface Played {
  readonly before: Counters;
  readonly after: Counters;
  readonly stored: readonly Stored[];
  readonly side: readonly SideJson[];
  readonly windows: readonly WindowAnswer[];
}

/** Puts each payload with a good event behind it, all at once, and checks the results. */
async function play(these: readonly Payload[], behind: string): Promise<Played> {
  const before = await conserved();
  const stored = await system.put(these.flatMap(({ data }) => [{ data }, { data: behind }]));
  const [after, side, windows] = await Promise.all([
    conserved(),
    system.api.late({ from: startedAt - 1000, to: Date.now() + 1000 }),
    windowsNow(),
  ]);
  return { before, after, stored, side, windows };
}

function expectOutcome({ stored, side, windows }: Played, at: number, { data, outcome }: Payload): void {
  const { sequenceNumber } = stored[2 * at] ?? {};
  const own = side.filter((event) => event.sequenceNumber === sequenceNumber);
  expect(own.map(({ subRecord, reason }) => [subRecord, reason])).toEqual(outcome.side ?? []);
  for (const { detail } of own) expect(detail).toMatch(/^[^\n]+$/);
  const [only] = own;
  if (own.length === 1 && only !== undefined && outcome.rows === undefined) {
    expect(only.payloadBytes).toBe(Buffer.from(data).length);
    expect(Buffer.from(data).toString().startsWith(only.payload)).toBe(true);
  }
  for (const { kind, n, values = {}, window = t0 } of outcome.rows ?? []) {
    const start = typeof window === 'string' ? Date.parse(window) : window;
    const found = windows.flatMap((each) =>
      each.rows.filter(({ key }) => key.kind === kind).map((row) => ({ start: each.start, values: row.values })),
    );
    expect(found).toMatchObject([{ start, values: { ...values, n } }]);
  }
}

describe('a hostile record', () => {
  let played: Played;
  beforeAll(async () => {
    played = await play(payloads, good);
  });

  it.each(payloads.map((payload, at) => [payload.name, at, payload] as const))(
    'has its one outcome: %s',
    (_name, at, payload) => {
      expectOutcome(played, at, payload);
    },
  );

  it('does not stop the shard: what comes behind it is counted, and every event is in one class', () => {
    const behind: Outcome = { rows: [{ kind: 'good', n: payloads.length }] };
    const expected = countersOf([...payloads.map(({ outcome }) => outcome), behind]);
    expect(played.after).toEqual(added(played.before, expected));
    expect(played.side).toHaveLength(expected.rejected);
    const goods = played.windows.flatMap(({ rows }) =>
      rows.filter(({ key }) => key.kind === 'good').map(({ values }) => values),
    );
    expect(goods).toMatchObject([{ n: payloads.length, sum: payloads.length }]);
    // The only rows are those of the payloads and of the good event: nothing was counted under another name.
    expect(played.windows.flatMap(({ rows }) => rows)).toHaveLength(
      1 + payloads.reduce((total, { outcome }) => total + (outcome.rows?.length ?? 0), 0),
    );
  });

  it('is in its window for good once that is final, under the same key and with the same numbers', async () => {
    await system.put([{ data: order(t0 + 2 * 3_600_000, 'last') }]);
    await system.finalize({});
    const final = (await windowsNow()).filter(({ status }) => status === 'final');
    expect(final.map(({ start }) => start)).toEqual(played.windows.map(({ start }) => start));
    expect(final.map(({ rows, records }) => ({ rows, records }))).toEqual(
      played.windows.map(({ rows, records }) => ({ rows, records })),
    );
  });
});

describe('a hostile record of a window that is final', () => {
  const behind = order(t0 + 3_600_000, 'behind');
  let final: readonly WindowAnswer[];
  let played: Played;
  beforeAll(async () => {
    final = (await windowsNow()).filter(({ status }) => status === 'final');
    expect(final.length).toBeGreaterThan(1);
    played = await play(latePayloads, behind);
  });

  it.each(latePayloads.map((payload, at) => [payload.name, at, payload] as const))(
    'has its one outcome: %s',
    (_name, at, payload) => {
      expectOutcome(played, at, payload);
    },
  );

  it('does not change it, and every event is in one class', async () => {
    const expected = countersOf([
      ...latePayloads.map(({ outcome }) => outcome),
      { rows: [{ kind: 'behind', n: latePayloads.length }] },
    ]);
    expect(played.after).toEqual(added(played.before, expected));
    expect((await windowsNow()).filter(({ status }) => status === 'final')).toEqual(final);
  });
});

describe('a side output larger than an answer', () => {
  it('is given in pages that join to the whole', async () => {
    const data = `{"time":${t0},"kind":${'"\\"'.repeat(10_000)}`;
    const stored = await system.put(Array.from({ length: 150 }, () => ({ data })));
    const whole: SideJson[] = [];
    let pages = 0;
    for (let cursor: unknown = undefined; cursor !== null && pages < 100; pages++) {
      const { status, body } = await system.get('late', {
        limit: '10000',
        ...(cursor === undefined ? {} : { cursor: String(cursor) }),
      });
      expect(status).toBe(200);
      whole.push(...(body['events'] as readonly SideJson[]));
      cursor = body['cursor'];
    }
    expect(pages).toBeGreaterThan(1);
    const own = whole
      .filter(({ payloadBytes }) => payloadBytes === data.length)
      .map(({ sequenceNumber }) => sequenceNumber);
    expect(own).toEqual(stored.map(({ sequenceNumber }) => sequenceNumber));
    const { rejected, late } = await conserved();
    expect(new Set(whole.map(({ sequenceNumber, subRecord }) => `${sequenceNumber}#${subRecord}`)).size).toBe(
      rejected + late,
    );
  });
});

describe('the functions', () => {
  it('have lived through it all: no event ended its process', async () => {
    const logs = (await (await fetch(`${system.local.url}/_tidemark/logs`)).json()) as Readonly<
      Record<string, unknown>
    >;
    expect(JSON.stringify(logs[system.local.functionNames.aggregate])).not.toContain('Uncaught');
  });
});
