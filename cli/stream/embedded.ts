import { KinesisClient } from '@aws-sdk/client-kinesis';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { DeliveryReport } from '../../functions/deliver.ts';
import type { FinalizeAnswer } from '../../functions/operations/advance.ts';
import type { Local } from '../../infra/local/local.ts';
import type { MappingStatus } from '../../infra/local/mapping/event-source-mapping.ts';
import { type ApiClient, apiClient } from '../deployment/api-client.ts';
import { clientConfig } from '../deployment/endpoint.ts';
import { type AskOperation, askOperation, FunctionFailed, invoke } from '../deployment/invoke.ts';

/** The embedded AWS as its user sees it: the same calls as against an account. */
export interface Embedded {
  readonly local: Local;
  readonly kinesis: KinesisClient;
  readonly api: ApiClient;
  /** A finalize run that somebody waits for, so that it is not held back as those of the schedule are; or a drain. */
  finalize(event: { readonly request?: 'drain' }): Promise<FinalizeAnswer>;
  /** Asks the finalize function for an operation. */
  readonly ask: AskOperation;
  /**
   * Runs the function of each sink that is served here until nothing waits. The answer has a report for each sink, by
   * its name.
   */
  deliver(): Promise<Readonly<Record<string, DeliveryReport>>>;
  /** Waits until the mapping has had each shard's records, up to the given ones, committed. */
  committed(upTo: ReadonlyMap<string, SequenceNumber>, signal: AbortSignal): Promise<void>;
  /**
   * The doubts of the aggregate function about the pipeline so far, a line each: for example, that a field is not in
   * any event.
   */
  doubts(): Promise<readonly string[]>;
  /** Write units of DynamoDB that aggregate and finalize have taken so far, refused conditions included. */
  writeUnits(): Promise<number>;
  close(): Promise<void>;
}

/**
 * The progress of the event source mapping.
 * @param after a number of changes: the answer comes as soon as there was another, or a second has passed
 */
export async function mappingStatus(local: Local, after?: number): Promise<MappingStatus> {
  return (await (
    await fetch(`${local.url}/_tidemark/mapping${after === undefined ? '' : `?after=${after}`}`)
  ).json()) as MappingStatus;
}

/** The number of times that a run is repeated when it was ended from outside. */
const repeats = 3;

/**
 * The embedded AWS of a local system.
 * @param tell takes a line about something that does not end the run and should be known
 */
export function embedded(local: Local, tell: (line: string) => void = () => undefined): Embedded {
  const at = (endpoint: string) => clientConfig({ port: Number(new URL(endpoint).port), endpoint: undefined });
  const kinesis = new KinesisClient(at(local.endpoints.kinesis));
  const lambda = new LambdaClient(at(local.endpoints.lambda));
  return {
    local,
    kinesis,
    api: apiClient(local.url),
    ask: askOperation(lambda, local.functionNames.finalize),
    finalize: (event) =>
      repeated(
        () => invoke<FinalizeAnswer>(lambda, local.functionNames.finalize, { request: 'advance', ...event }),
        'finalize',
        tell,
      ),
    async deliver() {
      // One after the other: each function starts with its first run, and the others may keep the whole of a small
      // machine busy.
      const reports: Record<string, DeliveryReport> = {};
      for (const [name, functionName] of Object.entries(local.sinkFunctions))
        reports[name] = await invoke<DeliveryReport>(lambda, functionName, {});
      return reports;
    },
    async committed(upTo, signal) {
      for (let status = await mappingStatus(local); ; status = await mappingStatus(local, status.changes)) {
        signal.throwIfAborted();
        const { shards } = status;
        const isBehind = ([shardId, last]: readonly [string, SequenceNumber]) =>
          shards[shardId]?.state !== 'finished' && isAfter(last, shards[shardId]?.checkpoint ?? undefined);
        if (![...upTo].some(isBehind)) return;
      }
    },
    async doubts() {
      const logs = (await (await fetch(`${local.url}/_tidemark/logs`)).json()) as Readonly<Record<string, string>>;
      return doubtsIn(logs[local.functionNames.aggregate] ?? '');
    },
    async writeUnits() {
      const sums = (await (await fetch(`${local.url}/_tidemark/metrics`)).json()) as Readonly<
        Record<string, Readonly<Record<string, number>>>
      >;
      return (sums.aggregate?.writeUnits ?? 0) + (sums.finalize?.writeUnits ?? 0);
    },
    async close() {
      kinesis.destroy();
      lambda.destroy();
      await local.stop();
    },
  };
}

/** The doubts about the pipeline in the log of a function, a line each, without repetition. */
function doubtsIn(log: string): readonly string[] {
  const found = new Map<string, string>();
  for (const line of log.split('\n')) {
    if (!line.includes('"doubt"')) continue;
    try {
      const { doubt, message } = JSON.parse(line) as { readonly doubt?: string; readonly message?: string };
      if (doubt !== undefined && message !== undefined) found.set(doubt, message);
    } catch {
      // The log is kept from somewhere in the middle on: its first line may be half a line.
    }
  }
  return [...found.values()];
}

/**
 * Repeats a run that was ended from outside, by its time-out or with its process. On AWS the schedule does so, and a
 * run goes on where the one before it stopped. The repeats are bounded: a fault that ends every run would otherwise
 * repeat them for ever.
 */
async function repeated<Answer>(
  run: () => Promise<Answer>,
  name: string,
  tell: (line: string) => void,
): Promise<Answer> {
  for (let again = 1; ; again++) {
    try {
      return await run();
    } catch (error) {
      const wasEnded =
        error instanceof FunctionFailed && ['Sandbox.Timedout', 'Runtime.ExitError'].includes(error.errorType);
      if (!wasEnded || again > repeats) throw error;
      tell(
        `tidemark: a run of ${name} did not end (${error.errorType}): it is repeated (${again} of at most ${repeats})`,
      );
    }
  }
}
