import { AttributeType, BillingMode, type ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Grant, type IGrantable, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IStream, Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import { Architecture, EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, Names, RemovalPolicy, Stack, Tags, Token } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { argumentError } from '../functions/core/arguments/error.ts';
import {
  type FunctionName,
  finalizeEverySeconds,
  finalizeRunsAtATime,
  finalizeTasksAtATime,
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
import { type CommonFunctionProps, PipelineFunction } from './functions/pipeline-function.ts';
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

/** What a function has in place of the usual settings. */
export interface FunctionSettings {
  /** 128 to 10,240 MB; 1,769 MB are one vCPU, and folding takes no more than one. @default 1,769 */
  readonly memoryMb?: number;
  /** Whole seconds, 30 to 900; of `query` at most 29, for API Gateway waits no longer. @default 60 s; 29 s */
  readonly timeout?: Duration;
}

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
   * How long the new stream keeps records, whole hours from 24 to 168 (7 days: what the functions keep is kept for two
   * days longer than that).
   * @default 7 days; 24 hours where `removalPolicy` is to destroy the stream
   */
  readonly streamRetention?: Duration;
  /**
   * Most records in one invocation of aggregate, 1 to 10,000. A smaller batch is a smaller step that is repeated, and
   * costs more writes.
   * @default 10,000
   */
  readonly batchSize?: number;
  /**
   * How long Lambda gathers a batch, 0 to 300 whole seconds. An entry is one write a batch: a longer window costs less,
   * and results show later.
   * @default 1 second
   */
  readonly batchWindow?: Duration;
  /**
   * How often finalize is invoked where nothing asks for it, whole minutes from 1 to 60. Windows whose end a shard
   * passes are final at once, whatever the schedule.
   * @default 1 minute
   */
  readonly schedule?: Duration;
  /**
   * Most runs of finalize at a time. They are reserved from the account's concurrency, so that they are there when
   * aggregate takes the rest; 0 reserves none, for an account that has no 100 others.
   * @default 2 more than `finalizeTasks`: one that leads, and one that is asked for meanwhile
   */
  readonly finalizeConcurrency?: number;
  /**
   * Most invocations of finalize that take tasks of an epoch beside the one that leads, where there is more than one run
   * should do: many shards, many keys, a long backlog. A small pipeline never starts one; 0 lets one run do everything,
   * however long it takes.
   * @default 50, or what `finalizeConcurrency` leaves
   */
  readonly finalizeTasks?: number;
  /** Memory and time-outs that are not the usual ones (functions/core/deployment/settings.ts), by function. */
  readonly functionSettings?: Readonly<Partial<Record<FunctionName, FunctionSettings>>>;
  /** The processors of the functions. @default Architecture.ARM_64 */
  readonly architecture?: Architecture;
  /**
   * Whether X-Ray traces the functions and the API: one request a second of each, and 5 % of the rest, which Lambda
   * does not let anybody change. At 1,000 events a second that is $14 a month.
   * @default false
   */
  readonly tracing?: boolean;
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

/** Bounds of props. Those of durations are in seconds. */
const bounds = {
  streamRetention: { least: 24 * 3600, most: streamRetentionHours * 3600, unit: 3600, shown: '24 to 168 whole hours' },
  batchWindow: { least: 0, most: 300, unit: 1, shown: '0 to 300 whole seconds' },
  schedule: { least: 60, most: 3600, unit: 60, shown: '1 to 60 whole minutes' },
  timeout: { least: 30, most: 900, unit: 1, shown: '30 to 900 whole seconds' },
  queryTimeout: { least: 1, most: 29, unit: 1, shown: '1 to 29 whole seconds' },
} as const;

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
 * behind a REST API that authenticates callers with IAM (DESIGN sections 5 to 7).
 * @example
 * new EventTimeAggregation(stack, 'Counts', { pipeline: 'pipeline.ts' });
 */
export class EventTimeAggregation extends Construct {
  /** Where the events come from. */
  readonly source: PipelineSource;
  /** The tables: `state`, the logs; `windows`, the results; `rejects`, late and rejected events. */
  readonly tables: Readonly<Record<TableName, Table | ITable>>;
  /** The functions: `aggregate`, `finalize` and `query`. */
  readonly functions: Readonly<Record<FunctionName, PipelineFunction>>;
  /** The query API. */
  readonly api: PipelineApi;
  /** The functions of the sinks, by the sink's name: for grants and for more of their environment. */
  readonly sinks: Readonly<Record<string, PipelineFunction>>;
  /**
   * The targets of the sinks, where they are resources: a URL, a name or an ARN. For a webhook, it is the secret that
   * signs the requests.
   */
  readonly sinkTargets: Readonly<Record<string, string>>;
  /** The metrics of the pipeline, for alarms and dashboards of yours. */
  readonly metrics: PipelineMetrics;
  /** The functions and queues of the sources that the pipeline has besides its stream. */
  readonly sources: PipelineSources;
  /** The alarms; undefined where `alarms` is false. */
  readonly alarms: PipelineAlarms | undefined;
  /** The name of this deployment in its metrics and logs. */
  private readonly deployment: string;
  private readonly ownStream: IStream | undefined;
  private readonly common: CommonFunctionProps;
  private readonly scheduleSeconds: number;

  /**
   * @throws TidemarkError when a prop is out of its bounds, when props do not go together (`shards` and an existing
   * stream, either and another source), or when the stream is of another account or region.
   */
  constructor(scope: Construct, id: string, props: EventTimeAggregationProps) {
    super(scope, id);
    checkLock(props.pipeline);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    this.deployment = Names.uniqueResourceName(this, { separator: '-', maxLength: 128 });
    Tags.of(this).add('tidemark', this.deployment);
    this.scheduleSeconds = seconds('schedule', props.schedule, bounds.schedule) ?? finalizeEverySeconds;
    this.common = {
      pipeline: props.pipeline,
      architecture: props.architecture ?? Architecture.ARM_64,
      tracing: props.tracing ?? false,
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      logRemovalPolicy: removalPolicy,
    };
    if (props.source === undefined) {
      this.ownStream =
        props.stream === undefined ? this.newStream(removalPolicy, props) : existing(this, props.stream, props);
      this.source = kinesisSource(this.ownStream);
    } else this.source = withoutStream(props, props.source)(this);
    this.tables = {
      state: this.newTable('State', tables.state, removalPolicy),
      windows: props.windowsTable ?? this.newTable('Windows', tables.windows, removalPolicy),
      rejects: this.newTable('Rejects', tables.rejects, removalPolicy),
    };
    this.functions = {
      aggregate: this.newFunction('Aggregate', 'aggregate', props),
      finalize: this.newFunction('Finalize', 'finalize', props),
      query: this.newFunction('Query', 'query', props),
    };
    const pipeline = pipelineOf(props.pipeline);
    const delivery = new PipelineSinks(this, 'Sinks', {
      sinks: pipeline.sinks,
      bindings: props.sinks ?? {},
      common: this.common,
      tables: { state: this.tables.state, windows: this.tables.windows },
      environment: this.sinkEnvironment(props),
      finalize: this.functions.finalize,
    });
    this.sinks = delivery.functions;
    this.sinkTargets = delivery.targets;
    this.sources = this.newSources(props);
    this.grant();
    this.signCursors();
    this.tellQuery(pipeline.sinks.map(({ name }) => name));
    this.kick();
    this.share(finalizeRuns(props).tasks);
    this.mapStream(props);
    // A rule and a REST API: LocalStack has neither a working scheduler nor HTTP APIs.
    new Rule(this, 'Schedule', {
      description: 'Emits the windows that the watermark has passed',
      schedule: Schedule.rate(Duration.seconds(this.scheduleSeconds)),
      targets: [
        new LambdaFunction(this.functions.finalize, {
          retryAttempts: 0,
          maxEventAge: Duration.seconds(this.scheduleSeconds),
        }),
      ],
    });
    this.api = new PipelineApi(this, 'Api', {
      name: this.deployment,
      query: this.functions.query,
      ingest: this.sources.functions.ingest,
      requestsPerSecond: props.requestsPerSecond,
      tracing: this.common.tracing,
      accessLogs: (props.accessLogs ?? true) ? { retention: this.common.logRetention, removalPolicy } : undefined,
    });
    this.acknowledgeFindings();
    this.metrics = pipelineMetrics(this.deployment);
    if (props.alarms === false) return;
    const { metrics, functions: own } = this;
    const backlog = this.source.backlog(own.aggregate);
    const watched = { metrics, backlog, functions: own };
    this.alarms = new PipelineAlarms(this, 'Alarms', {
      ...props.alarms,
      ...watched,
      pipeline,
      refusedPuts: this.source.refusedPuts,
      schedule: Duration.seconds(this.scheduleSeconds),
      api: this.api,
      sinkFunctions: Object.values(this.sinks),
      sourceFunctions: Object.values(this.sources.functions),
      tables: this.tables,
      sources: this.sources.alarms,
    });
    new PipelineDashboard(this, 'Operations', {
      title: this.deployment,
      ...watched,
      queries: pipeline.queries.map(({ name }) => name),
      alarms: this.alarms,
    });
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

  private newStream(removalPolicy: RemovalPolicy, { shards, streamRetention }: EventTimeAggregationProps): Stream {
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
      retentionPeriod: Duration.seconds(
        seconds('streamRetention', streamRetention, bounds.streamRetention) ??
          (removalPolicy === RemovalPolicy.DESTROY ? bounds.streamRetention.least : bounds.streamRetention.most),
      ),
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
        ? { pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true } }
        : { timeToLiveAttribute: shape.timeToLive }),
      // Rejected and late events are copies. Without the state nothing goes on, and without the windows nothing is left.
      deletionProtection: shape !== tables.rejects && removalPolicy === RemovalPolicy.RETAIN,
      removalPolicy,
    });
  }

  private newFunction(id: string, name: FunctionName, props: EventTimeAggregationProps): PipelineFunction {
    const { memoryMb, timeout } = props.functionSettings?.[name] ?? {};
    const field = `functionSettings.${name}`;
    checkNumber(`${field}.memoryMb`, memoryMb, 128, 10_240);
    seconds(`${field}.timeout`, timeout, name === 'query' ? bounds.queryTimeout : bounds.timeout);
    return new PipelineFunction(this, id, {
      ...this.common,
      name,
      memoryMb,
      timeout,
      reservedConcurrency: name === 'finalize' ? finalizeRuns(props).reserved : undefined,
      entry: (props.entries ?? ownEntries)[name],
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

  private newSources(props: EventTimeAggregationProps): PipelineSources {
    if (props.ingest === true) this.functions.query.addEnvironment(environmentNames.ingest, 'on');
    return new PipelineSources(this, 'Sources', {
      ...(props.ingest === undefined ? {} : { ingest: props.ingest }),
      ...(props.objects === undefined ? {} : { objects: props.objects }),
      ...(props.changes === undefined ? {} : { changes: props.changes }),
      stream: this.ownStream,
      state: this.tables.state,
      common: this.common,
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
   * Lets query tell the last hour of the functions' metrics, which sinks there are, and how the command line finds the
   * deployment. GetMetricData knows no resources, and it reads no events.
   */
  private tellQuery(sinks: readonly string[]): void {
    const { query } = this.functions;
    query.addEnvironment(environmentNames.history, 'on');
    query.addEnvironment(environmentNames.stack, Stack.of(this).stackName);
    if (sinks.length > 0)
      query.addEnvironment(
        environmentNames.sinks,
        JSON.stringify(Object.fromEntries(sinks.map((name) => [name, null]))),
      );
    query.addToRolePolicy(new PolicyStatement({ actions: ['cloudwatch:GetMetricData'], resources: ['*'] }));
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
    finalize.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.seconds(this.scheduleSeconds) });
  }

  /**
   * Lets finalize ask for invocations of itself that take tasks beside it. The policy is one of its own: the function
   * waits for those of its role, and this one names the function.
   */
  private share(tasksAtATime: number): void {
    const { finalize } = this.functions;
    finalize.addEnvironment(environmentNames.tasksAtATime, String(tasksAtATime));
    if (tasksAtATime === 0 || finalize.role === undefined) return;
    new Policy(this, 'FinalizeTasks', {
      roles: [finalize.role],
      statements: [new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [finalize.functionArn] })],
    });
  }

  private mapStream({ batchSize, batchWindow }: EventTimeAggregationProps): void {
    checkNumber('batchSize', batchSize, 1, mapping.batchSize);
    new EventSourceMapping(this, 'Mapping', {
      target: this.functions.aggregate,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: batchSize ?? mapping.batchSize,
      maxBatchingWindow: Duration.seconds(
        seconds('batchWindow', batchWindow, bounds.batchWindow) ?? mapping.batchWindowSeconds,
      ),
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
      'X-Ray and GetMetricData know no resources: they are granted on all or not at all; and the network interfaces of a VPC, where there is one, have no names before they are made';
    for (const [name, { role }] of Object.entries(this.functions))
      if (role !== undefined && (this.common.tracing || name === 'query' || this.source.network !== undefined))
        findings.push({ on: role, id: 'AwsSolutions-IAM5[Resource::*]', reason: traces });
    acknowledge(findings);
  }
}

/**
 * An existing stream. The functions know it by its name, which is looked up in their own account and region, and Lambda
 * reads no stream of another region.
 */
function existing(scope: Construct, stream: IStream, { shards, streamRetention }: EventTimeAggregationProps): IStream {
  for (const [name, given] of Object.entries({ shards, streamRetention: streamRetention?.toHumanString() }))
    if (given !== undefined)
      throw argumentError(name, given, `has no meaning for an existing stream: leave out ${name}, or the stream`);
  const own = Stack.of(scope);
  // A stack that does not say where it is deployed may be deployed there.
  for (const what of ['account', 'region'] as const)
    if (!Token.isUnresolved(stream.env[what]) && !Token.isUnresolved(own[what]) && stream.env[what] !== own[what])
      throw argumentError(
        'stream',
        stream.env[what],
        `is the ${what} of the stream, and that of the stack is ${own[what]}: deploy the stack there`,
      );
  return stream;
}

/** A span of time in whole units, in seconds. */
function seconds(
  field: string,
  value: Duration | undefined,
  { least, most, unit, shown }: (typeof bounds)[keyof typeof bounds],
): number | undefined {
  if (value === undefined) return undefined;
  const found = value.toMilliseconds({ integral: false }) / 1000;
  if (found % unit === 0 && found >= least && found <= most) return found;
  throw argumentError(field, value.toHumanString(), `is out of bounds: give ${shown}`);
}

function checkNumber(field: string, value: number | undefined, least: number, most: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
    throw argumentError(field, value, `is out of bounds: give a whole number from ${least} to ${most}`);
}

/**
 * The runs of finalize that are reserved, and how many of them take tasks beside the one that leads.
 * @throws TidemarkError when they do not go together: tasks that nobody may run would be a setting without an effect
 */
function finalizeRuns({ finalizeConcurrency, finalizeTasks }: EventTimeAggregationProps) {
  checkNumber('finalizeConcurrency', finalizeConcurrency, 0, 1_000);
  checkNumber('finalizeTasks', finalizeTasks, 0, 900);
  const isBounded = finalizeConcurrency !== undefined && finalizeConcurrency > 0;
  const most = isBounded ? Math.max(finalizeConcurrency - 1, 0) : 900;
  if (finalizeTasks !== undefined && finalizeTasks > most)
    throw argumentError(
      'finalizeTasks',
      finalizeTasks,
      `is more than finalizeConcurrency, ${finalizeConcurrency}, leaves beside the run that leads: give at most ${most}, or leave out finalizeConcurrency`,
    );
  const tasks = finalizeTasks ?? Math.min(finalizeTasksAtATime, isBounded ? Math.max(most - 1, 0) : most);
  const reserved = finalizeConcurrency ?? tasks + finalizeRunsAtATime;
  return { tasks, reserved: reserved === 0 ? undefined : reserved };
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
