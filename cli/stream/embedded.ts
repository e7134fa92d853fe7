import { KinesisClient } from '@aws-sdk/client-kinesis';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { DeliveryReport } from '../../functions/deliver.ts';
import type { FinalizeAnswer } from '../../functions/operations/advance.ts';
import type { Local } from '../../infra/local/local.ts';
import type { MappingStatus } from '../../infra/local/mapping/event-source-mapping.ts';
import { type ApiClient, apiClient } from '../deployment/api-client.ts';
import { clientConfig } from '../deployment/endpoint.ts';
import { type AskOperation, askOperation, invoke } from '../deployment/invoke.ts';

/** The embedded AWS as its user sees it: the same calls as against an account. */
export interface Embedded {
  readonly local: Local;
  readonly kinesis: KinesisClient;
  readonly api: ApiClient;
  /** A finalize run, as the schedule asks for it, or a drain. */
  finalize(event: { readonly request?: 'drain' }): Promise<FinalizeAnswer>;
  /** Asks the finalize function for an operation. */
  readonly ask: AskOperation;
  /**
   * Runs the function of each sink that is served here, to the end of what waits, and tells what came of it by the
   * sink's name.
   */
  deliver(): Promise<Readonly<Record<string, DeliveryReport>>>;
  /** Waits until the mapping has had each shard's records, up to the given ones, committed. */
  committed(upTo: ReadonlyMap<string, SequenceNumber>, signal: AbortSignal): Promise<void>;
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

export function embedded(local: Local): Embedded {
  const at = (endpoint: string) => clientConfig({ port: Number(new URL(endpoint).port), endpoint: undefined });
  const kinesis = new KinesisClient(at(local.endpoints.kinesis));
  const lambda = new LambdaClient(at(local.endpoints.lambda));
  return {
    local,
    kinesis,
    api: apiClient(local.url),
    ask: askOperation(lambda, local.functionNames.finalize),
    finalize: (event) => invoke<FinalizeAnswer>(lambda, local.functionNames.finalize, event),
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
