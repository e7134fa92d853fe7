import { readWindows } from '../../functions/state/window-reader.ts';
import { checkSessionViews, committedIds } from './session-checks.ts';
import { SimulatedFault, Violation } from './violation.ts';
import { checkViews, expectationOf } from './window-checks.ts';
import type { World } from './world.ts';

/** Somebody who reads all windows of a query, now and then, while they change. */
export function reader(world: World, number: number): void {
  const { scheduler, random, pipeline } = world;
  function read(): void {
    if (world.isQuiet()) return;
    scheduler.after(random.int(5_000, 60_000), read);
    const query = pipeline.queries[random.int(0, pipeline.queries.length - 1)];
    if (query === undefined) return;
    const process = world.startProcess(`reader/${number}`);
    const { state, windows } = world.tables(process);
    const expectation = expectationOf(world.ledger, query.name);
    const committed = committedIds(world.ledger, query.name);
    const range = {
      from: world.options.epochMs - 10_000_000,
      to: world.options.epochMs + 10_000_000,
      status: 'all',
      order: 'ascending',
      limit: 10_000,
    } as const;
    readWindows({ pipeline, state, windows }, query, range).then(
      (views) => {
        try {
          if (query.window.sessions === undefined) checkViews(world.ledger, query.name, views, expectation);
          else checkSessionViews(world.ledger, query, views, committed, expectation.finals);
        } catch (error) {
          world.fail(error instanceof Violation ? error : new Violation('I6', String(error)));
        }
      },
      (error) => {
        if (!(error instanceof SimulatedFault))
          world.fail(new Violation('I6', `${process.name} throws ${error instanceof Error ? error.stack : String(error)}`));
      },
    );
  }
  scheduler.after(random.int(0, 60_000), read);
}
