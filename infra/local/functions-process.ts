import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { functions, sourceFunctions } from '../../functions/core/settings.ts';
import { arnOf } from './account.ts';
import type { LocalFunctionName } from './bundle.ts';
import { type RunningChild, runChild } from './child-main.ts';
import { dataFolder } from './data-folder.ts';
import { close, listen } from './emulator.ts';
import { createEnvironmentPool, type PoolPolicy } from './environment-pool.ts';
import { functionVariables } from './environment-variables.ts';
import { createFunctionLog } from './function-log.ts';
import { answerInvoke, invokedName, refuse } from './invoke-api.ts';
import { createLambdaFunction, type LambdaFunction } from './lambda-function.ts';
import type { ResourceNames } from './resources.ts';

/** What the functions process is told. */
export interface FunctionsOptions {
  readonly names: ResourceNames;
  /** The bundled file of each function. */
  readonly files: Readonly<Record<LocalFunctionName, string>>;
  readonly workerFile: string;
  readonly dataDir: string | null;
  /** The port to serve on, 0 for any; after a restart the same one. */
  readonly port: number;
  readonly emulators: { readonly kinesis: string; readonly dynamodb: string };
  /** Most execution environments of each function. */
  readonly environments: Readonly<Record<LocalFunctionName, number>>;
  readonly timeoutMs: Readonly<Record<LocalFunctionName, number>>;
  /** Whether aggregate may ask for finalize runs. */
  readonly kicks: boolean;
  readonly variables: Readonly<Record<string, string>>;
}

const settings = { ...functions, ingest: sourceFunctions.ingest };

const policies: Readonly<Record<LocalFunctionName, PoolPolicy>> = { aggregate: 'spread', finalize: 'warm', query: 'warm', ingest: 'warm' };

async function start(options: FunctionsOptions): Promise<RunningChild> {
  const byName = new Map<string, LambdaFunction>();
  const server = createServer((request, response) => {
    route(byName, request, response).catch((error) => refuse(response, 500, 'ServiceException', String(error)));
  });
  const port = await listen(server, options.port, () => 'passed', undefined);
  for (const name of Object.keys(settings) as LocalFunctionName[]) byName.set(options.names.functions[name], createFunction(name, options, port));
  return {
    ports: { functions: port },
    async stop() {
      await close(server);
      await Promise.all([...byName.values()].map((target) => target.close()));
    },
  };
}

function createFunction(name: LocalFunctionName, options: FunctionsOptions, port: number): LambdaFunction {
  const functionName = options.names.functions[name];
  const { memoryMb } = settings[name];
  const variables = functionVariables({
    names: options.names,
    functionName,
    memoryMb,
    endpoints: { ...options.emulators, lambda: `http://127.0.0.1:${port}` },
    kicks: options.kicks,
    extra: options.variables,
  });
  const spec = {
    workerFile: options.workerFile,
    handlerFile: options.files[name],
    functionName,
    functionArn: arnOf('lambda', `function:${functionName}`),
    memoryMb,
    timeoutMs: options.timeoutMs[name],
    variables,
  };
  const pool = createEnvironmentPool(spec, options.environments[name], policies[name]);
  return createLambdaFunction(pool, createFunctionLog(name, options.dataDir === null ? undefined : dataFolder(options.dataDir).logs), memoryMb);
}

async function route(functions: ReadonlyMap<string, LambdaFunction>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/';
  const name = invokedName(path);
  if (name !== undefined && request.method === 'POST') return answerInvoke(name, functions, request, response);
  if (path === '/_tidemark/logs') return sendJson(response, Object.fromEntries([...functions].map(([key, target]) => [key, target.recentLog()])));
  if (path === '/_tidemark/ping') return sendJson(response, { ready: true });
  refuse(response, 404, 'ResourceNotFoundException', `no such operation: ${request.method} ${path}`);
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

runChild<FunctionsOptions>('functions', start);
