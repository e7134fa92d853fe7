import { AttributeType, BillingMode, type ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Grant, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IStream, Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import { EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, Names, RemovalPolicy, Tags } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { argumentError } from '../functions/core/arguments/error.ts';
import {
  type FunctionName,
  finalizeEverySeconds,
  functions,
  mapping,
  streamRetentionHours,
} from '../functions/core/deployment/settings.ts';
import {
  environmentNames,
  secretPartition,
  type TableName,
  type TableShape,
  tables,
} from '../functions/core/deployment/tables.ts';
import { functionModule } from './bundle/function-modules.ts';
import { findPackageRoot } from './bundle/package-root.ts';
import { tablePermissions } from './functions/permissions.ts';
import { PipelineFunction } from './functions/pipeline-function.ts';
import { type AlarmSettings, PipelineAlarms } from './monitoring/alarms.ts';
import { PipelineDashboard } from './monitoring/dashboard.ts';
import { acknowledge, type Finding } from './monitoring/findings.ts';
import { type PipelineMetrics, pipelineMetrics } from './monitoring/metrics.ts';
import { PipelineApi } from './pipeline-api.ts';
import { checkLock, pipelineOf } from './pipeline-lock.ts';
import type { SinkBinding } from './sinks/sink-target.ts';
import { PipelineSinks } from './sinks/sinks.ts';
import type { SourceDefinition } from './sources/kafka-source.ts';
import { kinesisSource } from './sources/kinesis-source.ts';
import type { PipelineSource } from './sources/pipeline-source.ts';
import { PipelineSources, type SourceProps } from './sources/sources.ts';

/** The files whose export `handler` is one of the functions. */
export type EntryFiles = Readonly<Record<FunctionName, string>>;

/** The settings of an {@link EventTimeAggregation}. */
export interface EventTimeAggregationProps extends SourceProps {
  /** The TypeScript file whose default export is the pipeline; it is bundled into each function. */
  readonly pipeline: string;
  /**
   * The source of the events, such as `kafka({ ... })`. No stream is made then, and `stream` and `shards` have no
   * meaning.
   * @default a stream of Kinesis
   */
  readonly source?: SourceDefinition;
  /** An existing stream to read. @default a new one, encrypted with Kinesis's own key, that keeps records for 7 days */
  readonly stream?: IStream;
  /**
   * Shards of the new stream, each for 1 MB or 1,000 records a second.
   * @default on demand: Kinesis adds and removes shards itself
   */
  readonly shards?: number;
  /**
   * An existing windows table, such as one restored from a point in time. Its key is `query` and `window`, both text.
   * The stack reads and writes it, and does nothing else with it.
   * @default a new one, with point-in-time recovery
   */
  readonly windowsTable?: ITable;
  /** The fate of the new stream, the tables and the logs when the stack is deleted. @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
  /** How long the functions' logs are kept. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** Least level of the functions' logs: DEBUG, INFO, WARN or ERROR. @default INFO */
  readonly logLevel?: string;
  /** Requests a second that the API takes on average; twice as many in a burst. @default 50 */
  readonly requestsPerSecond?: number;
  /**
   * Whether the API logs each request. API Gateway writes logs through one role per account and region. The stack then
   * creates and sets that role.
   * @default true
   */
  readonly accessLogs?: boolean;
  /**
   * The targets of the pipeline's sinks, by the sink's name: a queue, a topic, a bus, a stream, a bucket, a table; `{
   * url, secret }` of a webhook; `{ environment, vpc }` of a `forEachWindow`.
   * @default new ones
   */
  readonly sinks?: Readonly<Record<string, SinkBinding>>;
  /**
   * The limits of the alarms, and the actions that they notify; false for no alarms and no dashboard.
   * @default alarms that notify nobody
   */
  readonly alarms?: AlarmSettings | false;
  /**
   * Handlers to deploy in place of Tidemark's own.
   * @default functions/aggregate.ts, finalize.ts and query.ts of this package
   */
  readonly entries?: EntryFiles;
}

/** Most shards that one CreateStream can ask for within the largest default quota (us-east-1, us-west-2, eu-west-1). */
const mostShards = 20_000;

const packageFolder = findPackageRoot();
const ownEntries: EntryFiles = {
  aggregate: functionModule(packageFolder, 'aggregate'),
  finalize: functionModule(packageFolder, 'finalize'),
  query: functionModule(packageFolder, 'query'),
};

/**
 * A pipeline, deployed: stream, aggregate function, three tables, finalize function by the minute, query function
 * behind a REST API that authenticates callers with IAM (DESIGN sections 5 to 7). It has a REST API and an EventBridge
 * rule because LocalStack has neither HTTP APIs nor a working scheduler.
 */
export class EventTimeAggregation extends Construct {
  readonly source: PipelineSource;
  readonly tables: Readonly<Record<TableName, Table | ITable>>;
  readonly functions: Readonly<Record<FunctionName, PipelineFunction>>;
  readonly api: PipelineApi;
  /** The functions of the sinks, by the sink's name: for grants and for more of their environment. */
  readonly sinks: Readonly<Record<string, PipelineFunction>>;
  /**
   * The targets of the sinks, where they are resources: a URL, a name or an ARN. For a webhook, it is the secret that
   * signs the requests.
   */
  readonly sinkTargets: Readonly<Record<string, string>>;
  readonly metrics: PipelineMetrics;
  /** The functions and queues of the sources that the pipeline has besides its stream. */
  readonly sources: PipelineSources;
  readonly alarms: PipelineAlarms | undefined;
  /** The name of this deployment in its metrics and logs. */
  private readonly deployment: string;
  private readonly ownStream: IStream | undefined;

  /**
   * @throws TidemarkError when `shards` is not a count of shards, when it is given together with an existing stream, or
   * when either is given with another source.
   */
  constructor(scope: Construct, id: string, props: EventTimeAggregationProps) {
    super(scope, id);
    checkLock(props.pipeline);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    this.deployment = Names.uniqueResourceName(this, { separator: '-', maxLength: 128 });
    Tags.of(this).add('tidemark', this.deployment);
    if (props.source === undefined) {
      this.ownStream =
        props.stream === undefined ? this.newStream(removalPolicy, props.shards) : existing(props.stream, props.shards);
      this.source = kinesisSource(this.ownStream);
    } else this.source = withoutStream(props, props.source)(this);
    this.tables = {
      state: this.newTable('State', tables.state, removalPolicy),
      windows: props.windowsTable ?? this.newTable('Windows', tables.windows, removalPolicy),
      rejects: this.newTable('Rejects', tables.rejects, removalPolicy),
    };
    this.functions = {
      aggregate: this.newFunction('Aggregate', 'aggregate', props, removalPolicy),
      finalize: this.newFunction('Finalize', 'finalize', props, removalPolicy),
      query: this.newFunction('Query', 'query', props, removalPolicy),
    };
    const { sinks, queries } = pipelineOf(props.pipeline);
    const delivery = new PipelineSinks(this, 'Sinks', {
      sinks,
      bindings: props.sinks ?? {},
      pipeline: props.pipeline,
      tables: { state: this.tables.state, windows: this.tables.windows },
      environment: this.sinkEnvironment(props),
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy,
      finalize: this.functions.finalize,
    });
    this.sinks = delivery.functions;
    this.sinkTargets = delivery.targets;
    this.sources = this.newSources(props, removalPolicy);
    this.grant();
    this.signCursors();
    this.kick();
    this.mapStream();
    new Rule(this, 'Schedule', {
      description: 'Emits the windows that the watermark has passed',
      schedule: Schedule.rate(Duration.seconds(finalizeEverySeconds)),
      targets: [
        new LambdaFunction(this.functions.finalize, {
          retryAttempts: 0,
          maxEventAge: Duration.seconds(finalizeEverySeconds),
        }),
      ],
    });
    const retention = props.logRetention ?? RetentionDays.ONE_MONTH;
    this.api = new PipelineApi(this, 'Api', {
      name: this.deployment,
      query: this.functions.query,
      ingest: this.sources.functions.ingest,
      requestsPerSecond: props.requestsPerSecond,
      accessLogs: (props.accessLogs ?? true) ? { retention, removalPolicy } : undefined,
    });
    this.acknowledgeFindings();
    this.metrics = pipelineMetrics(this.deployment);
    if (props.alarms === false) return;
    const { metrics, functions: own } = this;
    const backlog = this.source.backlog(own.aggregate);
    const watched = { metrics, backlog, functions: own, queries: queries.map(({ name }) => name) };
    const sinkFunctions = Object.values(this.sinks);
    this.alarms = new PipelineAlarms(this, 'Alarms', {
      ...props.alarms,
      ...watched,
      sinkFunctions,
      tables: this.tables,
      sources: this.sources.alarms,
    });
    new PipelineDashboard(this, 'Operations', { title: this.deployment, ...watched, alarms: this.alarms });
  }

  /** Lets somebody read the windows table, which is the product, without the API. */
  grantRead(grantee: IGrantable): Grant {
    return this.tables.windows.grant(grantee, 'dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query');
  }

  /** Lets somebody call the API, which asks for a signature. */
  grantInvoke(grantee: IGrantable): Grant {
    return this.api.grantCall(grantee, 'GET');
  }

  /** Lets a producer post events to the API, where `ingest` is on. */
  grantIngest(grantee: IGrantable): Grant {
    return this.api.grantCall(grantee, 'POST', '/v1/events');
  }

  /**
   * Lets somebody end the stream, switch the version of a query and remove one: `tidemark drain`, `alias` and `remove`.
   */
  grantOperate(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ['lambda:InvokeFunction'],
      resourceArns: [this.functions.finalize.functionArn],
    });
  }

  /**
   * Lets a producer put records into the stream.
   * @throws TidemarkError where the source does not let producers in by IAM
   */
  grantPut(grantee: IGrantable): Grant {
    return this.source.grantPut(grantee);
  }

  /** The pipeline's stream. @throws TidemarkError when the events come from elsewhere */
  get stream(): IStream {
    if (this.ownStream === undefined)
      throw argumentError('stream', undefined, `does not exist: the events come from ${this.source.kind}`);
    return this.ownStream;
  }

  private newStream(removalPolicy: RemovalPolicy, shards: number | undefined): Stream {
    if (shards !== undefined && !(Number.isInteger(shards) && shards >= 1 && shards <= mostShards))
      throw argumentError(
        'shards',
        shards,
        `is not a count of shards: give a whole number from 1 to ${mostShards}, or none for a stream on demand`,
      );
    return new Stream(this, 'Stream', {
      ...(shards === undefined
        ? { streamMode: StreamMode.ON_DEMAND }
        : { streamMode: StreamMode.PROVISIONED, shardCount: shards }),
      encryption: StreamEncryption.MANAGED,
      retentionPeriod: Duration.hours(streamRetentionHours),
      removalPolicy,
    });
  }

  private newTable(id: string, shape: TableShape, removalPolicy: RemovalPolicy): Table {
    return new Table(this, id, {
      partitionKey: { name: shape.partitionKey, type: AttributeType.STRING },
      sortKey: { name: shape.sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      // Items that expire by themselves are not worth restoring. Items that do not expire are the product.
      ...(shape.timeToLive === undefined
        ? {
            pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
            deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
          }
        : { timeToLiveAttribute: shape.timeToLive }),
      removalPolicy,
    });
  }

  private newFunction(
    id: string,
    name: FunctionName,
    props: EventTimeAggregationProps,
    logRemovalPolicy: RemovalPolicy,
  ): PipelineFunction {
    return new PipelineFunction(this, id, {
      name,
      entry: (props.entries ?? ownEntries)[name],
      pipeline: props.pipeline,
      source: this.source.kind,
      // The query function reads the tables only.
      network: name === 'query' ? undefined : this.source.network,
      environment: {
        ...this.source.environment,
        [environmentNames.state]: this.tables.state.tableName,
        [environmentNames.windows]: this.tables.windows.tableName,
        [environmentNames.rejects]: this.tables.rejects.tableName,
        [environmentNames.logLevel]: props.logLevel ?? 'INFO',
        [environmentNames.deployment]: this.deployment,
      },
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      logRemovalPolicy,
    });
  }

  private sinkEnvironment(props: EventTimeAggregationProps): Readonly<Record<string, string>> {
    return {
      [environmentNames.state]: this.tables.state.tableName,
      [environmentNames.windows]: this.tables.windows.tableName,
      [environmentNames.logLevel]: props.logLevel ?? 'INFO',
      [environmentNames.deployment]: this.deployment,
    };
  }

  private newSources(props: EventTimeAggregationProps, logRemovalPolicy: RemovalPolicy): PipelineSources {
    if (props.ingest === true) this.functions.query.addEnvironment(environmentNames.ingest, 'on');
    return new PipelineSources(this, 'Sources', {
      ...(props.ingest === undefined ? {} : { ingest: props.ingest }),
      ...(props.objects === undefined ? {} : { objects: props.objects }),
      ...(props.changes === undefined ? {} : { changes: props.changes }),
      stream: this.ownStream,
      state: this.tables.state,
      common: {
        pipeline: props.pipeline,
        source: 'kinesis',
        network: undefined,
        logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
        logRemovalPolicy,
      },
      environment: {
        [environmentNames.logLevel]: props.logLevel ?? 'INFO',
        [environmentNames.deployment]: this.deployment,
      },
    });
  }

  private grant(): void {
    for (const name of Object.keys(functions) as FunctionName[]) {
      const grantee = this.functions[name];
      for (const table of Object.keys(tables) as TableName[]) {
        const actions = tablePermissions[name][table].map((action) => `dynamodb:${action}`);
        if (actions.length > 0) this.tables[table].grant(grantee, ...actions);
      }
      this.source.grant(name, grantee);
    }
  }

  /**
   * Lets query create the secret that signs its cursors, once, and write nothing else in the state
   * (functions/state/items/cursor-secret.ts).
   */
  private signCursors(): void {
    this.functions.query.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:UpdateItem'],
        resources: [this.tables.state.tableArn],
        conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [secretPartition] } },
      }),
    );
  }

  /**
   * Lets aggregate ask for a finalize run when a shard's watermark passes the end of a window
   * (functions/state/log/kick.ts), so that nobody waits for the minute. A run that fails is not repeated: the
   * schedule's next run does the same. `grantInvoke` is not used, because it also grants every version.
   */
  private kick(): void {
    const { aggregate, finalize } = this.functions;
    aggregate.addEnvironment(environmentNames.finalize, finalize.functionName);
    aggregate.addToRolePolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [finalize.functionArn] }),
    );
    finalize.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.seconds(finalizeEverySeconds) });
  }

  private mapStream(): void {
    new EventSourceMapping(this, 'Mapping', {
      target: this.functions.aggregate,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: mapping.batchSize,
      maxBatchingWindow: Duration.seconds(mapping.batchWindowSeconds),
      ...this.source.mapping,
    });
  }

  private acknowledgeFindings(): void {
    const { tables: own } = this;
    const forgets =
      'What it holds expires by itself and can be made again from the stream: entries outlive the stream by four weeks';
    const findings: Finding[] = [
      { on: own.state, id: 'AwsSolutions-DDB3', reason: forgets },
      { on: own.rejects, id: 'AwsSolutions-DDB3', reason: forgets },
    ];
    const traces =
      'X-Ray knows no resources, PutTraceSegments and PutTelemetryRecords are granted on all or not at all; and the network interfaces of a VPC, where there is one, have no names before they are made';
    for (const { role } of Object.values(this.functions))
      if (role !== undefined) findings.push({ on: role, id: 'AwsSolutions-IAM5[Resource::*]', reason: traces });
    acknowledge(findings);
  }
}

function existing(stream: IStream, shards: number | undefined): IStream {
  if (shards !== undefined)
    throw argumentError('shards', shards, 'has no meaning for an existing stream: leave out shards, or the stream');
  return stream;
}

function withoutStream(
  { stream, shards, ingest, objects, changes }: EventTimeAggregationProps,
  source: SourceDefinition,
): SourceDefinition {
  for (const [name, given] of Object.entries({
    stream: stream?.streamName,
    shards,
    ingest: ingest === true ? true : undefined,
    objects: objects?.bucket.bucketName,
    changes: changes?.table.tableName,
  }))
    if (given !== undefined)
      throw argumentError(name, given, `has no meaning beside another source: leave out ${name}, or source`);
  return source;
}
