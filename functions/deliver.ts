import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import pipeline from '#pipeline';
import { openTarget } from '#sink';
import { TidemarkError } from './core/arguments/error.ts';
import type { Sink } from './core/definition/sink.ts';
import { readSinkConfig } from './edge/config.ts';
import { runPatience } from './edge/run-patience.ts';
import { createTelemetry } from './edge/telemetry.ts';
import { type DeliveryReport, deliverWaiting } from './state/sinks/delivery.ts';
import { openTables } from './state/table/tables.ts';

export type { DeliveryReport };

const config = readSinkConfig();
// A sink has no use for the side output, and its role could not reach it.
const patience = runPatience();
const { state, windows, meter } = openTables({ ...config.tables, rejects: 'none' }, patience);
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'deliver', config.logLevel);
const sink = sinkNamed(config.sink);
const target = openTarget({ ...config, sink });

/** Delivers the waiting panes of one sink. Finalize invokes it when it has put something, and so does the schedule. */
export async function handler(_event: unknown, context: Context): Promise<DeliveryReport> {
  patience.begin(context);
  return telemetry.measured<DeliveryReport>(meter, context, async () => {
    const report = await deliverWaiting({
      pipeline,
      sink,
      state,
      windows,
      target,
      now: () => Date.now(),
      remainingMs: () => context.getRemainingTimeInMillis(),
      sleep,
      random: Math.random,
      runId: randomUUID(),
      onFailure: ({ query, start, end, revision, attempts }, reason, outcome) =>
        telemetry.logger.warn(outcome === 'dead' ? 'A window was given up' : 'A window could not be delivered', {
          ...{ sink: config.sink, query, start, end, revision, attempts, reason },
        }),
    });
    const { delivered, failed, deadLetters, oldestMs } = report;
    if (report.outcome === 'busy') return { answer: report, counts: {}, milliseconds: {} };
    return {
      answer: report,
      counts: { delivered, failedDeliveries: failed, deadLetters },
      milliseconds: { oldestWaiting: oldestMs },
    };
  });
}

function sinkNamed(name: string): Sink {
  const found = pipeline.sinks.find((candidate) => candidate.name === name);
  if (found === undefined) throw new TidemarkError(`sinks.${name}: is not in the pipeline: deploy both together`);
  return found;
}
