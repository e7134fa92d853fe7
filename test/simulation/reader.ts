import type { Query } from '../../functions/core/definition/pipeline.ts';
import { eventTimeBounds } from '../../functions/core/events/event-time.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { checkSessionViews, countedIds } from './session-checks.ts';
import { SimulatedFault, Violation } from './violation.ts';
import { checkViews, expectationOf } from './window-checks.ts';
import type { World } from './world.ts';

/** Starts a reader that reads all windows of a query now and then while they change. */
export function reader(world: World, number: number): void {
  const { scheduler, random, pipeline } = world;
  function read(): void {
    if (world.isQuiet()) return;
    scheduler.after(random.int(5_000, 60_000), read);
    const query = pipeline.queries[random.int(0, pipeline.queries.length - 1)];
    if (query !== undefined) void readChecked(world, query, `reader/${number}`);
  }
  scheduler.after(random.int(0, 60_000), read);
}

/**
 * Reads the window that is never final once more. In the end it has to show everything that was counted, for as long as
 * the tables are there.
 */
export async function readEndless(world: World): Promise<void> {
  for (const query of world.pipeline.queries.filter(({ definedKind }) => definedKind.isEndless === true))
    await readChecked(world, query, 'reader at the end');
}

async function readChecked(world: World, query: Query, name: string): Promise<void> {
  const { pipeline, ledger } = world;
  const process = world.startProcess(name);
  const { state, windows } = world.tables(process);
  const expectation = expectationOf(ledger, query.name);
  const committed = countedIds(ledger, query.name);
  const { epochMs, pace } = world.options;
  const range = {
    from: query.definedKind.isEndless === true ? eventTimeBounds.earliest : epochMs - 10_000_000 * pace,
    to: epochMs + 10_000_000 * pace,
    status: 'all',
    order: 'ascending',
    limit: 10_000,
  } as const;
  try {
    const views = await readWindows({ pipeline, state, windows }, query, range);
    if (query.window.sessions === undefined) checkViews(ledger, query.name, views, expectation);
    else checkSessionViews(ledger, query, views, committed, expectation.finals);
  } catch (error) {
    if (error instanceof SimulatedFault) return;
    world.fail(
      error instanceof Violation
        ? error
        : new Violation('I6', `${process.name} throws ${error instanceof Error ? error.stack : String(error)}`),
    );
  }
}
