import { findPackageRoot } from '../bundle/package-root.ts';
import type { LocalError } from './account/local-error.ts';
import { checkHistory } from './kept-history.ts';
import { type LocalOptions, type LocalPlan, localPlan } from './local-options.ts';
import { type ProcessOptions, portOf, processes, type StartUp, urlOf } from './process-table.ts';
import type { Ports, ProcessKind } from './processes/child-messages.ts';
import { type Child, superviseChild } from './processes/child-process.ts';
import { bundleFunctions, bundleProcesses, bundleSinks, functionEntries } from './resources/bundle.ts';
import { localSinkTarget, sinkFunctionName } from './resources/local-sinks.ts';
import { type CreatedStream, ensureResources, ensureTargets, type ResourceNames } from './resources/resources.ts';

/** The embedded AWS, running. */
export interface Local {
  /** The HTTP front: the query API, and all AWS services for `AWS_ENDPOINT_URL`. */
  readonly url: string;
  readonly endpoints: { readonly kinesis: string; readonly dynamodb: string; readonly lambda: string };
  readonly streamName: string;
  readonly tableNames: ResourceNames['tables'];
  readonly functionNames: ResourceNames['functions'];
  /** The functions of the sinks that are served, by the sink's name. */
  readonly sinkFunctions: Readonly<Record<string, string>>;
  /** The current process ids. A process that is being started anew has its new id. */
  pids(): Readonly<Record<ProcessKind, number | undefined>>;
  /**
   * `kill -9`. The process is started anew by itself (the emulators only with a data folder: without one the system
   * ends).
   */
  kill(kind: ProcessKind): Promise<void>;
  /** Resolves when a new process serves. After {@link Local.kill} it waits for the one that is being started. */
  restart(kind: ProcessKind): Promise<void>;
  /** Finishes the invocations in flight for a bounded time, closes the databases and ends all processes. */
  stop(): Promise<void>;
  /** Calls back once if the system ends by itself, after everything has been stopped. */
  onExit(callback: (error: LocalError) => void): void;
}

/** How long (ms) a stop waits for each process before it kills it. */
const stopWithinMs = 8_000;

/**
 * Starts the embedded AWS (DESIGN section 7): child processes that end with this one.
 * @throws LocalError with a code and one line, after everything that had been started was stopped
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const plan = await localPlan(options);
  const packageRoot = findPackageRoot();
  const known = {
    emulators: deferred<Ports>(),
    functions: deferred<Ports>(),
    stream: deferred<CreatedStream>(),
  };
  const bundles = bundle(plan, packageRoot);
  const system = superviseSystem(plan, {
    ...bundles,
    files: await bundleProcesses(packageRoot),
    emulators: known.emulators.promise,
    functions: known.functions.promise,
    stream: known.stream.promise,
  });
  const { children } = system;
  try {
    // All are forked at once. Each receives its options as soon as they are known.
    const runner = begun(children.runner.start());
    const functions = begun(children.functions.start());
    const emulators = await children.emulators.start();
    known.emulators.resolve(emulators);
    functions.then(known.functions.resolve, () => undefined);
    await Promise.all([bundles.functionFiles, bundles.sinkFiles]);
    known.stream.resolve(await ensureStored(plan, emulators));
    await functions;
    return running(plan, system, emulators, urlOf(portOf(await runner, 'front')));
  } catch (error) {
    await system.stop();
    throw error;
  }
}

/** Begins the bundles that are built while the processes start. */
function bundle({ options, source, sinks }: LocalPlan, packageRoot: string) {
  const { pipelineFile, entries = functionEntries(packageRoot) } = options;
  return {
    functionFiles: begun(bundleFunctions({ pipelineFile, entries, source: source.kind, packageRoot })),
    sinkFiles: begun(bundleSinks(pipelineFile, sinks, packageRoot)),
  };
}

/** The child processes, and the function that ends them all. */
interface System extends Pick<Local, 'stop' | 'onExit'> {
  readonly children: Readonly<Record<ProcessKind, Child>>;
}

function superviseSystem(plan: LocalPlan, startUp: StartUp): System {
  const exitCallbacks: ((error: LocalError) => void)[] = [];
  let ending: Promise<void> | undefined;

  function onFatal(error: LocalError): void {
    if (ending !== undefined) return;
    void stop().then(() => {
      for (const callback of exitCallbacks) callback(error);
    });
  }

  function supervise<Kind extends ProcessKind>(kind: Kind): Child {
    const { restarts, options } = processes[kind];
    return superviseChild<ProcessOptions[Kind]>({
      kind,
      file: startUp.files[`${kind}-process`],
      restarts: restarts(plan),
      onFatal,
      options: (memo, ports) => options(plan, startUp, memo, ports),
    });
  }

  const children = {
    emulators: supervise('emulators'),
    functions: supervise('functions'),
    runner: supervise('runner'),
  };

  /** Stops each process before those that it calls. */
  function stop(): Promise<void> {
    ending ??= (async () => {
      for (const child of [children.runner, children.functions, children.emulators]) await child.stop(stopWithinMs);
    })();
    return ending;
  }

  return { children, stop, onExit: (callback) => void exitCallbacks.push(callback) };
}

/**
 * Makes stream, tables and targets where they are missing.
 * @throws LocalError when their contents do not fit together
 */
async function ensureStored({ options, names, dataDir, sinks }: LocalPlan, emulators: Ports) {
  const ports = { kinesis: portOf(emulators, 'kinesis'), dynamodb: portOf(emulators, 'dynamodb') };
  // Other functions than the package's keep other state.
  if (dataDir !== null && options.entries === undefined)
    await checkHistory({ dataDir, names, ports, nowMs: Date.now() });
  const stream = await ensureResources(names, options.kafka === undefined ? options.shards : undefined, ports);
  const targets = sinks.map((sink) => ({ kind: sink.kind, target: localSinkTarget(options.pipelineName, sink) }));
  await ensureTargets(targets, ports);
  return stream;
}

function running({ options, names, sinks }: LocalPlan, system: System, emulators: Ports, url: string): Local {
  const { children } = system;
  return {
    url,
    endpoints: {
      kinesis: urlOf(portOf(emulators, 'kinesis')),
      dynamodb: urlOf(portOf(emulators, 'dynamodb')),
      lambda: url,
    },
    streamName: names.stream,
    tableNames: names.tables,
    functionNames: names.functions,
    sinkFunctions: Object.fromEntries(sinks.map(({ name }) => [name, sinkFunctionName(options.pipelineName, name)])),
    pids: () => ({
      emulators: children.emulators.pid(),
      runner: children.runner.pid(),
      functions: children.functions.pid(),
    }),
    kill: (kind) => children[kind].kill(),
    restart: (kind) => children[kind].restart(),
    stop: system.stop,
    onExit: system.onExit,
  };
}

/** Marks a promise as handled. Whoever awaits it later sees its failure. */
function begun<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
