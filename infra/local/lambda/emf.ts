/** Sums of metric values by metric name. */
export type MetricSums = Record<string, number>;

/**
 * Adds the metrics in one line of a function's output to the sums. The line is in CloudWatch's embedded metric format
 * (JSON with `_aws.CloudWatchMetrics`, as Powertools prints it). Any other line is ignored.
 */
export function addEmbeddedMetrics(line: string, sums: MetricSums): void {
  if (!line.includes('"CloudWatchMetrics"')) return;
  const document = parseObject(line);
  for (const name of document === undefined ? [] : metricNames(document)) {
    const values = [document?.[name]].flat();
    for (const value of values) if (typeof value === 'number') sums[name] = (sums[name] ?? 0) + value;
  }
}

function metricNames(document: Record<string, unknown>): readonly string[] {
  const names: string[] = [];
  for (const directive of listOf(fieldOf(document._aws, 'CloudWatchMetrics'))) {
    for (const metric of listOf(fieldOf(directive, 'Metrics'))) {
      const name = fieldOf(metric, 'Name');
      if (typeof name === 'string') names.push(name);
    }
  }
  return names;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
