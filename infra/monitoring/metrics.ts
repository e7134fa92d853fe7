import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import { type FunctionName, metricNamespace } from '../../functions/core/deployment/settings.ts';

/** The time over which alarms and the dashboard add up. */
export const alarmPeriod = Duration.minutes(5);

/**
 * The metrics of the alarms and the dashboard, by the names that the functions publish. They are sums and maxima over
 * five minutes.
 */
export interface PipelineMetrics {
  /** The number of events that the aggregate function met, of one class of the law of conservation, or all. */
  events(of: 'received' | 'counted' | 'late' | 'duplicate' | 'rejected' | 'filtered'): Metric;
  /**
   * The number of (record, query) pairs of a query that the aggregate function counted, found late, or did not want.
   */
  pairs(query: string, of: 'counted' | 'late' | 'filtered'): Metric;
  /** The lag (ms) of the global watermark behind the clock while some shard has records to come. */
  readonly watermarkLag: Metric;
  /** The number of windows that became final. */
  readonly windowsFinalized: Metric;
  /** The number of windows that hold something and are not final. */
  readonly windowsOpen: Metric;
  /** The number of closings that a run had no time for. */
  readonly closingsLeft: Metric;
  /** How long ago (ms) the first epoch was elected whose panes are not all out; 0: all are out. */
  readonly unsettledAge: Metric;
  /** The age (ms) of the oldest entry of a log that no epoch has gathered. */
  readonly ungatheredAge: Metric;
  /** The number of shards of which a run could not tell how far they are. */
  readonly unreadableShards: Metric;
  /** The number of events by which the law of conservation does not hold. */
  readonly conservationMismatch: Metric;
  /** The waiting time (ms) of the first window that waits for a sink, of the sink where it is longest. */
  readonly oldestWaiting: Metric;
  /** The number of dead letters, of the sink that has most. */
  readonly deadLetters: Metric;
  /** Write units that a function spent on its tables. */
  writeUnits(by: FunctionName): Metric;
}

/** @param deployment the dimension that separates one deployment's metrics from another's */
export function pipelineMetrics(deployment: string): PipelineMetrics {
  const metric = (by: FunctionName | 'deliver', metricName: string, statistic: string, options: MetricOptions = {}) =>
    new Metric({
      namespace: metricNamespace,
      metricName,
      dimensionsMap: { service: deployment, function: by },
      statistic,
      period: alarmPeriod,
      ...options,
    });
  const pairNames = { counted: 'pairsCounted', late: 'pairsLate', filtered: 'pairsFiltered' } as const;
  return {
    pairs: (query, of) =>
      metric('aggregate', pairNames[of], Stats.SUM, {
        dimensionsMap: { service: deployment, function: 'aggregate', query },
        label: `${query}: ${of}`,
      }),
    events: (of) => metric('aggregate', of, Stats.SUM),
    watermarkLag: metric('finalize', 'watermarkLag', Stats.MAXIMUM),
    windowsFinalized: metric('finalize', 'windowsFinalized', Stats.SUM),
    windowsOpen: metric('finalize', 'windowsOpen', Stats.MAXIMUM),
    closingsLeft: metric('finalize', 'closingsLeft', Stats.MAXIMUM),
    unsettledAge: metric('finalize', 'unsettledAge', Stats.MAXIMUM),
    ungatheredAge: metric('aggregate', 'ungatheredAge', Stats.MAXIMUM),
    unreadableShards: metric('finalize', 'unreadableShards', Stats.MAXIMUM),
    conservationMismatch: metric('finalize', 'conservationMismatch', Stats.MAXIMUM),
    oldestWaiting: metric('deliver', 'oldestWaiting', Stats.MAXIMUM),
    deadLetters: metric('deliver', 'deadLetters', Stats.MAXIMUM),
    writeUnits: (by) => metric(by, 'writeUnits', Stats.SUM),
  };
}
