import type { MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { metricNamespace } from '../core/deployment/settings.ts';

/** What became of the events of one minute, as the functions have measured it. */
export interface HistoryPoint {
  /** The beginning of the minute, epoch ms. */
  readonly at: number;
  /** Events that were received; null: nothing was measured. */
  readonly received: number | null;
  /** The greatest lag of the watermark behind the clock, ms; null: nothing was measured. */
  readonly lagMs: number | null;
  /** The (event, query) pairs, by name of the query; those of which nothing was measured are left out. */
  readonly queries: Readonly<Record<string, { readonly counted: number; readonly late: number }>>;
}

/** What the functions have measured over the last hour. */
export interface MetricHistory {
  /** `[from, to)`, whole minutes, epoch ms. */
  readonly from: number;
  readonly to: number;
  /** By minute, ascending; minutes of which nothing was measured are left out. */
  readonly points: readonly HistoryPoint[];
}

/** Reads what was measured over the last hour. @throws when CloudWatch does not answer, or refuses */
export type ReadHistory = () => Promise<MetricHistory>;

/** The metrics of a deployment. */
export interface MeasuredDeployment {
  /** The value of the dimension `service`. */
  readonly deployment: string;
  /** The names of the pipeline's queries; of more than {@link mostQueries} the first. */
  readonly queries: readonly string[];
  /** Epoch ms. */
  readonly now: () => number;
  /** Where CloudWatch is. @default as the SDK finds it */
  readonly endpoint?: string;
}

const minuteMs = 60_000;
const minutes = 60;

/** Two metrics a query, and two more: GetMetricData takes at most 500 at a time. Each metric costs a thousandth cent. */
const mostQueries = 100;

/** How long an answer is given again, in ms: CloudWatch has a point a minute, and is paid by the metric. */
const keptMs = 60_000;

/** How long (ms) a request may take: the function answers within 29 s, and the page does without it. */
const timeoutMs = 5_000;

/**
 * Reads the last hour from CloudWatch: one GetMetricData a minute at most, however many ask. What was found, a failure
 * too, is given again for a minute.
 */
export function cloudWatchHistory(options: MeasuredDeployment): ReadHistory {
  const { now } = options;
  let kept: { readonly until: number; readonly history: Promise<MetricHistory> } | undefined;
  const client = lazyClient(options.endpoint);
  return () => {
    if (kept === undefined || kept.until <= now()) {
      kept = { until: now() + keptMs, history: client().then((send) => readHour(send, options)) };
      // Whoever awaits it hears of a failure.
      kept.history.catch(() => undefined);
    }
    return kept.history;
  };
}

interface Series {
  readonly id: string;
  readonly at: readonly Date[];
  readonly values: readonly number[];
}

type Send = (input: {
  readonly from: number;
  readonly to: number;
  readonly metrics: MetricDataQuery[];
}) => Promise<readonly Series[]>;

/** The SDK's client is loaded by the first request, for most invocations of the function do without it. */
function lazyClient(endpoint: string | undefined): () => Promise<Send> {
  let made: Promise<Send> | undefined;
  return () => {
    made ??= openClient(endpoint);
    return made;
  };
}

async function openClient(endpoint: string | undefined): Promise<Send> {
  const [{ CloudWatchClient, paginateGetMetricData }, { NodeHttpHandler }] = await Promise.all([
    import('@aws-sdk/client-cloudwatch'),
    import('@smithy/node-http-handler'),
  ]);
  const client = new CloudWatchClient({
    maxAttempts: 2,
    requestHandler: new NodeHttpHandler({ requestTimeout: timeoutMs, connectionTimeout: timeoutMs }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return async ({ from, to, metrics }) => {
    const series: Series[] = [];
    const input = { StartTime: new Date(from), EndTime: new Date(to), MetricDataQueries: metrics };
    for await (const { MetricDataResults = [] } of paginateGetMetricData({ client }, input))
      for (const { Id = '', Timestamps = [], Values = [] } of MetricDataResults)
        series.push({ id: Id, at: Timestamps, values: Values });
    return series;
  };
}

async function readHour(send: Send, { deployment, queries: all, now }: MeasuredDeployment): Promise<MetricHistory> {
  const to = (Math.floor(now() / minuteMs) + 1) * minuteMs;
  const from = to - minutes * minuteMs;
  const queries = all.slice(0, mostQueries);
  const metric = (Id: string, by: string, MetricName: string, Stat: string, query?: string): MetricDataQuery => ({
    Id,
    MetricStat: {
      Metric: {
        Namespace: metricNamespace,
        MetricName,
        Dimensions: [
          { Name: 'service', Value: deployment },
          { Name: 'function', Value: by },
          ...(query === undefined ? [] : [{ Name: 'query', Value: query }]),
        ],
      },
      Period: minuteMs / 1000,
      Stat,
    },
  });
  const series = await send({
    from,
    to,
    metrics: [
      metric('received', 'aggregate', 'received', 'Sum'),
      metric('lag', 'finalize', 'watermarkLag', 'Maximum'),
      ...queries.flatMap((query, i) => [
        metric(`counted${i}`, 'aggregate', 'pairsCounted', 'Sum', query),
        metric(`late${i}`, 'aggregate', 'pairsLate', 'Sum', query),
      ]),
    ],
  });
  return { from, to, points: pointsOf(series, queries) };
}

function pointsOf(series: readonly Series[], queries: readonly string[]): readonly HistoryPoint[] {
  const byTime = new Map<number, Map<string, number>>();
  for (const { id, at, values } of series)
    for (const [i, time] of at.entries()) {
      const known = byTime.get(time.getTime()) ?? new Map<string, number>();
      byTime.set(time.getTime(), known.set(id, values[i] ?? 0));
    }
  return [...byTime]
    .sort(([one], [other]) => one - other)
    .map(([at, known]) => ({
      at,
      received: known.get('received') ?? null,
      lagMs: known.get('lag') ?? null,
      queries: Object.fromEntries(
        queries.flatMap((query, i) => {
          const [counted, late] = [known.get(`counted${i}`), known.get(`late${i}`)];
          return counted === undefined && late === undefined
            ? []
            : [[query, { counted: counted ?? 0, late: late ?? 0 }] as const];
        }),
      ),
    }));
}
