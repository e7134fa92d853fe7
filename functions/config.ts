import { TidemarkError } from './core/error.ts';
import { environmentNames } from './core/schema.ts';

/** What a function has to know of where it runs. */
export interface Config {
  readonly stream: string;
  readonly tables: { readonly state: string; readonly windows: string; readonly rejects: string };
  /** The finalize function, where aggregate may ask it for a run. */
  readonly finalizeFunction: string | undefined;
  /** For finalize: the functions of the sinks that are served, by the sink's name; null: it is not asked for runs. */
  readonly sinks: Readonly<Record<string, string | null>>;
  /** Names the deployment in metrics and logs; undefined: by its pipeline. */
  readonly deployment: string | undefined;
  readonly logLevel: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
}

const logLevels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;

/**
 * Reads and checks the environment once, when a function starts. The only place in functions/ that reads it.
 * @throws TidemarkError that names the variable
 */
export function readConfig(environment: Environment = process.env): Config {
  const required = requiredIn(environment);
  return {
    stream: required(environmentNames.stream),
    tables: { state: required(environmentNames.state), windows: required(environmentNames.windows), rejects: required(environmentNames.rejects) },
    finalizeFunction: environment[environmentNames.finalize],
    sinks: JSON.parse(environment[environmentNames.sinks] ?? '{}'),
    deployment: environment[environmentNames.deployment],
    logLevel: logLevelIn(environment),
  };
}

/** What the function of a sink has to know of where it runs. */
export interface SinkConfig extends Pick<Config, 'deployment' | 'logLevel'> {
  readonly tables: Pick<Config['tables'], 'state' | 'windows'>;
  /** Which of the pipeline's sinks. */
  readonly sink: string;
  readonly target: string | undefined;
  readonly secret: string | undefined;
  readonly secretArn: string | undefined;
}

/**
 * Reads and checks the environment of the function of a sink.
 * @throws TidemarkError that names the variable
 */
export function readSinkConfig(environment: Environment = process.env): SinkConfig {
  const required = requiredIn(environment);
  return {
    tables: { state: required(environmentNames.state), windows: required(environmentNames.windows) },
    sink: required(environmentNames.sink),
    target: environment[environmentNames.sinkTarget],
    secret: environment[environmentNames.sinkSecret],
    secretArn: environment[environmentNames.sinkSecretArn],
    deployment: environment[environmentNames.deployment],
    logLevel: logLevelIn(environment),
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

function requiredIn(environment: Environment): (name: string) => string {
  return (name) => {
    const value = environment[name];
    if (value === undefined || value === '')
      throw new TidemarkError(`${name}: missing in the function's environment: deploy it with the construct, which sets it`);
    return value;
  };
}

function logLevelIn(environment: Environment): Config['logLevel'] {
  const level = environment[environmentNames.logLevel] ?? 'INFO';
  const logLevel = logLevels.find((known) => known === level);
  if (logLevel === undefined) throw new TidemarkError(`${environmentNames.logLevel}: ${level} is not a log level: use ${logLevels.join(', ')}`);
  return logLevel;
}
