import type { AwsAccount } from '../aws/aws-account.ts';

/** When windows became final, as the table of windows sees it. */
export interface FinalWindows {
  /** Epoch ms, by the start of the window. */
  readonly at: ReadonlyMap<number, number>;
  /** Records in all of them. */
  readonly records: number;
}

/** Watches the manifests that are written. */
export function watchFinals({ dynamo, time }: AwsAccount): FinalWindows {
  const at = new Map<number, number>();
  let records = 0;
  const before = dynamo.onWrite;
  dynamo.onWrite = (table, pk, sk, stored) => {
    before(table, pk, sk, stored);
    const { start, status, records: held } = stored.item;
    if (table !== 'windows' || status?.S !== 'final' || start?.N === undefined || at.has(Number(start.N))) return;
    at.set(Number(start.N), time.now());
    records += Number(held?.N ?? 0);
  };
  return {
    at,
    get records() {
      return records;
    },
  };
}

/** When the last of the logs got an entry whose greatest event time has passed a moment: W is there then. */
export function watchWatermark(
  { dynamo, time }: AwsAccount,
  shards: number,
): { passedAt(ms: number): number | undefined } {
  const greatest = new Map<string, number>();
  const passed: { readonly ms: number; readonly at: number }[] = [];
  let least = Number.NEGATIVE_INFINITY;
  const before = dynamo.onWrite;
  dynamo.onWrite = (table, pk, sk, stored) => {
    before(table, pk, sk, stored);
    const latest = stored.item['latest']?.N;
    if (table !== 'state' || !pk.startsWith('log#') || latest === undefined) return;
    const held = greatest.get(pk);
    greatest.set(pk, Number(latest));
    if (greatest.size < shards || (held !== undefined && held > least)) return;
    const now = Math.min(...greatest.values());
    if (now <= least) return;
    least = now;
    passed.push({ ms: least, at: time.now() });
  };
  return { passedAt: (ms) => passed.find((one) => one.ms >= ms)?.at };
}
