import type { Pipeline } from '../core/definition/pipeline.ts';
import type { Delivery, SinkKind } from '../core/definition/sink.ts';
import { deliverWaiting, type SinkTarget } from '../state/sinks/delivery.ts';
import type { MemoryTables } from './invocations.ts';

/** Sinks whose targets get all rows of a window at each pane, also with mode `update`: they keep it as one thing. */
const keepsWindows: readonly SinkKind[] = ['dynamodb'];

/** The sinks of a pipeline, with the production outbox and delivery, and targets that keep what they are given. */
export interface MemorySinks {
  /** Delivers what waits, in the order of the pipeline's sinks. */
  deliver(nowMs: number): Promise<void>;
  /** The deliveries to a sink so far, in order. */
  delivered(sink: string): readonly Delivery[];
}

export function memorySinks(pipeline: Pipeline, { state, windows }: MemoryTables): MemorySinks {
  const kept = new Map<string, Delivery[]>(pipeline.sinks.map(({ name }) => [name, []]));
  let runs = 0;
  return {
    async deliver(nowMs) {
      for (const sink of pipeline.sinks) {
        const target: SinkTarget = {
          order: 'ordered',
          process: 'safe',
          update: keepsWindows.includes(sink.kind) ? 'windows' : 'rows',
          deliver: async (delivery) => void kept.get(sink.name)?.push(delivery),
        };
        await deliverWaiting({
          pipeline,
          sink,
          state,
          windows,
          target,
          now: () => nowMs,
          remainingMs: () => invocationMs,
          sleep: async () => {},
          random: () => 0,
          runId: `delivery-${++runs}`,
          onFailure: (_waiting, reason) => {
            throw new Error(`sink ${sink.name}: ${reason}`);
          },
        });
      }
    },
    delivered: (sink) => kept.get(sink) ?? [],
  };
}

/** The time of an invocation, in ms. It stands still here. */
export const invocationMs = 60_000;
