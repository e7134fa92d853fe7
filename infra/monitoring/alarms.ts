import {
  Alarm,
  ComparisonOperator,
  type CreateAlarmOptions,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { argumentError } from '../../functions/core/arguments/error.ts';
import { type FunctionName, finalizeEverySeconds } from '../../functions/core/deployment/settings.ts';
import type { TableName } from '../../functions/core/deployment/tables.ts';
import type { PipelineFunction } from '../functions/pipeline-function.ts';
import type { Backlog } from './backlog.ts';
import type { PipelineMetrics } from './metrics.ts';

/** The limits of the alarms, and the actions that they notify. */
export interface AlarmSettings {
  /**
   * The actions for the start and the end of an alarm, such as that of an SNS topic.
   * @default nobody; the console shows it
   */
  readonly actions?: readonly IAlarmAction[];
  /** How long a record may wait in the stream before it is folded. @default 5 minutes */
  readonly iteratorAge?: Duration;
  /** How many records of a Kafka partition may wait before they are folded. @default 100,000 */
  readonly offsetLag?: number;
  /**
   * How far the watermark may be behind the clock while records come. It has to be more than the pipeline's delay.
   * @default 3 hours
   */
  readonly watermarkLag?: Duration;
  /** How long a window may wait for a sink. @default 15 minutes */
  readonly sinkBacklog?: Duration;
  /** Share of the events that may be rejected, above 0 and at most 1. @default 0.01 */
  readonly rejectedShare?: number;
  /** Share of the events wanted by a query that may be late for it, above 0 and at most 1. @default 0.01 */
  readonly lateShare?: number;
}

/** An alarm: its name, the fault that it reports, the metric that it watches, and its limit. */
export type AlarmSpec = readonly [
  name: string,
  description: string,
  metric: IMetric,
  options: Partial<CreateAlarmOptions>,
];

export interface PipelineAlarmsProps extends AlarmSettings {
  readonly metrics: PipelineMetrics;
  /** The names of the pipeline's queries. */
  readonly queries: readonly string[];
  readonly backlog: Backlog;
  readonly functions: Readonly<Record<FunctionName, PipelineFunction>>;
  /** The functions of the sinks. There are alarms for sinks only where there are sinks. */
  readonly sinkFunctions: readonly PipelineFunction[];
  readonly tables: Readonly<Record<TableName, Table | ITable>>;
  /** The alarms of the sources that the pipeline has. */
  readonly sources: readonly AlarmSpec[];
}

/**
 * One alarm for each way in which a pipeline needs a person. The remedies are in docs/OPERATIONS.md, by the alarm's
 * name.
 */
export class PipelineAlarms extends Construct {
  /**
   * The alarms by the name of the runbook's section. An alarm that each query has is followed by the query's name:
   * `LateShare byHour`.
   */
  readonly byName: ReadonlyMap<string, Alarm>;

  /** @throws TidemarkError when a share is not above 0 and at most 1. */
  constructor(scope: Construct, id: string, props: PipelineAlarmsProps) {
    super(scope, id);
    const { metrics, backlog, functions, tables } = props;
    const period = Duration.minutes(5);
    const iteratorAge = props.iteratorAge ?? Duration.minutes(5);
    const offsetLag = props.offsetLag ?? 100_000;
    const waiting = {
      IteratorAge: `Records wait longer than ${iteratorAge.toHumanString()}`,
      OffsetLag: `More than ${offsetLag} records of a partition wait`,
    } as const;
    const watermarkLag = props.watermarkLag ?? Duration.hours(3);
    const alarms: readonly AlarmSpec[] = [
      [
        backlog.alarm,
        `${waiting[backlog.alarm]} before they are folded: a batch fails again and again, or a shard gets more than one function folds`,
        backlog.metric,
        { threshold: backlog.alarm === 'IteratorAge' ? iteratorAge.toMilliseconds() : offsetLag },
      ],
      [
        'AggregateErrors',
        'Batches fail and are repeated',
        functions.aggregate.metricErrors({ period }),
        { threshold: 1, evaluationPeriods: 3 },
      ],
      [
        'FinalizeErrors',
        'Finalize runs fail',
        functions.finalize.metricErrors({ period }),
        { threshold: 1, evaluationPeriods: 3 },
      ],
      [
        'FinalizeMissed',
        `No finalize run for five minutes, though one is scheduled every ${finalizeEverySeconds} seconds`,
        functions.finalize.metricInvocations({ period }),
        {
          threshold: 1,
          comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
          treatMissingData: TreatMissingData.BREACHING,
        },
      ],
      [
        'WatermarkLag',
        `The watermark is more than ${watermarkLag.toHumanString()} behind the clock while records come: one shard is slow, or its events are old`,
        metrics.watermarkLag,
        { threshold: watermarkLag.toMilliseconds(), evaluationPeriods: 2 },
      ],
      [
        'FinalizeBehind',
        'Finalize runs leave closings for the next one',
        metrics.closingsLeft,
        { threshold: 1, evaluationPeriods: 3 },
      ],
      [
        'UnreadableShard',
        'A shard cannot be read and holds the watermark',
        metrics.unreadableShards,
        { threshold: 1, evaluationPeriods: 2 },
      ],
      [
        'Conservation',
        'Events are in no class, or in two: received = counted + late + duplicate + rejected + filtered does not hold',
        metrics.conservationMismatch,
        { threshold: 1 },
      ],
      [
        'RejectedShare',
        'Many events are rejected',
        rejectedShare(metrics),
        { threshold: share('rejectedShare', props.rejectedShare) },
      ],
      ...lateAlarms(props),
      ...(props.sinkFunctions.length === 0 ? [] : sinkAlarms(props, period)),
      [
        'Throttles',
        'DynamoDB or Lambda turns calls away',
        throttles(functions, tables, period),
        { threshold: 1, evaluationPeriods: 2 },
      ],
      ...props.sources,
    ];
    this.byName = new Map(
      alarms.map(([name, alarmDescription, metric, options]) => {
        const alarm = new Alarm(this, name, {
          metric,
          alarmDescription: `${alarmDescription}. Runbook: docs/OPERATIONS.md#${name.split(' ', 1)[0]?.toLowerCase()}`,
          threshold: 1,
          evaluationPeriods: 1,
          comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
          treatMissingData: TreatMissingData.NOT_BREACHING,
          ...options,
        });
        for (const action of props.actions ?? []) {
          alarm.addAlarmAction(action);
          alarm.addOkAction(action);
        }
        return [name, alarm];
      }),
    );
  }
}

/** The alarms of the sinks. `tidemark sinks status` tells which sink it is. */
function sinkAlarms(
  { metrics, sinkFunctions, sinkBacklog = Duration.minutes(15) }: PipelineAlarmsProps,
  period: Duration,
): readonly AlarmSpec[] {
  const errors = Object.fromEntries(sinkFunctions.map((own, i) => [`sink${i}`, own.metricErrors({ period })]));
  const expression = Object.keys(errors)
    .map((name) => `FILL(${name}, 0)`)
    .join(' + ');
  return [
    [
      'SinkBacklog',
      `A window waits longer than ${sinkBacklog.toHumanString()} for a sink: its target fails or is slow`,
      metrics.oldestWaiting,
      { threshold: sinkBacklog.toMilliseconds() },
    ],
    ['SinkDeadLetters', 'A sink has given up windows', metrics.deadLetters, { threshold: 1 }],
    [
      'DeliverErrors',
      'The function of a sink fails',
      new MathExpression({ label: 'runs of sinks that fail', expression, usingMetrics: errors, period }),
      { threshold: 1, evaluationPeriods: 3 },
    ],
  ];
}

/** The share of rejected events; 0 when there are no events. */
function rejectedShare(metrics: PipelineMetrics): MathExpression {
  return new MathExpression({
    label: 'share of rejected events',
    expression: 'IF(received > 0, some / received, 0)',
    usingMetrics: { some: metrics.events('rejected'), received: metrics.events('received') },
    period: Duration.minutes(5),
  });
}

/**
 * One alarm for each query, over the events that it wants. An event that a daily query still counts is not late as a
 * whole, though it is lost to an hourly one. A single alarm would not say which query it is, and CloudWatch takes at
 * most ten metrics in an alarm.
 */
function lateAlarms({ metrics, queries, lateShare }: PipelineAlarmsProps): readonly AlarmSpec[] {
  const threshold = share('lateShare', lateShare);
  return queries.map((query) => [
    `LateShare ${query}`,
    `Many events come too late for the windows of ${query}`,
    new MathExpression({
      label: `share of events that are late for ${query}`,
      expression: 'IF(counted + late > 0, late / (counted + late), 0)',
      usingMetrics: { counted: metrics.pairs(query, 'counted'), late: metrics.pairs(query, 'late') },
      period: Duration.minutes(5),
    }),
    { threshold },
  ]);
}

/** The number of refused calls to the three functions and to their tables. */
function throttles(
  functions: PipelineAlarmsProps['functions'],
  tables: PipelineAlarmsProps['tables'],
  period: Duration,
): MathExpression {
  const metrics = Object.fromEntries([
    ...Object.entries(functions).map(([name, own]) => [`${name}Calls`, own.metricThrottles({ period })]),
    ...Object.entries(tables).flatMap(([name, table]) => [
      [`${name}Reads`, table.metric('ReadThrottleEvents', { statistic: 'Sum', period })],
      [`${name}Writes`, table.metric('WriteThrottleEvents', { statistic: 'Sum', period })],
    ]),
  ]);
  return new MathExpression({
    label: 'calls turned away',
    expression: Object.keys(metrics)
      .map((name) => `FILL(${name}, 0)`)
      .join(' + '),
    usingMetrics: metrics,
    period,
  });
}

function share(name: string, value = 0.01): number {
  if (!(value > 0 && value <= 1))
    throw argumentError(name, value, 'is not a share of the events: give a number above 0 and at most 1');
  return value;
}
