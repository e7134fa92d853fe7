import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { deliver, functions, sourceFunctions } from '../../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../../functions/core/deployment/tables.ts';
import { arnOf } from '../account/account.ts';
import { dataFolder } from '../emulators/data-folder.ts';
import { close, listen } from '../emulators/emulator.ts';
import { createEnvironmentPool, type PoolPolicy } from '../lambda/environment-pool.ts';
import { functionVariables } from '../lambda/environment-variables.ts';
import { createFunctionLog } from '../lambda/function-log.ts';
import { answerInvoke, invokedName, refuse } from '../lambda/invoke-api.ts';
import { createLambdaFunction, type LambdaFunction } from '../lambda/lambda-function.ts';
import type { LocalFunctionName } from '../resources/bundle.ts';
import type { LocalSink } from '../resources/local-sinks.ts';
import type { ResourceNames } from '../resources/resources.ts';
import { type RunningChild, runChild } from './child-main.ts';

/** The options of the functions process. */
export interface FunctionsOptions {
  readonly names: ResourceNames;
  /** The bundled file of each function. */
  readonly files: Readonly<Record<LocalFunctionName, string>>;
  readonly workerFile: string;
  readonly dataDir: string | null;
  /** The port to serve on, 0 for any. It is the same after a restart. */
  readonly port: number;
  readonly emulators: { readonly kinesis: string; readonly dynamodb: string };
  /** Most execution environments of each function. */
  readonly environments: Readonly<Record<LocalFunctionName, number>>;
  readonly timeoutMs: Readonly<Record<LocalFunctionName, number>>;
  /** Whether aggregate may ask for finalize runs, and finalize for runs of the sinks. */
  readonly kicks: boolean;
  readonly sinks: readonly LocalSink[];
  readonly variables: Readonly<Record<string, string>>;
}

const settings = { ...functions, ingest: sourceFunctions.ingest };

const policies: Readonly<Record<LocalFunctionName, PoolPolicy>> = {
  aggregate: 'spread',
  finalize: 'warm',
  query: 'warm',
  ingest: 'warm',
};

async function start(options: FunctionsOptions): Promise<RunningChild> {
  const byName = new Map<string, LambdaFunction>();
  const server = createServer((request, response) => {
    route(byName, request, response).catch((error) => refuse(response, 500, 'ServiceException', String(error)));
  });
  const port = await listen(server, options.port);
  for (const name of Object.keys(settings) as LocalFunctionName[])
    byName.set(options.names.functions[name], createFunction(name, options, port));
  for (const sink of options.sinks) byName.set(sink.functionName, createSinkFunction(sink, options, port));
  return {
    ports: { functions: port },
    async stop() {
      await close(server);
      await Promise.all([...byName.values()].map((target) => target.close()));
    },
  };
}

function createFunction(name: LocalFunctionName, options: FunctionsOptions, port: number): LambdaFunction {
  return runFunction(options, port, {
    name,
    functionName: options.names.functions[name],
    handlerFile: options.files[name],
    memoryMb: settings[name].memoryMb,
    timeoutMs: options.timeoutMs[name],
    environments: options.environments[name],
    policy: policies[name],
    variables: name === 'finalize' && options.kicks ? tasksBeside(options.environments.finalize) : {},
  });
}

/** All environments of finalize but the one that leads may take tasks. */
function tasksBeside(environments: number): Readonly<Record<string, string>> {
  return { [environmentNames.tasksAtATime]: String(environments - 1) };
}

/** Two environments, so that two runs can overlap. */
const deliverEnvironments = 2;

function createSinkFunction(
  { name, functionName, file, timeoutMs, target, secret }: LocalSink,
  options: FunctionsOptions,
  port: number,
): LambdaFunction {
  return runFunction(options, port, {
    name: `deliver-${name}`,
    functionName,
    handlerFile: file,
    memoryMb: deliver.memoryMb,
    timeoutMs,
    environments: deliverEnvironments,
    policy: 'spread',
    variables: {
      [environmentNames.sink]: name,
      ...(target === undefined ? {} : { [environmentNames.sinkTarget]: target }),
      ...(secret === undefined ? {} : { [environmentNames.sinkSecret]: secret }),
    },
  });
}

interface FunctionRun {
  /** The name of the function's log. */
  readonly name: string;
  readonly functionName: string;
  readonly handlerFile: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  readonly environments: number;
  readonly policy: PoolPolicy;
  readonly variables: Readonly<Record<string, string>>;
}

function runFunction(options: FunctionsOptions, port: number, run: FunctionRun): LambdaFunction {
  const { functionName, handlerFile, memoryMb, timeoutMs } = run;
  const variables = functionVariables({
    names: options.names,
    functionName,
    memoryMb,
    endpoints: { ...options.emulators, lambda: `http://127.0.0.1:${port}` },
    kicks: options.kicks,
    sinks: Object.fromEntries(options.sinks.map((sink) => [sink.name, options.kicks ? sink.functionName : null])),
    extra: { ...run.variables, ...options.variables },
  });
  const functionArn = arnOf('lambda', `function:${functionName}`);
  const spec = {
    workerFile: options.workerFile,
    handlerFile,
    functionName,
    functionArn,
    memoryMb,
    timeoutMs,
    variables,
  };
  const pool = createEnvironmentPool(spec, run.environments, run.policy);
  return createLambdaFunction(
    pool,
    createFunctionLog(run.name, options.dataDir === null ? undefined : dataFolder(options.dataDir).logs),
    memoryMb,
  );
}

async function route(
  functions: ReadonlyMap<string, LambdaFunction>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? '/';
  const name = invokedName(path);
  if (name !== undefined && request.method === 'POST') return answerInvoke(name, functions, request, response);
  if (path === '/_tidemark/logs')
    return sendJson(response, Object.fromEntries([...functions].map(([key, target]) => [key, target.recentLog()])));
  if (path === '/_tidemark/ping') return sendJson(response, { ready: true });
  refuse(response, 404, 'ResourceNotFoundException', `no such operation: ${request.method} ${path}`);
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

runChild<FunctionsOptions>('functions', start);
