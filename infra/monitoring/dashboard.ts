import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { FunctionName } from '../../functions/core/deployment/settings.ts';
import type { PipelineFunction } from '../functions/pipeline-function.ts';
import type { PipelineAlarms } from './alarms.ts';
import type { Backlog } from './backlog.ts';
import type { PipelineMetrics } from './metrics.ts';

export interface PipelineDashboardProps {
  readonly title: string;
  readonly metrics: PipelineMetrics;
  /** The names of the pipeline's queries. */
  readonly queries: readonly string[];
  readonly backlog: Backlog;
  readonly functions: Readonly<Record<FunctionName, PipelineFunction>>;
  readonly alarms: PipelineAlarms;
}

/** One page with the alarms, the classes of the events, the watermark and the costs. */
export class PipelineDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(
    scope: Construct,
    id: string,
    { title, metrics, queries, backlog, functions, alarms }: PipelineDashboardProps,
  ) {
    super(scope, id);
    const graph = (label: string, left: readonly IMetric[], right: readonly IMetric[] = []) =>
      new GraphWidget({ title: label, left: [...left], right: [...right], width: 12, height: 6 });
    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(6) });
    this.dashboard.addWidgets(
      new TextWidget({ markdown: `# ${title}\nWhat each alarm asks of you: docs/OPERATIONS.md`, width: 24, height: 2 }),
    );
    this.dashboard.addWidgets(
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms.byName.values()], width: 24, height: 4 }),
    );
    this.dashboard.addWidgets(
      graph('Events', [
        metrics.events('received'),
        metrics.events('counted'),
        metrics.events('late'),
        metrics.events('duplicate'),
        metrics.events('rejected'),
        metrics.events('filtered'),
      ]),
      graph('Watermark behind the clock', [metrics.watermarkLag], [metrics.unreadableShards]),
    );
    this.dashboard.addWidgets(
      graph('Windows', [metrics.windowsFinalized], [metrics.windowsOpen, metrics.closingsLeft]),
      graph(backlog.title, [backlog.metric]),
    );
    this.dashboard.addWidgets(
      graph(
        'Late, by query',
        queries.map((query) => metrics.pairs(query, 'late')),
      ),
      graph(
        'Counted, by query',
        queries.map((query) => metrics.pairs(query, 'counted')),
      ),
    );
    this.dashboard.addWidgets(
      graph('Write units', [metrics.writeUnits('aggregate'), metrics.writeUnits('finalize')]),
      graph(
        'Functions',
        Object.values(functions).map((own) => own.metricDuration({ statistic: 'p99' })),
        Object.values(functions).map((own) => own.metricErrors()),
      ),
    );
    this.dashboard.addWidgets(
      new SingleValueWidget({
        title: 'Law of conservation broken by',
        metrics: [metrics.conservationMismatch],
        width: 6,
      }),
    );
  }
}
