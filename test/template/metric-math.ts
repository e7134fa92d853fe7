/** The metrics that CloudWatch has of one period, by the metric's name; one that is left out has no data. */
export type Samples = Readonly<Record<string, number>>;

/** A metric of an alarm, as it is in a template. */
export interface AlarmMetric {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: { readonly MetricName: string } };
}

/** An alarm's properties in a template. */
export interface AlarmProperties {
  readonly MetricName?: string;
  readonly Metrics?: readonly AlarmMetric[];
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
}

/**
 * Whether one period breaches an alarm. Expressions are those of CloudWatch that the alarms use: numbers, ids, + - * /,
 * comparisons, IF and FILL
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html). An operation on a metric
 * without data has no data.
 */
export function isBreached(alarm: AlarmProperties, samples: Samples): boolean {
  const value = alarm.Metrics === undefined ? samples[alarm.MetricName ?? ''] : ofMetrics(alarm.Metrics, samples);
  if (value === undefined) return alarm.TreatMissingData === 'breaching';
  switch (alarm.ComparisonOperator) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= alarm.Threshold;
    case 'LessThanThreshold':
      return value < alarm.Threshold;
    default:
      throw new Error(`${alarm.ComparisonOperator}: not an operator that the alarms use`);
  }
}

type Value = number | undefined;

function ofMetrics(metrics: readonly AlarmMetric[], samples: Samples): Value {
  const named = Object.fromEntries(
    metrics.flatMap(({ Id, MetricStat }) =>
      MetricStat === undefined ? [] : [[Id, samples[MetricStat.Metric.MetricName]]],
    ),
  );
  const expression = metrics.find(({ Expression }) => Expression !== undefined)?.Expression ?? '';
  const tokens = expression.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?|>=|<=|[-+*/(),<>]/g) ?? [];
  let at = 0;
  const take = (expected?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (expected !== undefined && token !== expected))
      throw new Error(`${expression}: ${token} where ${expected ?? 'a value'} is expected`);
    return token;
  };
  const left = (operators: Readonly<Record<string, (a: number, b: number) => number>>, operand: () => Value) => () => {
    let value = operand();
    for (let apply = operators[tokens[at] ?? '']; apply !== undefined; apply = operators[tokens[at] ?? '']) {
      at++;
      const right = operand();
      value = value === undefined || right === undefined ? undefined : apply(value, right);
    }
    return value;
  };
  const primary = (): Value => {
    const token = take();
    if (token === '(') {
      const value = comparison();
      take(')');
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (tokens[at] !== '(') {
      if (!(token in named)) throw new Error(`${expression}: ${token} is not a metric of the alarm`);
      return named[token];
    }
    take('(');
    const given = [comparison()];
    while (tokens[at] === ',') {
      at++;
      given.push(comparison());
    }
    take(')');
    if (token === 'FILL') return given[0] ?? given[1];
    if (token === 'IF') return given[0] === undefined ? undefined : given[0] === 0 ? given[2] : given[1];
    throw new Error(`${expression}: ${token} is not a function that the alarms use`);
  };
  const product = left({ '*': (a, b) => a * b, '/': (a, b) => a / b }, primary);
  const sum = left({ '+': (a, b) => a + b, '-': (a, b) => a - b }, product);
  const comparison: () => Value = left(
    { '>=': (a, b) => Number(a >= b), '>': (a, b) => Number(a > b), '<': (a, b) => Number(a < b) },
    sum,
  );
  return comparison();
}
