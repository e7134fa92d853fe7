import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isMissing } from '../fixtures/needs.ts';
import { drawCase } from './draw-case.ts';
import { runCase } from './run-case.ts';
import { openDuckdb } from './sql.ts';

const connection = await openDuckdb();
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-differential-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seeds = Array.from({ length: 20 }, (_, i) => 1001 + i);

describe.skipIf(isMissing(connection, '@duckdb/node-api'))('random pipelines', () => {
  it.each(seeds)('have the rows and counters of DuckDB: seed %i', async (seed) => {
    if (connection === undefined) return;
    const { differences } = await runCase(drawCase(seed), folder, connection);
    expect(differences, `npm run differential -- --cases 1 --seed ${seed}`).toEqual([]);
  });
});
