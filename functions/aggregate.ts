import { randomUUID } from 'node:crypto';
import { openBatches } from '#batches';
import pipeline from '#pipeline';
import { openStream } from '#stream';
import { type AggregateHandler, aggregateHandler } from './edge/aggregate-handler.ts';
import { readConfig } from './edge/config.ts';
import { kicker } from './edge/invoke-later.ts';
import { surviveOrphanRejections } from './edge/orphan-rejections.ts';
import { runPatience } from './edge/run-patience.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { openTables } from './state/table/tables.ts';

const config = readConfig();
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'aggregate', config.logLevel);
surviveOrphanRejections((reason) =>
  telemetry.logger.warn(
    'The pipeline left a promise behind that was rejected: its schema and functions have to be synchronous',
    { reason: String(reason) },
  ),
);

const patience = runPatience();
const aggregate = aggregateHandler({
  pipeline,
  batches: openBatches(config.source),
  stream: openStream(config.source),
  tables: openTables(config.tables, patience),
  telemetry,
  kick: kicker(config.finalizeFunction),
  now: () => Date.now(),
  newId: randomUUID,
});

/** Folds the batches of an event source mapping into their windows, exactly once. */
export const handler: AggregateHandler = (event, context) => {
  patience.begin(context);
  return aggregate(event, context);
};
