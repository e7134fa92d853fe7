import pLimit from 'p-limit';
import { streamRetentionHours } from '../core/deployment/settings.ts';
import { unaccounted } from '../core/events/counters.ts';
import type { Measured } from '../edge/telemetry.ts';
import {
  type FinalizeReport,
  type FinalizeRequest,
  type FinalizerOptions,
  finalize,
} from '../state/epochs/finalizer.ts';
import { checkDefinition } from '../state/items/definition.ts';
import type { Operation, OperationContext } from './operation.ts';

/** The state of the windows after a finalize run. Times are epoch ms; null is minus infinity. */
export interface FinalizeAnswer {
  readonly watermark: number | null;
  readonly heldBy: string | null;
  readonly windows: number;
  readonly windowsOpen: number;
  readonly closingsLeft: number;
  readonly drained: boolean;
}

/** Windows and shards under way at a time. */
const atATime = 32;

/** Raises the watermark and emits the windows that it has passed. The schedule and the kicks ask for it. */
export const advance = finalizeRun('advance');

/** The end of a finite stream. Once all is in, it closes every window. */
export const drain = finalizeRun('drain');

/** Whether a run is asked for by name: then a caller waits for it. The schedule and the kicks name nothing. */
interface Waiting {
  readonly isWaitedFor: boolean;
}

function finalizeRun<Name extends FinalizeRequest>(
  name: Name,
): Operation<Waiting, FinalizeAnswer> & { readonly name: Name } {
  return {
    name,
    parse: ({ request }) => ({ isWaitedFor: request !== undefined }),
    async run(context: OperationContext, { isWaitedFor }) {
      const { logError, now } = context;
      const pace = isWaitedFor ? undefined : context.sleep;
      const report = await finalize({ ...finalizerOf(context), pace }, name);
      for (const { shardId, unreadable } of report.shards)
        if (unreadable !== undefined)
          logError('A shard could not be read and holds the watermark', { shardId, unreadable });
      for (const [query, pairs] of Object.entries(report.mismatch.pairs))
        logError('Segments do not hold the pairs that were counted', { query, pairs: String(pairs) });
      return measured(report, now());
    },
  };
}

/**
 * The events and the pairs by which the laws of conservation do not hold, as the newest totals and epochs tell them.
 */
function mismatchOf({ counters, mismatch }: FinalizeReport): number {
  const events = Math.max(Math.abs(unaccounted(counters)), mismatch.events);
  return Object.values(mismatch.pairs).reduce((total, pairs) => total + pairs, events);
}

/** What a run of finalize works with. */
export function finalizerOf(context: OperationContext): FinalizerOptions {
  const check = () => checkDefinition(context.state, context.pipeline);
  const retentionMs = streamRetentionHours * 3_600_000;
  return { ...context, check, limit: pLimit(atATime), runId: context.newId(), retentionMs };
}

/** A run of finalize for an operation that waits for what it has asked for. */
export function advancing(context: OperationContext): () => Promise<void> {
  return async () => {
    await finalize(finalizerOf(context), 'advance');
  };
}

function measured(report: FinalizeReport, nowMs: number): Measured<FinalizeAnswer> {
  const { watermark, heldBy, shards, windows, openPanes, windowsOpen, closingsLeft, unsettledSince, drained } = report;
  // The watermark of a stream without events stands still, and nobody waits for it.
  const isFlowing = shards.some(({ state }) => state === 'holding');
  return {
    answer: {
      watermark: Number.isFinite(watermark) ? watermark : null,
      heldBy: heldBy ?? null,
      windows,
      windowsOpen,
      closingsLeft,
      drained,
    },
    counts: {
      windowsFinalized: windows,
      openPanes,
      windowsOpen,
      closingsLeft,
      unreadableShards: shards.filter((shard) => shard.unreadable !== undefined).length,
      conservationMismatch: mismatchOf(report),
    },
    milliseconds: {
      unsettledAge: unsettledSince === undefined ? 0 : Math.max(0, nowMs - unsettledSince),
      ...(Number.isFinite(watermark) && isFlowing ? { watermarkLag: nowMs - watermark } : {}),
    },
  };
}
