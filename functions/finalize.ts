import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import pLimit from 'p-limit';
import pipeline from '#pipeline';
import { openStream } from '#stream';
import { readConfig } from './edge/config.ts';
import { kicker } from './edge/invoke-later.ts';
import { runPatience } from './edge/run-patience.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { type OperationAnswer, prepareOperation } from './operations/table.ts';
import type { OtherRuns } from './state/epochs/task-runner.ts';
import { outboxPublisher } from './state/sinks/outbox.ts';
import { limitedTable } from './state/table/limited-table.ts';
import { openTables } from './state/table/tables.ts';

const config = readConfig();
const patience = runPatience();
const tables = openTables(config.tables, patience);
const stream = openStream(config.source);
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'finalize', config.logLevel);

/** The sinks that have a function here, each with the request for a run of it. */
const kickers = new Map(
  Object.entries(config.sinks).map(([name, functionName]) => [name, kicker(functionName ?? undefined)]),
);
const served = new Set(kickers.keys());

/** Calls to the tables under way at a time. */
const concurrency = 32;

/**
 * This function, asked for other invocations of itself that take tasks beside this one (task-runner.ts); undefined: it
 * is not to ask.
 */
function othersOf({ functionName }: Context): OtherRuns | undefined {
  if (config.tasksAtATime === 0) return undefined;
  askOwn ??= kicker(functionName);
  return {
    most: config.tasksAtATime,
    async start(request) {
      try {
        await askOwn?.(request === undefined ? {} : { request: 'tasks', ...request });
      } catch (error) {
        telemetry.logger.info('Another invocation could not be asked for: this one, or the schedule, does its tasks', {
          error: String(error),
        });
      }
    },
    wait: (ms) => sleep(ms),
  };
}

let askOwn: ReturnType<typeof kicker>;

/** Raises the watermark and emits the windows that it has passed, or runs the operation that it is asked for. */
export async function handler(event: unknown, context: Context): Promise<OperationAnswer> {
  patience.begin(context);
  return telemetry.measured<OperationAnswer>(tables.meter, context, async () => {
    const now = () => Date.now();
    const publisher = outboxPublisher(tables.state, pipeline, served, now);
    const woken = new Set<string>();
    try {
      return await prepareOperation(event)({
        pipeline,
        ...limitedTables(),
        stream,
        served,
        publish: publisher.publish,
        wake: (sink) => woken.add(sink),
        now,
        sleep: (ms) => sleep(ms),
        others: othersOf(context),
        remainingMs: () => context.getRemainingTimeInMillis(),
        newId: randomUUID,
        logError: (message, fields) => telemetry.logger.error(message, fields),
      });
    } finally {
      await kickSinks(new Set([...woken, ...publisher.told]));
    }
  });
}

/** The tables of an invocation, with one bound of the calls under way to all of them. */
function limitedTables() {
  const limit = pLimit(concurrency);
  const { state, windows, rejects } = tables;
  return {
    state: limitedTable(state, limit),
    windows: limitedTable(windows, limit),
    rejects: limitedTable(rejects, limit),
  };
}

/** Asks the functions of sinks for a run. The schedule makes up for lost requests. */
async function kickSinks(names: ReadonlySet<string>): Promise<void> {
  await Promise.all(
    [...names].map(async (name) => {
      try {
        await kickers.get(name)?.();
      } catch (error) {
        telemetry.logger.info('A sink could not be asked for a run: its schedule will', {
          sink: name,
          error: String(error),
        });
      }
    }),
  );
}
