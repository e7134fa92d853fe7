import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';

/** What is watched of a mapping: the metric, in the unit of its name. */
export type Backlog = { readonly alarm: 'IteratorAge' | 'OffsetLag'; readonly title: string; readonly metric: IMetric };
