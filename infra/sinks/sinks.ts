import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { argumentError } from '../../functions/core/arguments/error.ts';
import type { Sink } from '../../functions/core/definition/sink.ts';
import { finalizeEverySeconds } from '../../functions/core/deployment/settings.ts';
import { environmentNames, sinkPartitions } from '../../functions/core/deployment/tables.ts';
import { functionModule } from '../bundle/function-modules.ts';
import { findPackageRoot } from '../bundle/package-root.ts';
import { networkPermissions, sinkPermissions } from '../functions/permissions.ts';
import { type CommonFunctionProps, PipelineFunction } from '../functions/pipeline-function.ts';
import { acknowledge } from '../monitoring/findings.ts';
import { type SinkAccess, type SinkBinding, sinkTarget } from './sink-target.ts';

/** The settings of the sinks of a pipeline. */
export interface PipelineSinksProps {
  readonly sinks: readonly Sink[];
  readonly bindings: Readonly<Record<string, SinkBinding>>;
  readonly common: CommonFunctionProps;
  readonly tables: Readonly<Record<'state' | 'windows', Table | ITable>>;
  /** The environment of all sink functions: tables, log level, deployment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The function that notifies the sinks: it may invoke their functions, and receives their names. */
  readonly finalize: PipelineFunction;
}

const entry = functionModule(findPackageRoot(), 'deliver');

/**
 * A function for each sink, with the client of its target alone and rights to that target alone. Finalize invokes it
 * when there is something to deliver, and a schedule does by the minute. A pipeline without sinks has none of this.
 */
export class PipelineSinks extends Construct {
  /** The functions, by the sink's name. */
  readonly functions: Readonly<Record<string, PipelineFunction>>;
  /** The target of each sink, where that is a resource, for the outputs of a stack. */
  readonly targets: Readonly<Record<string, string>>;

  /** @throws TidemarkError when a binding has no sink, or does not fit its sink's kind */
  constructor(scope: Construct, id: string, props: PipelineSinksProps) {
    super(scope, id);
    const names = props.sinks.map(({ name }) => name);
    const stray = Object.keys(props.bindings).find((name) => !names.includes(name));
    if (stray !== undefined)
      throw argumentError(
        `sinks.${stray}`,
        stray,
        `is not a sink of the pipeline: use ${names.join(', ') || 'none, it has none'}`,
      );
    const targets: Record<string, string> = {};
    this.functions = Object.fromEntries(
      props.sinks.map((sink) => {
        const own = new Construct(this, sink.name);
        const target = sinkTarget(own, sink, props.bindings[sink.name], props.common.logRemovalPolicy);
        if (target.name !== undefined) targets[sink.name] = target.name;
        const deliver = new PipelineFunction(own, 'Deliver', {
          ...props.common,
          name: 'deliver',
          entry,
          sink,
          source: 'kinesis',
          network: target.network,
          environment: { ...props.environment, ...target.environment, [environmentNames.sink]: sink.name },
        });
        if (target.network !== undefined)
          deliver.addToRolePolicy(new PolicyStatement({ actions: [...networkPermissions], resources: ['*'] }));
        target.grant(deliver);
        grantTables(deliver, sink, props.tables);
        schedule(own, sink, deliver);
        acknowledgeFindings(deliver, target, props.common);
        return [sink.name, deliver];
      }),
    );
    this.targets = targets;
    if (names.length === 0) return;
    const { finalize } = props;
    const functionNames = Object.fromEntries(
      Object.entries(this.functions).map(([name, { functionName }]) => [name, functionName]),
    );
    finalize.addEnvironment(environmentNames.sinks, Stack.of(this).toJsonString(functionNames));
    const resources = Object.values(this.functions).map(({ functionArn }) => functionArn);
    finalize.addToRolePolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }));
  }
}

/** Grants the sink's own partitions of the state, and reads of the windows that it delivers. */
function grantTables(deliver: PipelineFunction, sink: Sink, { state, windows }: PipelineSinksProps['tables']): void {
  deliver.addToRolePolicy(
    new PolicyStatement({
      actions: sinkPermissions.state.map((action) => `dynamodb:${action}`),
      resources: [state.tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [...sinkPartitions(sink.name)] } },
    }),
  );
  windows.grant(deliver, ...sinkPermissions.windows.map((action) => `dynamodb:${action}`));
}

/** A run that fails is not repeated: the next run does the same. The attempts of a delivery are counted separately. */
function schedule(scope: Construct, sink: Sink, deliver: PipelineFunction): void {
  deliver.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.seconds(finalizeEverySeconds) });
  new Rule(scope, 'Schedule', {
    description: `Delivers what waits for the sink ${sink.name}`,
    schedule: Schedule.rate(Duration.seconds(finalizeEverySeconds)),
    targets: [new LambdaFunction(deliver, { retryAttempts: 0, maxEventAge: Duration.seconds(finalizeEverySeconds) })],
  });
}

function acknowledgeFindings(
  { role }: PipelineFunction,
  { wildcard, network }: SinkAccess,
  { tracing }: CommonFunctionProps,
): void {
  if (role === undefined) return;
  const stars = 'X-Ray knows no resources, nor does EC2 for the interfaces of a VPC: granted on all or not at all';
  if (tracing || network !== undefined)
    acknowledge([{ on: role, id: 'AwsSolutions-IAM5[Resource::*]', reason: stars }]);
  if (wildcard === undefined) return;
  acknowledge([
    {
      on: role,
      id: `AwsSolutions-IAM5[Resource::${wildcard}]`,
      reason: 'A key is a window’s: there are new ones for ever',
    },
  ]);
}
