import { argumentError, TidemarkError } from '../core/arguments/error.ts';
import { checkKafkaSource, type KafkaSource } from '../core/definition/kafka-source.ts';
import { environmentNames } from '../core/deployment/tables.ts';

/** The stream that a pipeline reads. */
export type StreamSource =
  | { readonly kind: 'kinesis'; readonly stream: string }
  | ({ readonly kind: 'kafka' } & KafkaSource);

/** The settings of the function of a source. */
export interface SourceConfig {
  readonly stream: string;
  /** The deployment's name in metrics and logs; undefined: the pipeline's. */
  readonly deployment: string | undefined;
  readonly logLevel: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
}

/** The settings of a function. */
export interface Config extends SourceConfig {
  readonly source: StreamSource;
  readonly tables: { readonly state: string; readonly windows: string; readonly rejects: string };
  /** The finalize function, where aggregate may ask it for a run. */
  readonly finalizeFunction: string | undefined;
  /** For finalize: most invocations of itself that take tasks beside it; 0: none. */
  readonly tasksAtATime: number;
  /** For finalize: the functions of the served sinks, by the sink's name; null: the sink is not asked for runs. */
  readonly sinks: Readonly<Record<string, string | null>>;
  /** Whether events can be posted to the API. */
  readonly ingest: 'on' | 'off';
  /** Whether CloudWatch keeps the metrics of the functions. */
  readonly history: 'on' | 'off';
  /** The name of the stack; undefined: there is none. */
  readonly stack: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const logLevels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;

/**
 * Reads and checks the environment once, when a function starts. The only place in functions/ that reads it.
 * @throws TidemarkError that names the variable
 */
export function readConfig(environment: Environment = process.env): Config {
  const required = (name: string) => requiredIn(environment, name);
  return {
    ...readSourceConfig(environment),
    source: readSource(required(environmentNames.stream), environment[environmentNames.kafka]),
    tables: {
      state: required(environmentNames.state),
      windows: required(environmentNames.windows),
      rejects: required(environmentNames.rejects),
    },
    finalizeFunction: environment[environmentNames.finalize],
    tasksAtATime: Number(environment[environmentNames.tasksAtATime] ?? 0),
    sinks: JSON.parse(environment[environmentNames.sinks] ?? '{}'),
    ingest: environment[environmentNames.ingest] === 'on' ? 'on' : 'off',
    history: environment[environmentNames.history] === 'on' ? 'on' : 'off',
    stack: environment[environmentNames.stack],
  };
}

/**
 * Reads and checks the environment of the function of a source, which only knows the stream that it puts events into.
 * @throws TidemarkError that names the variable
 */
export function readSourceConfig(environment: Environment = process.env): SourceConfig {
  return {
    stream: requiredIn(environment, environmentNames.stream),
    deployment: environment[environmentNames.deployment],
    logLevel: logLevelIn(environment),
  };
}

function logLevelIn(environment: Environment): Config['logLevel'] {
  const level = environment[environmentNames.logLevel] ?? 'INFO';
  const logLevel = logLevels.find((known) => known === level);
  if (logLevel === undefined)
    throw new TidemarkError(`${environmentNames.logLevel}: ${level} is not a log level: use ${logLevels.join(', ')}`);
  return logLevel;
}

/** The settings of the function of a sink. */
export interface SinkConfig extends Pick<Config, 'deployment' | 'logLevel'> {
  readonly tables: Pick<Config['tables'], 'state' | 'windows'>;
  /** The name of one of the pipeline's sinks. */
  readonly sink: string;
  readonly target: string | undefined;
  readonly secret: string | undefined;
  readonly secretArn: string | undefined;
  /** How a client of S3 names a bucket. */
  readonly bucketIn: 'host' | 'path';
}

/**
 * Reads and checks the environment of the function of a sink.
 * @throws TidemarkError that names the variable
 */
export function readSinkConfig(environment: Environment = process.env): SinkConfig {
  const required = (name: string) => requiredIn(environment, name);
  return {
    tables: { state: required(environmentNames.state), windows: required(environmentNames.windows) },
    sink: required(environmentNames.sink),
    target: environment[environmentNames.sinkTarget],
    secret: environment[environmentNames.sinkSecret],
    secretArn: environment[environmentNames.sinkSecretArn],
    bucketIn: bucketIn(environment),
    deployment: environment[environmentNames.deployment],
    logLevel: logLevelIn(environment),
  };
}

/**
 * The further settings of the function of the source "S3 objects": where it notes its progress, and how it goes on with
 * a large object.
 */
export interface ObjectsConfig extends SourceConfig {
  readonly stateTable: string;
  readonly queueUrl: string;
  /** How a client of S3 names a bucket. */
  readonly bucketIn: 'host' | 'path';
}

/** @throws TidemarkError that names the variable */
export function readObjectsConfig(environment: Environment = process.env): ObjectsConfig {
  const stateTable = requiredIn(environment, environmentNames.state);
  return {
    ...readSourceConfig(environment),
    stateTable,
    queueUrl: requiredIn(environment, environmentNames.objectsQueue),
    bucketIn: bucketIn(environment),
  };
}

/**
 * How an S3 client names a bucket. In AWS the bucket is part of the host. Behind an endpoint of one's own (an emulator,
 * a gateway, an interface endpoint) it is in the path, for nothing answers to the name `BUCKET.localhost`. The SDK
 * reads the same variables for the endpoint itself.
 */
export function bucketIn(environment: Environment): 'host' | 'path' {
  const isIgnored = /^true$/i.test(environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS ?? '');
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL;
  return endpoint === undefined || endpoint === '' || isIgnored ? 'host' : 'path';
}

function requiredIn(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === '')
    throw new TidemarkError(
      `${name}: missing in the function's environment: deploy it with the construct, which sets it`,
    );
  return value;
}

/** @param kafka the connection to the topic's brokers, JSON; undefined: the stream is one of Kinesis */
function readSource(stream: string, kafka: string | undefined): StreamSource {
  if (kafka === undefined) return { kind: 'kinesis', stream };
  let brokers: unknown;
  try {
    brokers = JSON.parse(kafka);
  } catch {
    brokers = undefined;
  }
  if (typeof brokers !== 'object' || brokers === null)
    throw argumentError(
      environmentNames.kafka,
      kafka,
      'is not an object of JSON: deploy the function with the construct, which sets it',
    );
  return { kind: 'kafka', ...checkKafkaSource({ ...(brokers as KafkaSource), topic: stream }) };
}

/**
 * The source, which has to be of the kind that the function was bundled for.
 * @throws TidemarkError when code and environment are of different deployments
 */
export function sourceOf<Kind extends StreamSource['kind']>(
  kind: Kind,
  source: StreamSource,
): Extract<StreamSource, { kind: Kind }> {
  if (isOf(kind, source)) return source;
  throw argumentError(
    'source',
    source.kind,
    `is not what the function was bundled for, ${kind}: deploy it with the construct, which sets both`,
  );
}

function isOf<Kind extends StreamSource['kind']>(
  kind: Kind,
  source: StreamSource,
): source is Extract<StreamSource, { kind: Kind }> {
  return source.kind === kind;
}
