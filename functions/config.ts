import { mistake, TidemarkError } from './core/error.ts';
import { checkKafkaSource, type KafkaSource } from './core/kafka-source.ts';
import { environmentNames } from './core/schema.ts';

/** Where a function's events come from. */
export type SourceConfig = { readonly kind: 'kinesis'; readonly stream: string } | ({ readonly kind: 'kafka' } & KafkaSource);

/** What a function has to know of where it runs. */
export interface Config {
  readonly source: SourceConfig;
  readonly tables: { readonly state: string; readonly windows: string; readonly rejects: string };
  /** The finalize function, where aggregate may ask it for a run. */
  readonly finalizeFunction: string | undefined;
  /** Names the deployment in metrics and logs; undefined: by its pipeline. */
  readonly deployment: string | undefined;
  readonly logLevel: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
}

const logLevels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;

/**
 * Reads and checks the environment once, when a function starts. The only place in functions/ that reads it.
 * @throws TidemarkError that names the variable
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const required = (name: string) => {
    const value = environment[name];
    if (value === undefined || value === '')
      throw new TidemarkError(`${name}: missing in the function's environment: deploy it with the construct, which sets it`);
    return value;
  };
  const level = environment[environmentNames.logLevel] ?? 'INFO';
  const logLevel = logLevels.find((known) => known === level);
  if (logLevel === undefined) throw new TidemarkError(`${environmentNames.logLevel}: ${level} is not a log level: use ${logLevels.join(', ')}`);
  return {
    source: readSource(required(environmentNames.stream), environment[environmentNames.kafka]),
    tables: { state: required(environmentNames.state), windows: required(environmentNames.windows), rejects: required(environmentNames.rejects) },
    finalizeFunction: environment[environmentNames.finalize],
    deployment: environment[environmentNames.deployment],
    logLevel,
  };
}

/** @param kafka how to reach the topic's brokers, JSON; undefined: the stream is one of Kinesis */
function readSource(stream: string, kafka: string | undefined): SourceConfig {
  if (kafka === undefined) return { kind: 'kinesis', stream };
  let brokers: unknown;
  try {
    brokers = JSON.parse(kafka);
  } catch {
    brokers = undefined;
  }
  if (typeof brokers !== 'object' || brokers === null)
    throw mistake(environmentNames.kafka, kafka, 'is not an object of JSON: deploy the function with the construct, which sets it');
  return { kind: 'kafka', ...checkKafkaSource({ ...(brokers as KafkaSource), topic: stream }) };
}

/**
 * The source, which has to be of the kind that the function was bundled for.
 * @throws TidemarkError when code and environment are of different deployments
 */
export function sourceOf<Kind extends SourceConfig['kind']>(kind: Kind, source: SourceConfig): Extract<SourceConfig, { kind: Kind }> {
  if (isOf(kind, source)) return source;
  throw mistake('source', source.kind, `is not what the function was bundled for, ${kind}: deploy it with the construct, which sets both`);
}

function isOf<Kind extends SourceConfig['kind']>(kind: Kind, source: SourceConfig): source is Extract<SourceConfig, { kind: Kind }> {
  return source.kind === kind;
}
