import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DifferentialCase } from './case.ts';
import { drawCase } from './draw-case.ts';
import { minimize } from './minimize.ts';
import { type CaseOutcome, runCase } from './run-case.ts';
import { openDuckdb } from './sql.ts';

const usage = `npm run differential -- [--cases N] [--seed N] [--json]   N random cases (100) from a seed (1) on, against DuckDB
                        --case FOLDER                    one case as a failure has left it
`;

/** Where the command writes, and the user's folder. */
export interface Surroundings {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  readonly folder: string;
}

/** The time between two lines of progress, ms. */
const progressMs = 5000;

/** Runs the command. @returns its exit code: 0, 1 for a difference, 2 for wrong usage */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<0 | 1 | 2> {
  const { out, error } = surroundings;
  let plan: Plan | undefined;
  try {
    plan = planOf(args);
  } catch (cause) {
    error(`differential: ${cause instanceof Error ? cause.message.split('\n')[0] : cause}`);
    return 2;
  }
  if (plan === undefined) {
    out(usage);
    return 0;
  }
  const connection = await openDuckdb();
  if (connection === undefined) {
    error('skipped: needs @duckdb/node-api');
    return 0;
  }
  return plan.folder === undefined
    ? runSeeds(plan, connection, surroundings)
    : runFolder(path.resolve(surroundings.folder, plan.folder), connection, surroundings);
}

interface Plan {
  readonly cases: number;
  readonly seed: number;
  readonly json: boolean;
  readonly folder: string | undefined;
}

function planOf(args: readonly string[]): Plan | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      case: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    cases: whole('--cases', values.cases),
    seed: whole('--seed', values.seed),
    json: values.json,
    folder: values.case,
  };
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${option} ${text}: give a whole number above 0`);
  return value;
}

async function runSeeds(
  { cases, seed, json }: Plan,
  connection: DuckDBConnection,
  { out, error }: Surroundings,
): Promise<0 | 1> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-differential-'));
  const began = performance.now();
  let told = began;
  const sum = { rows: 0, events: 0, late: 0 };
  try {
    for (let at = 0; at < cases; at++) {
      const given = drawCase(seed + at);
      const outcome = await runCase(given, folder, connection);
      sum.rows += outcome.rows;
      sum.events += given.events.length;
      sum.late += outcome.late;
      if (outcome.differences.length > 0) {
        await tellFailure(given, outcome, connection, json, out);
        return 1;
      }
      if (performance.now() - told < progressMs) continue;
      told = performance.now();
      error(`${at + 1} of ${cases} cases, ${((at + 1) / ((told - began) / 1000)).toFixed(1)} a second`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.wal`, { force: true });
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  out(
    json
      ? JSON.stringify({ cases, seed, differences: 0, ...sum, seconds })
      : `${cases} cases from seed ${seed}: no difference from DuckDB in ${sum.rows} rows of ${sum.events} events, ${sum.late} of them late (${seconds} s)`,
  );
  return 0;
}

/** Makes the case smaller, and leaves it where it can be looked at. */
async function tellFailure(
  given: DifferentialCase,
  { differences }: CaseOutcome,
  connection: DuckDBConnection,
  json: boolean,
  out: (line: string) => void,
): Promise<void> {
  if (!json) {
    out(`seed ${given.seed}: ${differences.length} differences from DuckDB, the first: ${differences[0]}`);
    out('looking for a smaller case...');
  }
  const folder = path.join(tmpdir(), `tidemark-differential-seed-${given.seed}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const outcomeOf = (one: DifferentialCase) => runCase(one, folder, connection).catch(() => undefined);
  const smallest = await minimize(given, async (one) => ((await outcomeOf(one))?.differences.length ?? 0) > 0);
  const left = (await outcomeOf(smallest))?.differences ?? [];
  writeFileSync(path.join(folder, 'differences.txt'), left.map((line) => `${line}\n`).join(''));
  const repeat = `npm run differential -- --case ${folder}`;
  if (json) out(JSON.stringify({ seed: given.seed, differences: left, folder, repeat }));
  else {
    out(`${smallest.events.length} events are left:`);
    for (const line of left.slice(0, 20)) out(`  ${line}`);
    out(`its pipeline and events: ${folder}`);
    out(`again: ${repeat}`);
    out(`or: npx tidemark batch ${folder}/events.${smallest.format} --pipeline ${folder}/pipeline.ts --json`);
  }
}

async function runFolder(folder: string, connection: DuckDBConnection, { out }: Surroundings): Promise<0 | 1> {
  const given = JSON.parse(readFileSync(path.join(folder, 'case.json'), 'utf8')) as DifferentialCase;
  const { differences, rows } = await runCase(given, folder, connection);
  for (const line of differences) out(line);
  out(differences.length === 0 ? `no difference in ${rows} rows` : `${differences.length} differences`);
  return differences.length === 0 ? 0 : 1;
}
