import type { TableName } from '../core/deployment/tables.ts';
import { limitedTable } from '../state/table/limited-table.ts';
import type { Table } from '../state/table/table.ts';
import type { Random } from './random.ts';
import type { Deliveries } from './run-options.ts';

/** The three tables. */
export type MemoryTables = Readonly<Record<TableName, Table>>;

/** A container that runs invocations one after the other, until one of them dies. */
export interface Container {
  /** The tables as its process reaches them. */
  readonly tables: MemoryTables;
  /** An invocation. Undefined: it died, and the container with it. */
  invoke<T>(work: () => Promise<T>): Promise<{ readonly answer: T } | undefined>;
}

/** Whether the invocations of a container die; the next try of one that has died is in one where they live. */
export type Fate = 'dying' | 'living';

/** Most calls after which a random invocation dies: few invocations of a test make more. */
const mostCalls = 40;

/**
 * Makes containers whose invocations die where the test wants them to. A process that is dead makes no call any more.
 * The call at which it dies may have taken effect, as the seed has it.
 */
export function containers(tables: MemoryTables, { crashAfter }: Deliveries, random: Random) {
  const callsOf = (fate: Fate): number => {
    if (fate === 'living' || crashAfter === undefined) return Number.POSITIVE_INFINITY;
    return crashAfter === 'random' ? random.int(0, mostCalls) : crashAfter;
  };
  return (fate: Fate): Container => {
    const calls = { left: Number.POSITIVE_INFINITY };
    return {
      tables: {
        state: mortal(tables.state, calls, random),
        windows: mortal(tables.windows, calls, random),
        rejects: mortal(tables.rejects, calls, random),
      },
      async invoke(work) {
        calls.left = callsOf(fate);
        try {
          const answer = await work();
          // Code that goes on after a call that failed is dead all the same.
          return calls.left < 0 ? undefined : { answer };
        } catch (error) {
          if (calls.left < 0) return undefined;
          throw error;
        }
      },
    };
  };
}

/** A table whose calls fail after so many. */
function mortal(table: Table, calls: { left: number }, random: Random): Table {
  const call = async <T>(run: () => Promise<T>): Promise<T> => {
    const isLast = calls.left === 0;
    if (calls.left-- > 0) return run();
    if (isLast && random.chance(0.5)) await run();
    throw new Error('the invocation has died');
  };
  return limitedTable(table, call);
}
