import type { AwsLimits } from './limits.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What the calls of a kind of partition have taken: the kind is a table and the first word of its partition keys. */
export interface KindUse {
  writeUnits: number;
  readUnits: number;
  throttledWrites: number;
  throttledReads: number;
}

/** The units that partitions and tables have left. */
export interface Throughput {
  /** @returns false: there are none left, and nothing is taken */
  write(table: string, pk: string, units: number): boolean;
  read(table: string, pk: string, units: number): boolean;
  readonly byKind: ReadonlyMap<string, KindUse>;
  /** Begins to count anew. */
  reset(): void;
}

/** Tokens that come at a rate, and of which no more are kept than those of a second. */
interface Bucket {
  tokens: number;
  at: number;
}

interface Buckets {
  readonly writes: Bucket;
  readonly reads: Bucket;
}

/**
 * Token buckets, one for each partition key and each table. A call is admitted while there is any token and may take
 * more than are there, so that an item of many units is possible; the partition then pays it off.
 */
export function throughputOf(time: VirtualTime, limits: AwsLimits): Throughput {
  const partitions = new Map<string, Buckets>();
  const tables = new Map<string, Buckets>();
  let byKind = new Map<string, KindUse>();

  function of(map: Map<string, Buckets>, name: string, writes: number, reads: number): Buckets {
    let buckets = map.get(name);
    if (buckets === undefined) {
      const at = time.now();
      buckets = { writes: { tokens: writes, at }, reads: { tokens: reads, at } };
      map.set(name, buckets);
    }
    return buckets;
  }

  function refill(bucket: Bucket, rate: number): number {
    const now = time.now();
    bucket.tokens = Math.min(rate, bucket.tokens + ((now - bucket.at) * rate) / 1_000);
    bucket.at = now;
    return bucket.tokens;
  }

  function take(kind: 'writes' | 'reads', table: string, pk: string, units: number): boolean {
    const ofPartition = of(partitions, `${table} ${pk}`, limits.partitionWrites, limits.partitionReads)[kind];
    const ofTable = of(tables, table, limits.tableWrites, limits.tableReads)[kind];
    const [partitionRate, tableRate] =
      kind === 'writes' ? [limits.partitionWrites, limits.tableWrites] : [limits.partitionReads, limits.tableReads];
    const name = `${table} ${pk.split('#', 1)[0] ?? pk}`;
    const use = byKind.get(name) ?? { writeUnits: 0, readUnits: 0, throttledWrites: 0, throttledReads: 0 };
    byKind.set(name, use);
    if (refill(ofPartition, partitionRate) <= 0 || refill(ofTable, tableRate) <= 0) {
      use[kind === 'writes' ? 'throttledWrites' : 'throttledReads']++;
      return false;
    }
    ofPartition.tokens -= units;
    ofTable.tokens -= units;
    use[kind === 'writes' ? 'writeUnits' : 'readUnits'] += units;
    return true;
  }

  return {
    write: (table, pk, units) => take('writes', table, pk, units),
    read: (table, pk, units) => take('reads', table, pk, units),
    get byKind() {
      return byKind;
    },
    reset() {
      byKind = new Map();
    },
  };
}
