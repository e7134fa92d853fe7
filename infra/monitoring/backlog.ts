import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';

/** The watched backlog of a mapping: the metric, in the unit of its name. */
export type Backlog = { readonly alarm: 'IteratorAge' | 'OffsetLag'; readonly title: string; readonly metric: IMetric };
