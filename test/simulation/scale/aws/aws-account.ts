import { tables as shapes, type TableName } from '../../../../functions/core/deployment/tables.ts';
import { createMeter, dynamoDbTable, type TableOptions } from '../../../../functions/state/table/dynamodb-table.ts';
import type { Patience } from '../../../../functions/state/table/patience.ts';
import type { Table } from '../../../../functions/state/table/table.ts';
import { seededRandom } from '../../../../functions/testing/random.ts';
import { type Invocation, startInvocation } from './invocation.ts';
import type { AwsLimits } from './limits.ts';
import type { RowCosts } from './row-costs.ts';
import { type SimulatedDynamo, simulatedDynamo } from './simulated-dynamo.ts';
import { type VirtualTime, virtualTime } from './virtual-time.ts';

/** One invocation that has ended, or was cut off. */
export interface Invoked<T> {
  readonly name: string;
  /** Undefined: it was cut off, or it failed. */
  readonly answer: T | undefined;
  readonly error: unknown;
  /** From its first line to its end, in ms. */
  readonly ms: number;
  readonly endedAt: number;
  readonly invocation: Invocation;
}

/** How a function is invoked. */
export interface InvokeOptions {
  /** Reserved concurrency of the function. @default that of the account */
  readonly mostAtOnce?: number | undefined;
  /** Cut off after this time, in ms, which the invocation does not know. @default never */
  readonly killAfterMs?: number | undefined;
}

/** An account of AWS with its limits: functions that are invoked, and their tables. */
export interface AwsAccount {
  readonly time: VirtualTime;
  readonly limits: AwsLimits;
  readonly costs: RowCosts;
  readonly dynamo: SimulatedDynamo;
  /**
   * Runs a function. It waits for a container, and for its turn where the account has no more at the same time.
   */
  invoke<T>(
    name: string,
    work: (invocation: Invocation, tables: Readonly<Record<TableName, Table>>) => Promise<T>,
    options?: InvokeOptions,
  ): Promise<Invoked<T>>;
  /** All invocations that have ended, in the order of their ends. */
  readonly invoked: readonly Invoked<unknown>[];
  /** Most invocations that ran at the same time. */
  readonly mostAtOnce: number;
}

/** The time at which every case begins, epoch ms: the beginning of an hour. */
export const startMs = 1_600_000_000_000 - (1_600_000_000_000 % 3_600_000);

interface FunctionState {
  running: number;
  /** Containers that were ever started: what runs beyond them begins cold. */
  containers: number;
}

export function awsAccount(limits: AwsLimits, costs: RowCosts): AwsAccount {
  const time = virtualTime(startMs);
  const dynamo = simulatedDynamo(time, limits, costs);
  const functions = new Map<string, FunctionState>();
  const invoked: Invoked<unknown>[] = [];
  let waiting: (() => void)[] = [];
  let running = 0;
  let mostAtOnce = 0;

  /** Waits for a turn. @returns whether a container has to be started for it */
  const turnOf = async (state: FunctionState, most: number): Promise<'warm' | 'cold'> => {
    while (running >= limits.concurrency || state.running >= most)
      await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    state.running++;
    mostAtOnce = Math.max(mostAtOnce, running);
    if (state.running <= state.containers) return 'warm';
    state.containers = state.running;
    return 'cold';
  };

  return {
    time,
    limits,
    costs,
    dynamo,
    invoked,
    get mostAtOnce() {
      return mostAtOnce;
    },
    async invoke<T>(
      name: string,
      work: (invocation: Invocation, of: Readonly<Record<TableName, Table>>) => Promise<T>,
      { mostAtOnce: most = Number.POSITIVE_INFINITY, killAfterMs }: InvokeOptions = {},
    ) {
      const state = functions.get(name) ?? { running: 0, containers: 0 };
      functions.set(name, state);
      await time.sleep(limits.invokeMs);
      if ((await turnOf(state, most)) === 'cold') await time.sleep(limits.coldStartMs);
      const endsAt = killAfterMs === undefined ? undefined : time.now() + killAfterMs;
      const invocation = startInvocation(time, limits, endsAt);
      const tables = tablesOf(dynamo, invocation);
      let isOver = false;
      const ended = await new Promise<{ readonly answer?: T; readonly error?: unknown }>((resolve) => {
        time.cutOffAt(
          endsAt ?? time.now() + limits.timeoutMs,
          () => !isOver,
          () => resolve({ error: 'cut off' }),
        );
        work(invocation, tables).then(
          (answer) => invocation.wait(0).then(() => resolve({ answer })),
          (error: unknown) => invocation.wait(0).then(() => resolve({ error })),
        );
      });
      isOver = true;
      invocation.end();
      running--;
      state.running--;
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
      const outcome: Invoked<T> = {
        name,
        answer: ended.answer,
        error: ended.error,
        ms: time.now() - invocation.beganAt,
        endedAt: time.now(),
        invocation,
      };
      invoked.push(outcome);
      return outcome;
    },
  };
}

/** The tables of an invocation: its clock tells how long it may try again what was throttled. */
function tablesOf(dynamo: SimulatedDynamo, invocation: Invocation): Readonly<Record<TableName, Table>> {
  const random = seededRandom(2);
  const patience: Patience = {
    random: () => random.unit(),
    sleep: (ms) => invocation.wait(ms),
    remainingMs: () => invocation.remainingMs(),
  };
  const options: TableOptions = { client: dynamo.clientOf(invocation), meter: createMeter(), patience };
  const table = (name: TableName) => dynamoDbTable(name, shapes[name], options);
  return { state: table('state'), windows: table('windows'), rejects: table('rejects') };
}
