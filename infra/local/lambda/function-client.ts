import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { MetricSums } from './emf.ts';
import { metricsHeader } from './invoke-api.ts';

/** The outcome of an invocation: an answer, a function error, or no contact with the functions process. */
export type InvokeAnswer =
  | { readonly kind: 'success'; readonly payload: string }
  | { readonly kind: 'functionError'; readonly payload: string }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** Invokes functions in the functions process. Never rejects. */
export interface FunctionClient {
  /** Once `gone` is aborted, no client waits for the answer: an invocation that has not begun is dropped. */
  invoke(functionName: string, event: string, gone?: AbortSignal): Promise<InvokeAnswer>;
  close(): void;
}

/** Lambda's Invoke call over loopback. `onMetrics` receives the sums of each invocation that answered. */
export function createFunctionClient(
  port: number,
  onMetrics: (functionName: string, sums: MetricSums) => void,
): FunctionClient {
  const agent = new Agent({ keepAlive: true });
  return {
    invoke(functionName, event, gone) {
      return new Promise((resolve) => {
        const unreachable = (error: Error): void => resolve({ kind: 'unreachable', reason: error.message });
        const path = `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(event) };
        const options = {
          host: '127.0.0.1',
          port,
          method: 'POST',
          path,
          agent,
          headers,
          ...(gone && { signal: gone }),
        };
        const sent = request(options, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', unreachable);
          response.on('end', () => {
            const payload = Buffer.concat(chunks).toString('utf8');
            if (response.statusCode !== 200)
              return resolve({ kind: 'unreachable', reason: `${response.statusCode} ${payload}` });
            const metrics = metricsOf(response.headers);
            if (metrics !== undefined) onMetrics(functionName, metrics);
            resolve({
              kind: response.headers['x-amz-function-error'] === undefined ? 'success' : 'functionError',
              payload,
            });
          });
        });
        sent.on('error', unreachable);
        sent.end(event);
      });
    },
    close: () => agent.destroy(),
  };
}

/** The metric sums that the functions process adds to an answer. */
export function metricsOf(headers: IncomingHttpHeaders): MetricSums | undefined {
  const value = headers[metricsHeader];
  return typeof value === 'string'
    ? (JSON.parse(Buffer.from(value, 'base64').toString('utf8')) as MetricSums)
    : undefined;
}
