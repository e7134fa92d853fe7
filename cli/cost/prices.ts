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
    /** Retention beyond a day, up to the seventh. */
    shardHourKept: 0.02,
  },
  /** https://aws.amazon.com/lambda/pricing/ (arm64) */
  lambda: { gbSecond: 0.0000133334, millionRequests: 0.2 },
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ */
  dynamodb: { millionWrites: 0.625, millionReads: 0.125, gbMonth: 0.25, gbMonthRecovery: 0.2 },
  /** https://aws.amazon.com/api-gateway/pricing/ (REST) */
  apiGateway: { millionRequests: 3.5 },
  /** https://aws.amazon.com/cloudwatch/pricing/ */
  cloudwatch: { metricMonth: 0.3, alarmMetricMonth: 0.1, dashboardMonth: 3, logsGb: 0.5 },
  /** https://aws.amazon.com/xray/pricing/ */
  xray: { millionTraces: 5 },
  /**
   * https://aws.amazon.com/managed-service-apache-flink/pricing/ : a unit for orchestration comes with every
   * application, 50 GB of storage with every unit.
   */
  flink: { unitHour: 0.11, storageGbMonth: 0.1, storageGbOfUnit: 50 },
} as const;
