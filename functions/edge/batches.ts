import type { StreamRecord } from '../core/fold/stream-record.ts';

/**
 * The event and the answer of the aggregate function, by the source of the events. An entry file imports `#batches` and
 * `#stream`. Bundling puts the modules of the pipeline's source in their place (infra/bundle/functions.ts), so that no
 * function carries the client of another source.
 */
export interface Batches {
  /**
   * The batches of an invocation's event, one for each shard in it; none when it holds no records.
   * @throws TidemarkError that names the field; Lambda then delivers the same event again, or tells whoever made it
   */
  of(event: unknown): readonly ShardBatch[];
  /**
   * The answer to Lambda when all is applied except records that there was no time for.
   * @param resumeAt the first record of each shard that is not done
   * @throws where Lambda can only repeat the whole event: the repetition passes over the records that are in
   */
  answer(resumeAt: readonly string[]): BatchesAnswer;
}

/** Records of one shard, in order. */
export interface ShardBatch {
  readonly shardId: string;
  /** Ascending by sequence number, each number once. Never empty. */
  readonly records: readonly StreamRecord[];
  /** Whose clock the arrival is by: the stream's, or the producer's, which may be wrong. */
  readonly arrivalBy: 'stream' | 'producer';
}

/** Lambda's partial batch response. */
export interface BatchesAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}
