import { Worker } from 'node:worker_threads';
import type { EnvironmentData, FromEnvironment, FunctionError, InvokeMessage } from './environment-messages.ts';

/** The settings of an environment. */
export interface EnvironmentSpec {
  readonly workerFile: string;
  readonly handlerFile: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  /** All environment variables that the function sees. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The result of an invocation: the payload (JSON), or a function error. */
export type InvocationResult =
  | { readonly kind: 'success'; readonly payload: string }
  | { readonly kind: 'error'; readonly error: FunctionError };

/** An execution environment: a worker thread with its own modules and environment variables. */
export interface Environment {
  /** Runs one invocation at a time. `onLog` receives the function's output meanwhile. Never rejects. */
  invoke(event: Uint8Array<ArrayBuffer>, requestId: string, onLog: (text: string) => void): Promise<InvocationResult>;
  /** False after a time-out, an uncaught exception or `process.exit`: the next invocation needs a new one. */
  isAlive(): boolean;
  terminate(): Promise<void>;
}

/** Lambda's own limit (ms) for loading a function. */
const initTimeoutMs = 10_000;
/** Lambda's limit for an answer. */
const mostResponseBytes = 6_291_556;

/**
 * Starts an environment. The function is loaded when the first invocation waits for it. A failure to load is the result
 * of that invocation.
 */
export function createEnvironment(spec: EnvironmentSpec): Environment {
  const data: EnvironmentData = { handlerFile: spec.handlerFile };
  const worker = new Worker(spec.workerFile, {
    workerData: data,
    env: { ...spec.variables },
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: spec.memoryMb },
  });
  worker.stdout.resume();
  worker.stderr.resume();

  let alive = true;
  let onLog: (text: string) => void = () => undefined;
  let settle: ((result: InvocationResult) => void) | undefined;
  let crash = '';
  let state: 'loading' | 'ready' = 'loading';
  const whenReady: (() => void)[] = [];

  worker.on('message', (message: FromEnvironment) => {
    if (message.type === 'log') onLog(message.text);
    else if (message.type === 'ready') {
      state = 'ready';
      for (const wake of whenReady.splice(0)) wake();
    } else if (message.type === 'result') settle?.(sized(message.payload));
    else {
      if (message.type === 'initError') void end();
      settle?.({ kind: 'error', error: message.error });
    }
  });
  worker.on('error', (error) => {
    alive = false;
    crash = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    onLog(`ERROR\tUncaught Exception\t${error instanceof Error ? (error.stack ?? crash) : crash}\n`);
  });
  worker.on('exit', (code) => {
    alive = false;
    settle?.({ kind: 'error', error: { errorType: 'Runtime.ExitError', errorMessage: exitMessage(code, crash) } });
  });

  function end(): Promise<void> {
    alive = false;
    return worker.terminate().then(() => undefined);
  }

  return {
    isAlive: () => alive,
    terminate: end,
    invoke(event, requestId, log) {
      onLog = log;
      return new Promise<InvocationResult>((resolve) => {
        let timer: NodeJS.Timeout;
        const finish = (result: InvocationResult): void => {
          clearTimeout(timer);
          settle = undefined;
          onLog = () => undefined;
          resolve(result);
        };
        const timeOut = (afterMs: number): NodeJS.Timeout =>
          setTimeout(() => {
            void end();
            const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${(afterMs / 1000).toFixed(2)} seconds`;
            log(`${errorMessage}\n`);
            finish({ kind: 'error', error: { errorType: 'Sandbox.Timedout', errorMessage } });
          }, afterMs);
        const send = (): void => {
          clearTimeout(timer);
          timer = timeOut(spec.timeoutMs);
          const message: InvokeMessage = {
            type: 'invoke',
            event,
            requestId,
            functionName: spec.functionName,
            functionArn: spec.functionArn,
            memoryMb: spec.memoryMb,
            timeoutMs: spec.timeoutMs,
          };
          worker.postMessage(message, [event.buffer]);
        };
        settle = finish;
        timer = timeOut(initTimeoutMs);
        if (!alive)
          finish({ kind: 'error', error: { errorType: 'Runtime.ExitError', errorMessage: exitMessage(1, crash) } });
        else if (state === 'ready') send();
        else whenReady.push(send);
      });
    },
  };
}

function sized(payload: string): InvocationResult {
  const bytes = Buffer.byteLength(payload);
  if (bytes <= mostResponseBytes) return { kind: 'success', payload };
  const errorMessage = `Response payload size (${bytes} bytes) exceeded maximum allowed payload size (${mostResponseBytes} bytes).`;
  return { kind: 'error', error: { errorType: 'Function.ResponseSizeTooLarge', errorMessage } };
}

function exitMessage(code: number, crash: string): string {
  if (crash !== '') return `Runtime exited with error: ${crash}`;
  return code === 0 ? 'Runtime exited without providing a reason' : `Runtime exited with error: exit status ${code}`;
}
