import { prices } from '../../../../cli/cost/prices.ts';
import type { AwsAccount, Invoked } from '../aws/aws-account.ts';

/** Memory of the functions, in GB: 1,769 MB. */
const gigabytes = 1.769 / 1.024;

/** What the invocations of a function have cost. */
export interface FunctionUse {
  readonly invocations: number;
  /** Invocations that were cut off or failed. */
  readonly failed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly calls: number;
}

export function useOf(invoked: readonly Invoked<unknown>[], name: string): FunctionUse {
  const ours = invoked.filter((one) => one.name === name);
  const sum = (of: (one: Invoked<unknown>) => number) => ours.reduce((total, one) => total + of(one), 0);
  return {
    invocations: ours.length,
    failed: ours.filter(({ error }) => error !== undefined).length,
    seconds: sum(({ ms }) => ms) / 1_000,
    cpuSeconds: sum(({ invocation }) => invocation.cpuMs) / 1_000,
    writeUnits: sum(({ invocation }) => invocation.spent.writeUnits),
    readUnits: sum(({ invocation }) => invocation.spent.readUnits),
    calls: sum(({ invocation }) => invocation.spent.calls),
  };
}

const number = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Write units, invocations and dollars of functions, as text. */
export function costText(uses: Readonly<Record<string, FunctionUse>>): string {
  let dollars = 0;
  const parts = Object.entries(uses).map(([name, use]) => {
    dollars +=
      (use.writeUnits * prices.dynamodb.millionWrites + use.readUnits * prices.dynamodb.millionReads) / 1e6 +
      use.seconds * gigabytes * prices.lambda.gbSecond +
      (use.invocations * prices.lambda.millionRequests) / 1e6;
    return `${name}: ${number(use.writeUnits)} write units, ${number(use.readUnits)} read units, ${number(use.invocations)} invocations${use.failed > 0 ? ` (${use.failed} cut off)` : ''}, ${use.seconds.toFixed(1)} s, ${use.cpuSeconds.toFixed(1)} s CPU`;
  });
  return `${parts.join('; ')}; $${dollars.toPrecision(3)}`;
}

/** What invocations of a function waited for: their CPU, partitions without units, or calls one after the other. */
export function bottleneckOf({ dynamo, invoked }: AwsAccount, name: string): string {
  const use = useOf(invoked, name);
  const throttled = [...dynamo.throughput.byKind]
    .filter(([, { throttledWrites, throttledReads }]) => throttledWrites + throttledReads > 0)
    .sort(
      ([, left], [, right]) =>
        right.throttledWrites + right.throttledReads - left.throttledWrites - left.throttledReads,
    )
    .slice(0, 3)
    .map(
      ([kind, { throttledWrites, throttledReads }]) =>
        `${kind} throttled ${number(throttledWrites + throttledReads)} times`,
    );
  const share = use.seconds === 0 ? 0 : use.cpuSeconds / use.seconds;
  return [`CPU ${Math.round(share * 100)} % of the runs`, ...throttled].join('; ');
}
