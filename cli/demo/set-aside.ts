import { isUtf8 } from 'node:buffer';
import type { SideJson } from '../../functions/api/side-json.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { Counters } from '../../functions/core/events/counters.ts';
import { createStaticRun, type StaticWindow, staticAnswer } from '../../functions/core/static/static-run.ts';
import { readFileChunks, readLines } from '../../functions/formats/lines.ts';

/**
 * The static answer over the lines that remain when the stream's late events are set aside, and a comparison of the
 * rest, record for record.
 */
export interface SetAside {
  readonly windows: readonly StaticWindow[];
  readonly counters: Counters;
  /**
   * Late events of the stream that are not in the files, and lines that only one side rejected. Empty when all is well.
   */
  readonly differences: readonly string[];
}

/** @param side the stream's side output */
export async function setLateAside(
  pipeline: Pipeline,
  files: readonly string[],
  side: readonly SideJson[],
  arrivalMs: number,
): Promise<SetAside> {
  const late = multiset(side.filter((event) => event.reason === 'late').map((event) => event.payload));
  const rejected = multiset(side.filter((event) => event.reason !== 'late').map((event) => event.payload));
  const run = createStaticRun(pipeline);
  const differences: string[] = [];
  for (const file of files) {
    for await (const lines of readLines(readFileChunks(file))) {
      for (const read of lines) {
        if (!('line' in read)) continue;
        const text = read.line.toString('utf8');
        if (take(late, text)) continue;
        const isText = !text.includes('\uFFFD') || isUtf8(read.line);
        if (!isText) run.reject();
        const isAccepted = isText && run.add(text, arrivalMs).outcome === 'accepted';
        if (!isAccepted && !take(rejected, text)) differences.push(`rejected as a line and not by the stream: ${text}`);
      }
    }
  }
  for (const text of left(late)) differences.push(`late, but no line of the files: ${text}`);
  for (const text of left(rejected)) differences.push(`rejected by the stream and not as a line: ${text}`);
  return { ...staticAnswer(pipeline, [run.part()]), differences };
}

function multiset(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function take(counts: Map<string, number>, text: string): boolean {
  const count = counts.get(text) ?? 0;
  if (count > 0) counts.set(text, count - 1);
  return count > 0;
}

function left(counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].flatMap(([text, count]) => Array.from({ length: count }, () => text));
}
