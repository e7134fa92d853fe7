import { setTimeout as delay } from 'node:timers/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { FinalizeAnswer, FinalizeEvent } from '../../functions/finalize.ts';
import { isAfter, type SequenceNumber } from '../../functions/core/sequence-number.ts';
import { readProgress } from '../../functions/state/progress.ts';
import { openTables } from '../../functions/state/tables.ts';
import type { Local } from '../../infra/local/local.ts';
import { type ApiClient, apiClient } from '../api-client.ts';
import { clientConfig } from '../endpoint.ts';
import { TidemarkError } from '../errors.ts';

/** The embedded AWS as its user sees it: the same calls as against an account. */
export interface Embedded {
  readonly local: Local;
  readonly kinesis: KinesisClient;
  readonly api: ApiClient;
  finalize(event: FinalizeEvent): Promise<FinalizeAnswer>;
  /** Waits until each shard has committed at least the given record. */
  committed(upTo: ReadonlyMap<string, SequenceNumber>, signal: AbortSignal): Promise<void>;
  /** Write units of DynamoDB that aggregate and finalize have taken so far, refused conditions included. */
  writeUnits(): Promise<number>;
  close(): Promise<void>;
}

/** How long (ms) to wait before progress is read again: reading it costs the emulator about as much as a write. */
const pollMs = 5;

/** How often an invocation is tried again while the functions' process is being started anew. */
const attempts = 50;

export function embedded(local: Local): Embedded {
  const at = (endpoint: string) => clientConfig({ port: Number(new URL(endpoint).port), endpoint: undefined });
  const kinesis = new KinesisClient(at(local.endpoints.kinesis));
  const lambda = new LambdaClient(at(local.endpoints.lambda));
  const { state } = openTables(local.tableNames, at(local.endpoints.dynamodb));
  return {
    local,
    kinesis,
    api: apiClient(local.url),
    finalize: (event) => invoke<FinalizeAnswer>(lambda, local.functionNames.finalize, event),
    async committed(upTo, signal) {
      for (const [shardId, last] of upTo) {
        for (;;) {
          signal.throwIfAborted();
          const { sequenceNumber } = await readProgress(state, shardId);
          if (!isAfter(last, sequenceNumber)) break;
          await delay(pollMs);
        }
      }
    },
    async writeUnits() {
      const sums = (await (await fetch(`${local.url}/_tidemark/metrics`)).json()) as Readonly<Record<string, Readonly<Record<string, number>>>>;
      return (sums.aggregate?.writeUnits ?? 0) + (sums.finalize?.writeUnits ?? 0);
    },
    async close() {
      kinesis.destroy();
      lambda.destroy();
      await local.stop();
    },
  };
}

/** Invokes a function and reads its answer. While its process is gone the call is repeated, as a schedule would. */
export async function invoke<Answer>(lambda: LambdaClient, functionName: string, event: unknown): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await lambda.send(new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) }));
      const payload: unknown = JSON.parse(Buffer.from(answer.Payload ?? []).toString() || 'null');
      if (answer.FunctionError === undefined) return payload as Answer;
      const failure = payload as { errorType?: string; errorMessage?: string };
      throw new TidemarkError(`function ${functionName} failed: ${failure.errorType}: ${failure.errorMessage}`);
    } catch (error) {
      const gone = error instanceof Error && (error.name === 'ServiceException' || error.name === 'ServiceUnavailableException');
      if (!gone || attempt === attempts) throw error;
      await delay(pollMs * attempt);
    }
  }
}
