/**
 * List prices of us-east-1 in US dollars, without free tiers, taxes and discounts, as AWS published them on the date
 * below. The bill is a model: look at the price pages before you decide by it.
 */
export const prices = {
  date: '2025-11-01',
  region: 'us-east-1',
  /** https://aws.amazon.com/kinesis/data-streams/pricing/ */
  kinesis: {
    onDemandStreamHour: 0.04,
    onDemandGbIn: 0.08,
    onDemandGbOut: 0.04,
    /** Beyond the first day, up to the seventh. */
    onDemandGbMonthKept: 0.1,
    shardHour: 0.015,
    /** A record of up to 25 KB is one unit. */
    millionPutUnits: 0.014,
    putUnitBytes: 25 * 1024,
    /** Retention beyond a day, up to the seventh. */
    shardHourKept: 0.02,
  },
  /** https://aws.amazon.com/lambda/pricing/ (arm64) */
  lambda: { gbSecond: 0.0000133334, millionRequests: 0.2 },
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ */
  dynamodb: { millionWrites: 0.625, millionReads: 0.125, gbMonth: 0.25, gbMonthRecovery: 0.2 },
  /** https://aws.amazon.com/api-gateway/pricing/ (REST) */
  apiGateway: { millionRequests: 3.5 },
  /** https://aws.amazon.com/sqs/pricing/ */
  sqs: { millionRequests: 0.4 },
  /** https://aws.amazon.com/s3/pricing/ */
  s3: { millionGets: 0.4 },
  /**
   * The target of a sink: dollars a month while nothing comes, and for a million panes, each one request of up to 64 KB.
   * https://aws.amazon.com/sqs/pricing/, /sns/pricing/, /eventbridge/pricing/, /kinesis/data-streams/pricing/ (a shard),
   * /s3/pricing/ (a PUT), /secrets-manager/pricing/ (the secret of a webhook)
   */
  sinks: {
    sqs: { month: 0, millionPanes: 0.4 },
    sns: { month: 0, millionPanes: 0.5 },
    eventBridge: { month: 0, millionPanes: 1 },
    kinesis: { month: 10.95, millionPanes: 0.014 },
    s3: { month: 0, millionPanes: 5 },
    dynamodb: { month: 0, millionPanes: 0 },
    webhook: { month: 0.4, millionPanes: 0 },
    forEachWindow: { month: 0, millionPanes: 0 },
  },
  /** https://aws.amazon.com/cloudwatch/pricing/ ; a schedule of EventBridge rules costs nothing. */
  cloudwatch: { metricMonth: 0.3, alarmMetricMonth: 0.1, dashboardMonth: 3, logsGb: 0.5 },
  /** https://aws.amazon.com/xray/pricing/ */
  xray: { millionTraces: 5 },
  /**
   * https://aws.amazon.com/managed-service-apache-flink/pricing/ : a unit for orchestration comes with every
   * application, 50 GB of storage with every unit.
   */
  flink: { unitHour: 0.11, storageGbMonth: 0.1, storageGbOfUnit: 50, eventsOfUnit: 20_000 },
} as const;
