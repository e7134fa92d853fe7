import { randomUUID } from 'node:crypto';
import { addEmbeddedMetrics, type MetricSums } from './emf.ts';
import type { InvocationResult } from './environment.ts';
import type { EnvironmentPool } from './environment-pool.ts';
import type { FunctionLog } from './function-log.ts';

/** An invocation that has ended, with Lambda's report of it. */
export interface Invocation {
  readonly requestId: string;
  readonly result: InvocationResult;
  /** The whole log of the invocation. */
  readonly log: string;
  /** Sums of the embedded metrics in the log. */
  readonly metrics: MetricSums;
}

/** A function that can be invoked, as many times at once as it has environments. */
export interface LambdaFunction {
  /**
   * `event` is JSON text in UTF-8 and is handed over: do not use it afterwards. An invocation that had to wait is not
   * run when `isWanted` then returns false.
   */
  invoke(event: Uint8Array<ArrayBuffer>, isWanted: () => boolean): Promise<Invocation>;
  /**
   * Lambda's asynchronous invocation. It is queued and run once, and nobody receives its answer. Its metrics are
   * reported with those of the next {@link invoke}.
   */
  invokeLater(event: Uint8Array<ArrayBuffer>): void;
  recentLog(): string;
  close(): Promise<void>;
}

/** Adds Lambda's log lines and the metrics to a pool of environments. */
export function createLambdaFunction(pool: EnvironmentPool, log: FunctionLog, memoryMb: number): LambdaFunction {
  let untold: MetricSums = {};

  async function run(event: Uint8Array<ArrayBuffer>, isWanted: () => boolean): Promise<Invocation> {
    const requestId = randomUUID();
    const lines: string[] = [];
    const write = (text: string): void => {
      lines.push(text);
      log.write(text);
    };
    const startMs = performance.now();
    write(`START RequestId: ${requestId} Version: $LATEST\n`);
    const result = await pool.invoke({ event, requestId, onLog: write, isWanted });
    const durationMs = performance.now() - startMs;
    write(`END RequestId: ${requestId}\n`);
    write(`REPORT RequestId: ${requestId}\tDuration: ${durationMs.toFixed(2)} ms\tMemory Size: ${memoryMb} MB\n`);
    const text = lines.join('');
    const metrics: MetricSums = {};
    for (const line of text.split('\n')) addEmbeddedMetrics(line, metrics);
    return { requestId, result, log: text, metrics };
  }

  return {
    async invoke(event, isWanted) {
      const invocation = await run(event, isWanted);
      const metrics = sumOf(invocation.metrics, untold);
      untold = {};
      return { ...invocation, metrics };
    },
    invokeLater(event) {
      void run(event, () => true).then(({ metrics }) => {
        untold = sumOf(untold, metrics);
      });
    },
    recentLog: log.recent,
    async close() {
      await pool.terminate();
      await log.close();
    },
  };
}

function sumOf(left: MetricSums, right: MetricSums): MetricSums {
  const sum: MetricSums = { ...left };
  for (const [name, value] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
