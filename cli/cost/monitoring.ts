import type { Flow } from './flow.ts';
import { prices } from './prices.ts';
import type { CostQuestion } from './question.ts';

/** What CloudWatch is paid for. test/template/monitoring-cost.test.ts counts it in the construct and the functions. */
export interface MonitoringUse {
  /** Metrics that the functions publish themselves; one is paid for in the hours in which it is published. */
  readonly metrics: number;
  /** Metrics that alarms look at. */
  readonly alarmMetrics: number;
  readonly dashboards: number;
  /** Bytes of logs a month, with what CloudWatch adds to each line. */
  readonly logBytes: number;
}

/** Metrics that alarms of every deployment look at, of each query, and what sinks add. */
export const alarmMetricsBase = 28;
export const alarmMetricsOfQuery = 2;
export const alarmMetricsOfSinks = 2;
export const alarmMetricsOfSink = 2;

/**
 * Metrics that are published while nothing is wrong: by aggregate, by finalize, by query, of each query, by the
 * functions of sinks together.
 */
export const publishedMetrics = { aggregate: 6, finalize: 6, query: 1, eachQuery: 1, sinks: 4 } as const;
/** Of finalize, while nothing comes. */
export const idleMetrics = 3;

/** Bytes of a log line besides its text, and of the lines of an invocation. */
const lineBytes = 26;
export const logBytes = { aggregate: 540, aggregateQuery: 305, finalize: 540, query: 400, deliver: 500 } as const;
/** Lambda's own lines about an invocation; of aggregate only about those that fail. */
export const platformBytes = 620;

/** What CloudWatch is asked for by a deployment. */
export function monitoringOf(question: CostQuestion, flow: Flow, monthSeconds: number): MonitoringUse {
  const { queries, sinks, monitoring, requestsPerMonth } = question;
  const isFlowing = flow.batches > 0;
  const hasSinks = sinks.length > 0;
  const flowing = publishedMetrics.aggregate + publishedMetrics.finalize + queries * publishedMetrics.eachQuery;
  const alarms =
    alarmMetricsBase +
    queries * alarmMetricsOfQuery +
    (hasSinks ? alarmMetricsOfSinks + sinks.length * alarmMetricsOfSink : 0);
  const { batches, scheduledRuns, kicks, windows } = flow;
  const lines =
    batches * (logBytes.aggregate + lineBytes + queries * (logBytes.aggregateQuery + lineBytes)) +
    (scheduledRuns + kicks) * (logBytes.finalize + lineBytes + platformBytes) +
    sinks.length * (scheduledRuns + windows * queries) * (logBytes.deliver + lineBytes + platformBytes);
  const accessLog = monitoring === 'all' ? 500 : 0;
  return {
    metrics:
      (isFlowing ? flowing : idleMetrics) +
      (requestsPerMonth > 0 ? publishedMetrics.query : 0) +
      (hasSinks ? publishedMetrics.sinks : 0),
    alarmMetrics: monitoring === 'all' ? alarms : 0,
    dashboards: monitoring === 'all' ? 1 : 0,
    logBytes: lines * monthSeconds + requestsPerMonth * (logBytes.query + lineBytes + platformBytes + accessLog),
  };
}

/** Dollars a month, by what is paid for. */
export function monitoringBill({ metrics, alarmMetrics, dashboards, logBytes: bytes }: MonitoringUse) {
  const { cloudwatch } = prices;
  return {
    metrics: metrics * cloudwatch.metricMonth,
    alarms: alarmMetrics * cloudwatch.alarmMetricMonth,
    dashboard: dashboards * cloudwatch.dashboardMonth,
    logs: (bytes / 2 ** 30) * cloudwatch.logsGb,
  };
}
