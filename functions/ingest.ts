import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import pipeline from '#pipeline';
import type { EventAnswer } from './api/event-answers.ts';
import { ingestApp } from './api/ingest-app.ts';
import { readSourceConfig } from './edge/config.ts';
import { surviveOrphanRejections } from './edge/orphan-rejections.ts';
import { restRequest } from './edge/rest-request.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { putWithin } from './feeder/put-within.ts';
import { sourceKinesis } from './sources/kinesis-client.ts';

const config = readSourceConfig();
const { logger, measured } = createTelemetry(config.deployment ?? pipeline.name, 'ingest', config.logLevel);
surviveOrphanRejections((reason) =>
  logger.warn('The pipeline left a promise behind that was rejected', { reason: String(reason) }),
);

/** Longest call, ms: two of them have to fit into an invocation. */
const kinesis = sourceKinesis({ requestTimeoutMs: 8_000, maxAttempts: 2 });
/**
 * How long events that the stream did not take are put again. A client can wait longer by itself, and knows which
 * events are worth it.
 */
const retryMs = 8_000;

/** Takes events behind API Gateway (REST, payload version 1). */
export async function handler(
  event: unknown,
  context: Context,
): Promise<Awaited<ReturnType<ReturnType<typeof handle>>>> {
  return measured(undefined, context, async () => {
    const { answer, events } = await answered(restRequest(event), context);
    const of = (some: (each: EventAnswer) => boolean) => events.filter(some).length;
    const counts = {
      accepted: of(({ outcome }) => outcome === 'accepted'),
      refused: of(({ status }) => status === 413 || status === 422),
      unavailable: of(({ status }) => status === 429 || status === 503),
    };
    return { answer, counts, milliseconds: {} };
  });
}

async function answered(request: LambdaEvent, context: Context) {
  let events: readonly EventAnswer[] = [];
  const app = ingestApp({
    pipeline,
    put: (records) =>
      putWithin(records, {
        kinesis,
        streamName: config.stream,
        withinMs: retryMs,
        now: () => performance.now(),
        random: Math.random,
        onError: (error) => logger.error('Events could not be put', error instanceof Error ? error : String(error)),
      }),
    now: () => Date.now(),
    newKey: randomUUID,
    onAnswers: (answers) => {
      events = answers;
    },
    onError: (error) => logger.error('The request failed', error),
  });
  return { answer: await handle(app)(request, context), events };
}
