import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isMissing } from '../fixtures/needs.ts';
import { batchAnswer } from './batch-side.ts';
import { differences } from './compare.ts';
import { drawCase } from './draw-case.ts';
import { writeEvents } from './event-file.ts';
import { expectedAnswer } from './expected.ts';
import { loadPipelineText } from './load-pipeline.ts';
import { pipelineText } from './pipeline-text.ts';
import { runCase } from './run-case.ts';
import { openDuckdb } from './sql.ts';

const connection = await openDuckdb();
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-differential-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(isMissing(connection, '@duckdb/node-api'))('a random pipeline', () => {
  if (connection === undefined) return;

  it('has the same rows and counters in DuckDB, as files and as a stream', async () => {
    const { differences: found, rows } = await runCase(drawCase(3), folder, connection);
    expect(found, 'seed 3').toEqual([]);
    expect(rows).toBeGreaterThan(0);
  });

  it('differs where a row, a value or a counter does', async () => {
    const given = drawCase(3);
    const file = await writeEvents(given, folder, connection);
    const expected = await expectedAnswer(given, file, 'batch', connection);
    const answer = await batchAnswer(await loadPipelineText(pipelineText(given)), file, given.arrivalMs);
    const [first, ...others] = answer.rows;
    if (first === undefined) throw new Error('seed 3 has no rows');
    const told = (other: Partial<typeof answer>) => differences(given, expected, { ...answer, ...other });
    expect(told({})).toEqual([]);
    expect(told({ rows: others }).join()).toContain('only DuckDB has it');
    expect(told({ rows: [...answer.rows, { ...first, start: first.start - 1 }] }).join()).toContain(
      'only Tidemark has it',
    );
    expect(told({ counters: { ...answer.counters, late: 1 } })).toHaveLength(1);
    expect(told({ rows: [{ ...first, values: {} }, ...others] })).not.toEqual([]);
  });
});
