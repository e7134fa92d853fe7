import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import pLimit from 'p-limit';
import pipeline from '#pipeline';
import { openStream } from '#stream';
import { readConfig } from './config.ts';
import { unaccounted } from './core/counters.ts';
import { streamRetentionHours } from './core/settings.ts';
import { type FinalizeEvent, finalizeRequest } from './finalize-request.ts';
import { pointAlias } from './state/alias.ts';
import { type Backfill, backfill } from './state/backfill.ts';
import { type CorrectionAnswer, correct } from './state/correction.ts';
import { checkDefinition } from './state/definition.ts';
import { finalize } from './state/finalizer.ts';
import { operateLookup } from './state/lookup-operations.ts';
import { sliceCache } from './state/merged-slice.ts';
import { type Removal, removeQuery } from './state/remove-query.ts';
import { openTables } from './state/tables.ts';
import { createTelemetry } from './telemetry.ts';

const config = readConfig();
const tables = openTables(config.tables);
const stream = openStream(config.source);
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'finalize', config.logLevel);

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

/** What an invocation answers, by what was asked of it. */
export type Answer = FinalizeAnswer | AliasAnswer | Removal | Backfill | CorrectionAnswer | Awaited<ReturnType<typeof operateLookup>>;

/** Raises the watermark and emits the windows that it has passed; or does what else is asked of it. */
export async function handler(event: FinalizeEvent, context: Context): Promise<Answer> {
  return telemetry.measured<Answer>(tables.meter, context, async () => {
    const request = finalizeRequest(event);
    const unmeasured = { counts: {}, milliseconds: {} };
    const { state, windows } = tables;
    const remainingMs = () => context.getRemainingTimeInMillis();
    const options = { pipeline, state, windows, limit: pLimit(concurrency), publish: async () => {}, now: () => Date.now(), remainingMs };
    if (request.task === 'alias') return { answer: { serves: await pointAlias(pipeline, state, request.query) }, ...unmeasured };
    if (request.task === 'remove') return { answer: await removeQuery(options, request.query), ...unmeasured };
    await checkDefinition(state, pipeline);
    if (request.task === 'backfill') return { answer: await backfill(options, request.range, request.windows, request.isWhole), ...unmeasured };
    if (request.task === 'lookup') return { answer: await operateLookup(options, request.lookup), ...unmeasured };
    if (request.task === 'late')
      return { answer: await correct({ ...options, rejects: tables.rejects, attempt: randomUUID }, request.correction), ...unmeasured };
    const report = await finalize({ ...options, stream, cache, runId: randomUUID(), retentionMs: streamRetentionHours * 3_600_000 }, request.task);
    for (const { shardId, unreadable } of report.shards)
      if (unreadable !== undefined) telemetry.logger.error('A shard could not be read and holds the watermark', { shardId, unreadable });
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
      counts: { windowsFinalized: report.windows, openPanes, windowsOpen, closingsLeft, unreadableShards, conservationMismatch },
      milliseconds: lag,
    };
  });
}
