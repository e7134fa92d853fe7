/**
 * The outcome of a batch by the function's answer: the number of leading records that are done, and the reason why not
 * all are.
 */
export type BatchOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly done: number; readonly reason: string };

/**
 * Reads the answer of a mapping with `ReportBatchItemFailures`, by the rules that AWS gives under "Configuring partial
 * batch response with Kinesis Data Streams and Lambda". Nothing, null and an empty list are a complete success. Of
 * several failures the lowest sequence number is the checkpoint. An empty, missing or unknown `itemIdentifier` fails
 * the whole batch.
 * @param payload the answer, JSON
 * @param sequenceNumbers those of the batch, in the order of the shard; the first is the lowest
 */
export function batchOutcome(payload: string, sequenceNumbers: readonly string[]): BatchOutcome {
  const failures = failuresIn(payload);
  if (failures === undefined || failures === null) return { kind: 'done' };
  if (!Array.isArray(failures)) return { kind: 'failed', done: 0, reason: 'batchItemFailures is not a list' };
  if (failures.length === 0) return { kind: 'done' };
  const places = new Map(sequenceNumbers.map((sequenceNumber, place) => [sequenceNumber, place]));
  let first = sequenceNumbers.length;
  for (const failure of failures) {
    const identifier = fieldOf(failure, 'itemIdentifier');
    const place = typeof identifier === 'string' ? places.get(identifier) : undefined;
    if (place === undefined) {
      return {
        kind: 'failed',
        done: 0,
        reason: `batchItemFailures names ${JSON.stringify(identifier)}, which is not a sequence number of the batch`,
      };
    }
    first = Math.min(first, place);
  }
  return { kind: 'failed', done: first, reason: `batchItemFailures from ${sequenceNumbers[first]} on` };
}

function failuresIn(payload: string): unknown {
  if (payload === '' || payload === 'null') return undefined;
  return fieldOf(JSON.parse(payload), 'batchItemFailures');
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
