import { randomBytes } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import pipeline from '#pipeline';
import { queryApp } from './api/app.ts';
import { mostReadMs } from './api/request-time.ts';
import { readConfig } from './edge/config.ts';
import { cloudWatchHistory } from './edge/metric-history.ts';
import { restRequest } from './edge/rest-request.ts';
import { runPatience } from './edge/run-patience.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { servePage } from './page/serve.ts';
import { openTables } from './state/table/tables.ts';

/** The page, put here by the bundler (infra/bundle/functions.ts). */
declare const TIDEMARK_PAGE: string;

const config = readConfig();
const { logger } = createTelemetry(config.deployment ?? pipeline.name, 'query', config.logLevel);

const patience = runPatience();

const app = queryApp({
  pipeline,
  tables: openTables(config.tables, patience),
  now: () => Date.now(),
  remainingMs: () => patience.remainingMs(),
  ingest: config.ingest,
  served: new Set(Object.keys(config.sinks)),
  history: historyReader(),
  feed: {
    stream: config.source.kind === 'kinesis' ? config.source.stream : config.source.topic,
    source: config.source.kind,
    stack: config.stack,
  },
  newSecret: () => randomBytes(32).toString('base64url'),
  onError: (error) => logger.error('The request failed', error),
});
const answer = handle(servePage(app, TIDEMARK_PAGE));

function historyReader() {
  if (config.history === 'off') return undefined;
  const deployment = config.deployment ?? pipeline.name;
  return cloudWatchHistory({ deployment, queries: pipeline.queries.map(({ name }) => name), now: () => Date.now() });
}

/** Answers the query API behind API Gateway (REST, payload version 1). */
export async function handler(event: unknown, context: Context): Promise<Awaited<ReturnType<typeof answer>>> {
  // A call that is throttled waits no longer than a request may read.
  const untilMs = Date.now() + mostReadMs;
  patience.begin({
    getRemainingTimeInMillis: () => Math.min(context.getRemainingTimeInMillis(), untilMs - Date.now()),
  });
  return answer(restRequest(event), context);
}
