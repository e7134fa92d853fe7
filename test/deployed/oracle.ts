import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { Counters } from '../../functions/core/events/counters.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';

/** A window as both the static engine and the API give it. */
export interface PlainWindow {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly rows: readonly unknown[];
}

/** The result of one pass over events that are all in time. */
export interface Expected {
  readonly windows: readonly PlainWindow[];
  readonly counters: Counters;
}

/** The static engine's answer to events that are all in time. */
export function expectedOf(pipeline: Pipeline, lines: readonly string[]): Expected {
  const run = createStaticRun(pipeline);
  for (const line of lines) run.add(line, Date.now());
  const { windows, counters } = staticAnswer(pipeline, [run.part()]);
  return { windows: windows.map(plain), counters };
}

/** The parts of a window that both sides have. */
export function plain({ query, start, end, rows }: PlainWindow): PlainWindow {
  return { query, start, end, rows };
}
