import type { _Record } from '@aws-sdk/client-kinesis';

/**
 * How much of a shard has been read, by the arrival of its records: 0 at its oldest record, 1 at a moment.
 * @param nowMs the moment at which reading ends, epoch ms
 * @returns takes the records as they are read, and gives the share behind them
 */
export function shareRead(nowMs: number): (records: readonly _Record[]) => number {
  let firstMs: number | undefined;
  return (records) => {
    firstMs ??= records[0]?.ApproximateArrivalTimestamp?.getTime();
    const lastMs = records.at(-1)?.ApproximateArrivalTimestamp?.getTime();
    if (firstMs === undefined || lastMs === undefined) return 0;
    return Math.min(1, Math.max(0, lastMs - firstMs) / Math.max(1, nowMs - firstMs));
  };
}
