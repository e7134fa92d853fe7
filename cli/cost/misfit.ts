import type { CostQuestion } from './question.ts';

/** What a shard takes a second. */
const recordsOfShard = 1_000;
const bytesOfShard = 1024 * 1024;
/** The largest record of a stream. */
const mostRecordBytes = 10 * 1024 * 1024;

/** Why a deployment could not run, one line with the remedy: a record or a shard would hold more than Kinesis takes. */
export function misfitOf(question: CostQuestion): string | undefined {
  const { eventsPerSecond, eventBytes, eventsPerRecord, shards, sinks } = question;
  const recordBytes = eventBytes * eventsPerRecord;
  if (recordBytes > mostRecordBytes)
    return `--packed: ${eventsPerRecord} events of ${eventBytes} bytes are more than a record of 10 MB holds: pack fewer`;
  const records = eventsPerSecond / eventsPerRecord;
  const least = Math.max(
    1,
    Math.ceil(records / recordsOfShard),
    Math.ceil((eventsPerSecond * eventBytes) / bytesOfShard),
  );
  if (shards > 0 && shards < least)
    return `--shards: ${shards} ${shards === 1 ? 'shard takes' : 'shards take'} fewer than ${eventsPerSecond} events a second of ${eventBytes} bytes: give ${least} or more, or 0 for a stream on demand`;
  if (sinks.length > 10) return `--sinks: ${sinks.length} are more than a pipeline has: give at most 10`;
  return undefined;
}
