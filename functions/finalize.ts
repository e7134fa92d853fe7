import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import pLimit from 'p-limit';
import pipeline from '#pipeline';
import { openStream } from '#stream';
import { streamRetentionHours } from './core/deployment/settings.ts';
import { unaccounted } from './core/events/counters.ts';
import { readConfig } from './edge/config.ts';
import { kicker } from './edge/invoke-later.ts';
import { createTelemetry, type Measured } from './edge/telemetry.ts';
import { type FinalizeEvent, type FinalizeTask, finalizeRequest } from './operations/request.ts';
import { finalize } from './state/finalize/finalizer.ts';
import { checkDefinition } from './state/items/definition.ts';
import { pointAlias } from './state/operations/alias.ts';
import { type Backfill, backfill } from './state/operations/backfill.ts';
import { type CorrectionAnswer, correct } from './state/operations/correction.ts';
import { operateLookup } from './state/operations/lookup-operations.ts';
import { type Removal, removeQuery } from './state/operations/remove-query.ts';
import { outboxPublisher, type Publisher } from './state/sinks/outbox.ts';
import { type Redrive, redrive, type SinkStatus, sinkStatuses } from './state/sinks/sink-status.ts';
import { openTables } from './state/table/tables.ts';
import { sliceCache } from './state/windows/merged-slice.ts';

const config = readConfig();
const tables = openTables(config.tables);
const stream = openStream(config.source);
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'finalize', config.logLevel);

/** The sinks that have a function here, and what asks it for a run. */
const kickers = new Map(
  Object.entries(config.sinks).map(([name, functionName]) => [name, kicker(functionName ?? undefined)]),
);
const served = new Set(kickers.keys());

/** What a warm container remembers of windows that overlap. */
const cache = sliceCache();

/** Calls to the tables under way at a time. */
const concurrency = 32;

/** What an invocation answers. Times are epoch ms; null is minus infinity. */
export interface FinalizeAnswer {
  readonly watermark: number | null;
  readonly heldBy: string | null;
  readonly windows: number;
  readonly windowsOpen: number;
  readonly closingsLeft: number;
  readonly drained: boolean;
}

/** What an invocation for the name of a query answers. */
export interface AliasAnswer {
  /** The version that the name stands for now. */
  readonly serves: string;
}

/** What an invocation for the sinks answers. */
export interface SinksAnswer {
  readonly sinks: readonly SinkStatus[];
}

/** What an invocation answers, by what was asked of it. */
export type Answer =
  | FinalizeAnswer
  | AliasAnswer
  | Removal
  | Backfill
  | CorrectionAnswer
  | SinksAnswer
  | Redrive
  | Awaited<ReturnType<typeof operateLookup>>;

/** Raises the watermark and emits the windows that it has passed; or does what else is asked of it. */
export async function handler(event: FinalizeEvent, context: Context): Promise<Answer> {
  return telemetry.measured<Answer>(tables.meter, context, async () => {
    const publisher = outboxPublisher(tables.state, pipeline, served, () => Date.now());
    const told = new Set<string>();
    try {
      return await answerTo(finalizeRequest(event), context, publisher, told);
    } finally {
      await kickSinks(new Set([...told, ...publisher.told]));
    }
  });
}

/** Asks the functions of sinks for a run. The schedule makes up for what is lost. */
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

/** @param told takes the names of sinks that have something to do, besides those that the publisher knows */
async function answerTo(
  request: FinalizeTask,
  context: Context,
  publisher: Publisher,
  told: Set<string>,
): Promise<Measured<Answer>> {
  const unmeasured = { counts: {}, milliseconds: {} };
  const { state, windows } = tables;
  const now = () => Date.now();
  const remainingMs = () => context.getRemainingTimeInMillis();
  const options = {
    pipeline,
    state,
    windows,
    limit: pLimit(concurrency),
    publish: publisher.publish,
    now,
    remainingMs,
  };
  if (request.task === 'alias')
    return { answer: { serves: await pointAlias(pipeline, state, request.query) }, ...unmeasured };
  if (request.task === 'remove') return { answer: await removeQuery(options, request.query), ...unmeasured };
  if (request.task === 'sinks')
    return { answer: { sinks: await sinkStatuses(state, pipeline, served) }, ...unmeasured };
  if (request.task === 'redrive') {
    const answer = await redrive(options, request.sink);
    told.add(request.sink);
    return { answer, ...unmeasured };
  }
  await checkDefinition(state, pipeline);
  if (request.task === 'backfill')
    return { answer: await backfill(options, request.range, request.windows, request.isWhole), ...unmeasured };
  if (request.task === 'lookup') return { answer: await operateLookup(options, request.lookup), ...unmeasured };
  if (request.task === 'late')
    return {
      answer: await correct({ ...options, rejects: tables.rejects, attempt: randomUUID }, request.correction),
      ...unmeasured,
    };
  const report = await finalize(
    { ...options, stream, cache, runId: randomUUID(), retentionMs: streamRetentionHours * 3_600_000 },
    request.task,
  );
  for (const { shardId, unreadable } of report.shards)
    if (unreadable !== undefined)
      telemetry.logger.error('A shard could not be read and holds the watermark', { shardId, unreadable });
  const { watermark, heldBy, openPanes, windowsOpen, closingsLeft, drained } = report;
  const unreadableShards = report.shards.filter((shard) => shard.unreadable !== undefined).length;
  // A stream in which nothing happens has a watermark that stands still, and nobody waits for it.
  const isFlowing = report.shards.some(({ state }) => state === 'holding');
  const lag = Number.isFinite(watermark) && isFlowing ? { watermarkLag: Date.now() - watermark } : {};
  const conservationMismatch = Math.abs(unaccounted(report.counters));
  const answer = {
    watermark: Number.isFinite(watermark) ? watermark : null,
    heldBy: heldBy ?? null,
    windows: report.windows,
    windowsOpen,
    closingsLeft,
    drained,
  };
  return {
    answer,
    counts: {
      windowsFinalized: report.windows,
      openPanes,
      windowsOpen,
      closingsLeft,
      unreadableShards,
      conservationMismatch,
    },
    milliseconds: lag,
  };
}
