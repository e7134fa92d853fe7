import { TidemarkError } from './core/error.ts';
import { environmentNames } from './core/schema.ts';

/** What a function has to know of where it runs. */
export interface Config {
  readonly stream: string;
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
    stream: required(environmentNames.stream),
    tables: { state: required(environmentNames.state), windows: required(environmentNames.windows), rejects: required(environmentNames.rejects) },
    finalizeFunction: environment[environmentNames.finalize],
    deployment: environment[environmentNames.deployment],
    logLevel,
  };
}
