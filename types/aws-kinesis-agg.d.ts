/**
 * The part of `aws-kinesis-agg` 4.2.8 that is used: its own types need `aws-sdk` v2, which is not installed. (An
 * ambient module goes before the package's types.)
 */
declare module 'aws-kinesis-agg' {
  /** A record as Lambda's Kinesis event carries it (`event.Records[i].kinesis`). */
  export interface AggregatedInput {
    readonly partitionKey: string;
    readonly sequenceNumber: string;
    /** Base64. */
    readonly data: string;
  }

  /** One event of a record. */
  export interface UserRecord {
    readonly partitionKey: string;
    readonly sequenceNumber: string;
    /** Position in an aggregated record; undefined for a record that is none. */
    readonly subSequenceNumber?: number;
    /** Base64. */
    readonly data: string;
  }

  /**
   * Calls back once, at once: with the error of a corrupt record, or with its events in order. A record that is not
   * aggregated is its only event.
   */
  export function deaggregateSync(
    record: AggregatedInput,
    computeChecksums: boolean,
    callback: (error: Error | undefined, records?: UserRecord[]) => void,
  ): void;
}
