import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import {
  Alarm,
  ComparisonOperator,
  type CreateAlarmOptions,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { argumentError } from '../../functions/core/arguments/error.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type FunctionName, mostUngatheredDays } from '../../functions/core/deployment/settings.ts';
import type { TableName } from '../../functions/core/deployment/tables.ts';
import type { PipelineFunction } from '../functions/pipeline-function.ts';
import type { Backlog } from './backlog.ts';
import { alarmPeriod, type PipelineMetrics } from './metrics.ts';

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
   * @default the pipeline's delay and idle time, and a slice of its finest windows: at least 15 minutes, at most 3 hours
   */
  readonly watermarkLag?: Duration;
  /** How long a window may wait for a sink. @default 15 minutes */
  readonly sinkBacklog?: Duration;
  /** Share of the events that may be rejected, above 0 and at most 1. @default 0.01 */
  readonly rejectedShare?: number;
  /** Share of the events wanted by a query that may be late for it, above 0 and at most 1. @default 0.01 */
  readonly lateShare?: number;
  /** Fewer rejected or late events than this in five minutes are no alarm, whatever their share. @default 10 */
  readonly leastEvents?: number;
  /** How long an epoch may take from its election until all its windows are out. @default 15 minutes */
  readonly settling?: Duration;
  /** How long most requests of the API may take. @default 5 seconds */
  readonly apiLatency?: Duration;
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
  readonly pipeline: Pick<Pipeline, 'delayMs' | 'idleMs' | 'queries'>;
  readonly backlog: Backlog;
  /** Records that the stream has refused to its producers; undefined: it does not say so. */
  readonly refusedPuts: IMetric | undefined;
  /** How often finalize is invoked. */
  readonly schedule: Duration;
  readonly api: RestApi;
  readonly functions: Readonly<Record<FunctionName, PipelineFunction>>;
  /** The functions of the sinks. There are alarms for sinks only where there are sinks. */
  readonly sinkFunctions: readonly PipelineFunction[];
  /** The functions of the sources. */
  readonly sourceFunctions: readonly PipelineFunction[];
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
    const { metrics, backlog, functions } = props;
    const period = alarmPeriod;
    const iteratorAge = props.iteratorAge ?? Duration.minutes(5);
    const offsetLag = props.offsetLag ?? 100_000;
    const waiting = {
      IteratorAge: `Records wait longer than ${iteratorAge.toHumanString()}`,
      OffsetLag: `More than ${offsetLag} records of a partition wait`,
    } as const;
    const watermarkLag = props.watermarkLag ?? usualLag(props.pipeline);
    const settling = props.settling ?? Duration.minutes(15);
    // Two of its turns at least, in whole minutes.
    const missedFor = Duration.minutes(Math.max(5, 2 * props.schedule.toMinutes()));
    const alarms: readonly AlarmSpec[] = [
      [
        backlog.alarm,
        `${waiting[backlog.alarm]} before they are folded: a batch fails again and again, or a shard gets more than one function folds`,
        backlog.metric,
        { threshold: backlog.alarm === 'IteratorAge' ? iteratorAge.toMilliseconds() : offsetLag },
      ],
      ...(props.refusedPuts === undefined
        ? []
        : [
            [
              'RefusedPuts',
              'The stream refuses records to its producers: they are more than its shards take',
              props.refusedPuts,
              { threshold: 1, evaluationPeriods: 3 },
            ] satisfies AlarmSpec,
          ]),
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
        `No finalize run for ${missedFor.toHumanString()}, though one is scheduled every ${props.schedule.toHumanString()}`,
        functions.finalize.metricInvocations({ period: missedFor }),
        {
          threshold: 1,
          comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
          treatMissingData: TreatMissingData.BREACHING,
        },
      ],
      [
        'FinalizeAge',
        `An epoch was elected ${settling.toHumanString()} ago, and its windows are not all out`,
        metrics.unsettledAge,
        { threshold: settling.toMilliseconds() },
      ],
      [
        'UngatheredAge',
        'A log has an entry that no epoch has gathered for days: in time its shard will take no more records',
        metrics.ungatheredAge,
        { threshold: Duration.hours(mostUngatheredDays * 6).toMilliseconds() },
      ],
      ...nearTimeout(functions),
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
        rejectedShare(props),
        { threshold: share('rejectedShare', props.rejectedShare) },
      ],
      ...lateAlarms(props),
      ...(props.sinkFunctions.length === 0 ? [] : sinkAlarms(props, period)),
      ...apiAlarms(props),
      ...throttleAlarms(props),
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
  return [
    [
      'SinkBacklog',
      `A window waits longer than ${sinkBacklog.toHumanString()} for a sink: its target fails or is slow`,
      metrics.oldestWaiting,
      { threshold: sinkBacklog.toMilliseconds() },
    ],
    ['SinkDeadLetters', 'A sink has given up windows', metrics.deadLetters, { threshold: 1 }],
    ...sumAlarms(
      ['DeliverErrors', 'The function of a sink fails', { threshold: 1, evaluationPeriods: 3 }],
      'runs of sinks that fail',
      sinkFunctions.map((own) => own.metricErrors({ period })),
    ),
  ];
}

/** The share of rejected events; 0 where they are few. */
function rejectedShare({ metrics, leastEvents }: PipelineAlarmsProps): MathExpression {
  return new MathExpression({
    label: 'share of rejected events',
    expression: `IF(some >= ${least(leastEvents)}, some / received, 0)`,
    usingMetrics: { some: metrics.events('rejected'), received: metrics.events('received') },
    period: alarmPeriod,
  });
}

/**
 * One alarm for each query, over the events that it wants. An event that a daily query still counts is not late as a
 * whole, though it is lost to an hourly one. A single alarm would not say which query it is, and CloudWatch takes at
 * most ten metrics in an alarm.
 */
function lateAlarms({ metrics, pipeline, lateShare, leastEvents }: PipelineAlarmsProps): readonly AlarmSpec[] {
  const threshold = share('lateShare', lateShare);
  return pipeline.queries.map(({ name }) => [
    `LateShare ${name}`,
    `Many events come too late for the windows of ${name}`,
    new MathExpression({
      label: `share of events that are late for ${name}`,
      expression: `IF(late >= ${least(leastEvents)}, late / (FILL(counted, 0) + late), 0)`,
      usingMetrics: { counted: metrics.pairs(name, 'counted'), late: metrics.pairs(name, 'late') },
      period: alarmPeriod,
    }),
    { threshold },
  ]);
}

const quarterHourMs = 15 * 60_000;
const threeHoursMs = 3 * 3_600_000;

/**
 * How far the watermark usually is behind at most: the delay, what a silent shard holds it back for, and as long as
 * the finest results take, for sooner nobody misses them.
 */
function usualLag({ delayMs, idleMs, queries }: PipelineAlarmsProps['pipeline']): Duration {
  const finestMs = Math.min(...queries.map(({ window }) => window.sliceMs));
  return Duration.millis(delayMs + idleMs + Math.min(Math.max(finestMs, quarterHourMs), threeHoursMs));
}

/** The share of its time-out above which a function's longest run is an alarm. */
const nearShare = 0.8;

/** A run that its time-out ends is repeated, and may end so for ever. */
function nearTimeout(functions: PipelineAlarmsProps['functions']): readonly AlarmSpec[] {
  return Object.entries(functions).map(([name, own]) => {
    const timeoutMs = own.timeout?.toMilliseconds() ?? 0;
    return [
      `NearTimeout ${name}`,
      `A run of ${name} took more than ${nearShare * 100} % of its time-out of ${timeoutMs / 1000} s`,
      own.metricDuration({ statistic: Stats.MAXIMUM, period: alarmPeriod }),
      { threshold: nearShare * timeoutMs, evaluationPeriods: 2 },
    ];
  });
}

/** Requests of the API that fail, or are slow, in five minutes; fewer are somebody's bad luck. */
const fewestFailed = 5;
const fewestSlow = 20;

function apiAlarms({ api, apiLatency = Duration.seconds(5) }: PipelineAlarmsProps): readonly AlarmSpec[] {
  const period = alarmPeriod;
  return [
    ['ApiErrors', 'Requests of the API fail', api.metricServerError({ period }), { threshold: fewestFailed }],
    [
      'ApiLatency',
      `One request of ten takes longer than ${apiLatency.toHumanString()}`,
      new MathExpression({
        label: 'ms that nine requests of ten take at most',
        expression: `IF(requests >= ${fewestSlow}, latency, 0)`,
        usingMetrics: {
          requests: api.metricCount({ period, statistic: Stats.SUM }),
          latency: api.metricLatency({ period, statistic: Stats.p(90) }),
        },
        period,
      }),
      { threshold: apiLatency.toMilliseconds(), evaluationPeriods: 2 },
    ],
  ];
}

/**
 * Refused calls: to the tables, and to the functions. Finalize is not among them where its runs are bounded: one that
 * is asked for while two run is refused, repeated by Lambda, and missed by nobody (FinalizeAge).
 */
function throttleAlarms({ functions, sinkFunctions, sourceFunctions, tables }: PipelineAlarmsProps) {
  const options = { threshold: 1, evaluationPeriods: 2 };
  const own = Object.values(functions).filter(({ isBounded }) => !isBounded);
  const sum = { statistic: Stats.SUM, period: alarmPeriod };
  return [
    ...sumAlarms(
      ['Throttles', 'DynamoDB turns calls away', options],
      'calls turned away',
      Object.values(tables).flatMap((table) => [
        table.metric('ReadThrottleEvents', sum),
        table.metric('WriteThrottleEvents', sum),
      ]),
    ),
    ...sumAlarms(
      ['FunctionThrottles', 'Lambda turns calls away: the account is out of concurrency', options],
      'calls turned away',
      [...own, ...sinkFunctions, ...sourceFunctions].map((one) => one.metricThrottles(sum)),
    ),
  ];
}

/** Most metrics that CloudWatch takes in an alarm. */
const mostMetrics = 10;

/** An alarm over the sum of metrics: as many alarms as it takes, numbered from the second on. */
function sumAlarms(
  [name, description, options]: readonly [name: string, description: string, options: Partial<CreateAlarmOptions>],
  label: string,
  metrics: readonly IMetric[],
): readonly AlarmSpec[] {
  return Array.from({ length: Math.ceil(metrics.length / mostMetrics) }, (_, at) => {
    const some = metrics.slice(at * mostMetrics, (at + 1) * mostMetrics).map((metric, i) => [`m${i}`, metric] as const);
    return [
      at === 0 ? name : `${name} ${at + 1}`,
      description,
      new MathExpression({
        label,
        expression: some.map(([id]) => `FILL(${id}, 0)`).join(' + '),
        usingMetrics: Object.fromEntries(some),
        period: alarmPeriod,
      }),
      options,
    ];
  });
}

function least(leastEvents = 10): number {
  if (!(Number.isInteger(leastEvents) && leastEvents >= 1))
    throw argumentError('leastEvents', leastEvents, 'is not a number of events: give a whole number, at least 1');
  return leastEvents;
}

function share(name: string, value = 0.01): number {
  if (!(value > 0 && value <= 1))
    throw argumentError(name, value, 'is not a share of the events: give a number above 0 and at most 1');
  return value;
}
