import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { batchAnswer } from './batch-side.ts';
import type { DifferentialCase } from './case.ts';
import { differences } from './compare.ts';
import { writeEvents } from './event-file.ts';
import { expectedAnswer } from './expected.ts';
import { loadPipelineText } from './load-pipeline.ts';
import { pipelineText } from './pipeline-text.ts';
import { streamAnswer } from './stream-side.ts';

/** What came of a case. */
export interface CaseOutcome {
  /** A line each; none when Tidemark and DuckDB agree. */
  readonly differences: readonly string[];
  /** Rows that were compared. */
  readonly rows: number;
  readonly late: number;
}

/** Runs a case in a folder, where its pipeline, its events and the case itself are left. */
export async function runCase(
  given: DifferentialCase,
  folder: string,
  connection: DuckDBConnection,
): Promise<CaseOutcome> {
  const text = pipelineText(given);
  writeFileSync(path.join(folder, 'pipeline.ts'), text);
  writeFileSync(path.join(folder, 'case.json'), `${JSON.stringify(given)}\n`);
  const file = await writeEvents(given, folder, connection);
  const pipeline = await loadPipelineText(text);
  const found: string[] = [];
  let rows = 0;
  let late = 0;
  for (const way of ['batch', 'stream'] as const) {
    const expected = await expectedAnswer(given, file, way, connection);
    const actual =
      way === 'batch' ? await batchAnswer(pipeline, file, given.arrivalMs) : await streamAnswer(given, pipeline, file);
    found.push(...differences(given, expected, actual).map((line) => `${way}: ${line}`));
    rows += expected.rows.length;
    late += expected.counters.late;
  }
  return { differences: found, rows, late };
}
