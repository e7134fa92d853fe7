import { randomBytes } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import pipeline from '#pipeline';
import { queryApp } from './api/app.ts';
import { readConfig } from './edge/config.ts';
import { restRequest } from './edge/rest-request.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { servePage } from './page/serve.ts';
import { openTables } from './state/table/tables.ts';

/** The page, put here by the bundler (infra/bundle/functions.ts). */
declare const TIDEMARK_PAGE: string;

const config = readConfig();
const { logger } = createTelemetry(config.deployment ?? pipeline.name, 'query', config.logLevel);

const app = queryApp({
  pipeline,
  tables: openTables(config.tables),
  now: () => Date.now(),
  ingest: config.ingest,
  newSecret: () => randomBytes(32).toString('base64url'),
  onError: (error) => logger.error('The request failed', error),
});
const answer = handle(servePage(app, TIDEMARK_PAGE));

/** Answers the query API behind API Gateway (REST, payload version 1). */
export async function handler(event: unknown, context: Context): Promise<Awaited<ReturnType<typeof answer>>> {
  return answer(restRequest(event), context);
}
