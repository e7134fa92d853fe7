import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { metricNamespace } from '../core/deployment/settings.ts';
import type { Meter } from '../state/table/dynamodb-table.ts';
import type { Config } from './config.ts';

/** The answer of one invocation, and its measurements. */
export interface Measured<Answer> {
  readonly answer: Answer;
  readonly counts: Readonly<Record<string, number>>;
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Counts by name of the query, which is their dimension. @default none */
  readonly byQuery?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/**
 * The log and the metrics of a function. Metrics are one line of embedded metric format for each invocation, and one
 * for each query that something is counted of; what is counted as nothing is left out.
 */
export interface Telemetry {
  readonly logger: Logger;
  /** Runs an invocation and publishes its measurements, and the cost of its calls to the tables, if it has any. */
  measured<Answer>(meter: Meter | undefined, context: Context, run: () => Promise<Measured<Answer>>): Promise<Answer>;
}

/**
 * @param deployment tells its metrics from those of the same pipeline elsewhere
 * @param functionName a dimension of every metric, for names of deployed functions change
 */
export function createTelemetry(deployment: string, functionName: string, logLevel: Config['logLevel']): Telemetry {
  const logger = new Logger({ serviceName: deployment, logLevel });
  const metrics = new Metrics({
    namespace: metricNamespace,
    serviceName: deployment,
    defaultDimensions: { function: functionName },
  });
  const metricsOf = (query: string) =>
    new Metrics({
      namespace: metricNamespace,
      serviceName: deployment,
      defaultDimensions: { function: functionName, query },
    });
  return {
    logger,
    async measured(meter, context, run) {
      logger.addContext(context);
      const before = meter && { ...meter };
      try {
        const { answer, counts, milliseconds, byQuery = {} } = await run();
        addCounts(metrics, counts);
        for (const [name, value] of Object.entries(milliseconds))
          metrics.addMetric(name, MetricUnit.Milliseconds, value);
        for (const [query, own] of Object.entries(byQuery)) {
          const ofQuery = metricsOf(query);
          addCounts(ofQuery, own);
          publish(ofQuery);
        }
        return answer;
      } catch (error) {
        logger.error('The invocation failed and will be retried', error instanceof Error ? error : String(error));
        throw error;
      } finally {
        if (meter !== undefined && before !== undefined)
          addCounts(
            metrics,
            Object.fromEntries(
              (['writeUnits', 'readUnits', 'refusedWrites'] as const).map((name) => [name, meter[name] - before[name]]),
            ),
          );
        publish(metrics);
      }
    },
  };
}

/**
 * Adds what was counted. A count of nothing is left out: a metric is paid for in every hour in which it is
 * published, and what is missing rings no alarm (infra/monitoring/alarms.ts).
 */
function addCounts(metrics: Metrics, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) if (value !== 0) metrics.addMetric(name, MetricUnit.Count, value);
}

/** Prints what was added. Powertools warns where that is nothing. */
function publish(metrics: Metrics): void {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}
