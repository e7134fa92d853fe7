import type { RevisionJson } from '../../functions/api/revision-json.ts';
import type { SideJson } from '../../functions/api/side-json.ts';
import type { SpanJson } from '../../functions/api/time-json.ts';
import type { WindowHeadJson, WindowJson } from '../../functions/api/window-json.ts';
import type { Counters, QueryCounters } from '../../functions/core/events/counters.ts';
import type { TotalRow } from '../../functions/core/fold/totals.ts';
import type { OutputMode } from '../../functions/core/results/output-mode.ts';
import type { Row } from '../../functions/core/results/row.ts';
import type { ResultRow } from '../print/result-table.ts';
import { TidemarkError } from '../program/errors.ts';

/** The watermark as the API shows it. Times are epoch ms. */
export interface WatermarkJson {
  readonly watermark: number | null;
  readonly closedThrough: number | null;
  readonly finalizedThrough: number | null;
  readonly lagMs: number | null;
  readonly heldBy: string | null;
  /** When the shards were as they are told here; null, and absent from an API of an earlier version: now. */
  readonly asOf?: number | null;
  /** Why nothing is counted: the queries that do not fit their kept state. Absent from an API of an earlier version. */
  readonly refusals?: readonly string[];
  readonly shards: readonly {
    readonly shardId: string;
    readonly state: string;
    readonly sequenceNumber: string | null;
    readonly maxEventTime: number | null;
    readonly watermark: number | null;
    readonly lagMs: number | null;
  }[];
}

/** The conservation counters as the API shows them. */
export interface ConservationJson extends Counters {
  readonly holds: boolean;
  /** When the numbers were as they are told here; null, and absent from an API of an earlier version: now. */
  readonly asOf?: number | null;
  /** Pairs of a record and a query, by name of the query. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
}

/** The answer of a deployment about itself. */
export interface HealthJson {
  /** The name of its pipeline. */
  readonly pipeline: string;
  /** Whether producers have to give events the pipeline's partition key. */
  readonly keyed: boolean;
}

/** A choice of windows. */
export interface WindowFilter {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly key?: string | undefined;
  readonly status?: string | undefined;
}

/** A query as the API shows it. */
export interface QueryJson {
  readonly name: string;
  readonly serves: string | null;
  /** The IANA time zone on whose clocks its windows lie. Absent from an API of an earlier version. */
  readonly timeZone?: string;
  readonly groupBy: readonly string[];
  /** Whether it is grouped by rollup or cube. */
  readonly hasTotals: boolean;
  readonly aggregates: Readonly<Record<string, string>>;
}

/** The greatest rows of a window as the API shows them; null for a window that does not exist. */
export interface TopJson {
  readonly window: WindowHeadJson | null;
  readonly by: string;
  readonly rows: readonly Row[];
}

/** A window of one key as the API shows it. */
export interface PointJson extends SpanJson {
  readonly records: number;
  readonly status: string | null;
  readonly values: Row['values'];
}

/** The windows that have changed since a reader last saw them. */
export interface WindowChanges {
  readonly windows: readonly WindowJson[];
  readonly cursor: string;
}

/** The query API of one pipeline over HTTP. */
export interface ApiClient {
  queries(): Promise<readonly QueryJson[]>;
  /** Windows of a query, a page after the other. */
  windowPages(query: string, filter: WindowFilter): AsyncGenerator<readonly WindowJson[]>;
  /** All windows of a query, however many pages they take. */
  windows(query: string, filter: WindowFilter): Promise<readonly WindowJson[]>;
  /** The windows behind a cursor in an output mode, and the cursor to go on with. */
  changes(
    query: string,
    mode: Exclude<OutputMode, 'complete'>,
    filter: WindowFilter,
    cursor: string | undefined,
  ): Promise<WindowChanges>;
  /** The panes of the windows that start at a moment, as far as they are kept. */
  revisions(query: string, start: string, filter: Pick<WindowFilter, 'key'>): Promise<readonly RevisionJson[]>;
  /**
   * @throws TidemarkError when the API had no time to read all windows: totals without them would pass for whole ones
   */
  totals(query: string, filter: WindowFilter & { readonly by?: string | undefined }): Promise<readonly TotalRow[]>;
  top(
    query: string,
    choice: { readonly window?: string | undefined; readonly by?: string | undefined; readonly n?: number | undefined },
  ): Promise<TopJson>;
  /** All points of a key, however many pages they take. */
  series(query: string, filter: WindowFilter & { readonly fill?: string | undefined }): Promise<readonly PointJson[]>;
  /** All rejected and late events that arrived in a range, however many pages they take; long payloads are cut. */
  late(range: { readonly from: number; readonly to: number }): Promise<readonly SideJson[]>;
  /** The first page of rejected and late events. */
  sideSample(range: { readonly from: number; readonly to: number }): Promise<readonly SideJson[]>;
  health(): Promise<HealthJson>;
  watermark(): Promise<WatermarkJson>;
  conservation(): Promise<ConservationJson>;
}

/** The greatest number of windows that the API gives at once. */
const windowsPerPage = 1000;
const lateEvents = 10_000;

/**
 * @param base where the API is, without `/v1`
 * @param request makes the requests; a deployed API wants signed ones
 */
export function apiClient(base: string, request: (url: URL) => Promise<Response> = fetch): ApiClient {
  const get = async <T extends object>(
    path: string,
    holds: keyof T & string,
    parameters: Readonly<Record<string, string | number | undefined>> = {},
  ): Promise<T> => {
    const url = new URL(`${base.replace(/\/$/, '')}/v1/${path}`);
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const response = await request(url);
    if (response.ok) return await answerOf<T>(response, holds);
    throw new TidemarkError(await problemOf(response));
  };
  async function* windowPages(query: string, filter: WindowFilter) {
    let cursor: string | undefined;
    do {
      const page = await get<{ windows: WindowJson[]; cursor: string | null }>(
        `queries/${versioned(query)}/windows`,
        'windows',
        {
          ...filter,
          limit: windowsPerPage,
          cursor,
        },
      );
      yield page.windows;
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  }
  return {
    queries: async () => (await get<{ queries: QueryJson[] }>('queries', 'queries')).queries,
    windowPages,
    async windows(query, filter) {
      const all: WindowJson[] = [];
      for await (const page of windowPages(query, filter)) all.push(...page);
      return all;
    },
    async changes(query, mode, { status: _status, ...filter }, after) {
      const all = new Map<string, WindowJson>();
      for (let cursor = after; ; ) {
        const page: WindowChanges = await get(`queries/${versioned(query)}/windows`, 'windows', {
          ...filter,
          mode,
          limit: windowsPerPage,
          cursor,
        });
        // Where there are very many open windows, some come again though nothing in them has changed.
        const unseen = page.windows.filter(({ start, end, status, records }) => {
          const had = all.get(`${start}/${end}`);
          return had === undefined || had.status !== status || had.records !== records;
        });
        for (const window of unseen) all.set(`${window.start}/${window.end}`, window);
        ({ cursor } = page);
        if (unseen.length === 0) return { windows: [...all.values()], cursor };
      }
    },
    revisions: async (query, start, filter) =>
      (
        await get<{ revisions: RevisionJson[] }>(
          `queries/${versioned(query)}/windows/${encodeURIComponent(start)}/revisions`,
          'revisions',
          {
            ...filter,
          },
        )
      ).revisions,
    top: (query, choice) => get(`queries/${versioned(query)}/top`, 'rows', { ...choice }),
    async series(query, filter) {
      const all: PointJson[] = [];
      let cursor: string | undefined;
      do {
        const page = await get<{ points: PointJson[]; cursor: string | null }>(
          `queries/${versioned(query)}/series`,
          'points',
          { ...filter, cursor },
        );
        all.push(...page.points);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      return all;
    },
    totals: async (query, filter) => {
      const { totals, missing = null } = await get<{
        totals: TotalRow[];
        missing?: { readonly what: string; readonly fromTime: string } | null;
      }>(`queries/${versioned(query)}/totals`, 'totals', { ...filter });
      if (missing !== null)
        throw new TidemarkError(
          `${query}: the API had no time to read the ${missing.what} from ${missing.fromTime} on: ask in pieces, with --from and --to`,
        );
      return totals;
    },
    async late(range) {
      const all: SideJson[] = [];
      let cursor: string | undefined;
      do {
        const page = await get<{ events: SideJson[]; cursor: string | null }>('late', 'events', {
          ...range,
          limit: lateEvents,
          cursor,
        });
        all.push(...page.events);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      return all;
    },
    sideSample: async (range) =>
      (await get<{ events: SideJson[] }>('late', 'events', { ...range, limit: lateEvents })).events,
    health: () => get('health', 'pipeline'),
    watermark: () => get('watermark', 'shards'),
    conservation: () => get('conservation', 'holds'),
  };
}

/**
 * A query with its defined version, the first unless it names one. For the API, `actionsPerHour` alone may mean another
 * version.
 */
function versioned(query: string): string {
  return query.includes('@') ? query : `${query}@1`;
}

/**
 * Reads an answer of the API.
 * @param holds a property that Tidemark's answer has and another program's lacks
 */
async function answerOf<T extends object>(response: Response, holds: keyof T & string): Promise<T> {
  const answer: unknown = await response.json().catch(() => undefined);
  if (typeof answer === 'object' && answer !== null && Object.hasOwn(answer, holds)) return answer as T;
  throw new TidemarkError(
    `${new URL(response.url).origin} answers, but with no ${holds}: is this the address of a Tidemark API?`,
  );
}

async function problemOf(response: Response): Promise<string> {
  const nothing = `the API answers ${response.status}: is this the address of a Tidemark API?`;
  const problem: unknown = await response.json().catch(() => undefined);
  if (typeof problem !== 'object' || problem === null) return nothing;
  // API Gateway itself says `message`.
  const { title, detail, message }: { readonly [name: string]: unknown } = { ...problem };
  const said = [title, detail ?? message].filter((text) => typeof text === 'string');
  return said.length === 0 ? nothing : `the API answers ${response.status} ${said.join(': ')}`;
}

/** The rows of windows, as `batch` and `stream` print them. */
export function resultRows(windows: readonly WindowJson[]): readonly ResultRow[] {
  return windows.flatMap(({ query, start, end, status, revision, rows }) =>
    rows.map((row) => ({ ...row, query, start, end, status, revision })),
  );
}
