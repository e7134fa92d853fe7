import { setTimeout as delay } from 'node:timers/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { FinalizeAnswer } from '../../functions/finalize.ts';
import type { FinalizeEvent } from '../../functions/operations/request.ts';
import type { DeliveryReport } from '../../functions/state/sinks/delivery.ts';
import type { Local } from '../../infra/local/local.ts';
import type { MappingStatus } from '../../infra/local/mapping/event-source-mapping.ts';
import { type ApiClient, apiClient } from '../deployment/api-client.ts';
import { clientConfig } from '../deployment/endpoint.ts';
import { TidemarkError } from '../program/errors.ts';

/** The embedded AWS as its user sees it: the same calls as against an account. */
export interface Embedded {
  readonly local: Local;
  readonly kinesis: KinesisClient;
  readonly api: ApiClient;
  finalize(event: FinalizeEvent): Promise<FinalizeAnswer>;
  /** Asks the finalize function for something else than a run. */
  ask<Answer>(event: FinalizeEvent): Promise<Answer>;
  /**
   * Runs the function of each sink that is served here, to the end of what waits, and tells what came of it by the
   * sink's name.
   */
  deliver(): Promise<Readonly<Record<string, DeliveryReport>>>;
  /** Waits until the mapping has had each shard's records, up to the given ones, committed. */
  committed(upTo: ReadonlyMap<string, SequenceNumber>, signal: AbortSignal): Promise<void>;
  /** What the aggregate function doubts of the pipeline so far, a line each: that a field is not in any event, say. */
  doubts(): Promise<readonly string[]>;
  /** Write units of DynamoDB that aggregate and finalize have taken so far, refused conditions included. */
  writeUnits(): Promise<number>;
  close(): Promise<void>;
}

/**
 * How far the event source mapping has come; `after` so many changes: as soon as there was another, or a second has
 * passed.
 */
export async function mappingStatus(local: Local, after?: number): Promise<MappingStatus> {
  return (await (
    await fetch(`${local.url}/_tidemark/mapping${after === undefined ? '' : `?after=${after}`}`)
  ).json()) as MappingStatus;
}

/** How often an invocation is tried again while the functions' process is being started anew. */
const attempts = 50;
const againAfterMs = 5;

/** How often a run is repeated that was ended from outside. */
const repeats = 3;

/** An answer of a function that is an error. */
export class FunctionFailed extends TidemarkError {
  /** Lambda's name for it: the thrown error's, or what ended the function (`Sandbox.Timedout`, `Runtime.ExitError`). */
  readonly errorType: string;

  constructor(functionName: string, errorType: string, errorMessage: string) {
    super(`function ${functionName} failed: ${errorType}: ${errorMessage}`);
    this.errorType = errorType;
  }
}

/** @param tell takes a line about what does not end the run and should be known */
export function embedded(local: Local, tell: (line: string) => void = () => undefined): Embedded {
  const at = (endpoint: string) => clientConfig({ port: Number(new URL(endpoint).port), endpoint: undefined });
  const kinesis = new KinesisClient(at(local.endpoints.kinesis));
  const lambda = new LambdaClient(at(local.endpoints.lambda));
  return {
    local,
    kinesis,
    api: apiClient(local.url),
    ask: (event) => invoke(lambda, local.functionNames.finalize, event),
    finalize: (event) =>
      repeated(() => invoke<FinalizeAnswer>(lambda, local.functionNames.finalize, event), 'finalize', tell),
    async deliver() {
      // One after the other: each starts with its first run, and may find the whole of a small machine busy with the
      // rest.
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

/** The lines of a function's log that say what it doubts of the pipeline, each once. */
function doubtsIn(log: string): readonly string[] {
  const found = new Map<string, string>();
  for (const line of log.split('\n')) {
    if (!line.includes('"doubt"')) continue;
    try {
      const { doubt, message } = JSON.parse(line) as { readonly doubt?: string; readonly message?: string };
      if (doubt !== undefined && message !== undefined) found.set(doubt, message);
    } catch {
      // The log is kept from somewhere in the middle on: its first line may be half of one.
    }
  }
  return [...found.values()];
}

/**
 * Repeats a run that was ended from outside, by its time-out or with its process: on AWS the schedule does, and a run
 * goes on where the one before it stopped. Bounded: what ends every run would end them for ever.
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

/** Invokes a function and reads its answer. While its process is gone the call is repeated, as a schedule would. */
export async function invoke<Answer>(lambda: LambdaClient, functionName: string, event: unknown): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await lambda.send(
        new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) }),
      );
      const payload = payloadOf(functionName, Buffer.from(answer.Payload ?? []).toString());
      if (answer.FunctionError === undefined) return payload as Answer;
      const { errorType = 'Error', errorMessage = '' } = payload as { errorType?: string; errorMessage?: string };
      throw new FunctionFailed(functionName, errorType, errorMessage);
    } catch (error) {
      const gone =
        error instanceof Error && (error.name === 'ServiceException' || error.name === 'ServiceUnavailableException');
      if (!gone || attempt === attempts) throw error;
      await delay(againAfterMs * attempt);
    }
  }
}

function payloadOf(functionName: string, text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new TidemarkError(
      `function ${functionName}: what answers is no function: correct --port, --endpoint or AWS_ENDPOINT_URL`,
    );
  }
}
