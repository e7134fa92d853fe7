import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Json } from './json.ts';
import { runVector } from './run-vector.ts';
import { judge, type Verdict } from './verdict.ts';

/** The outputs of the conformance run, and the folders of its files. */
export interface Surroundings {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  /** Relative names of files are looked up here, in this order. */
  readonly folders: readonly string[];
}

const usage = 'usage: npm run -s conformance -- [--actual] FILES...';

/**
 * Runs vector files. Returns the exit code: 0, 1 when a vector fails that should pass, 2 for arguments and files that
 * cannot be used.
 */
export async function main(args: readonly string[], { out, error, folders }: Surroundings): Promise<0 | 1 | 2> {
  const files = args.filter((arg) => !arg.startsWith('-'));
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--actual');
  if (unknown !== undefined || files.length === 0) {
    error(unknown === undefined ? `files: none is given; ${usage}` : `${unknown} is not an option; ${usage}`);
    return 2;
  }
  const vectors: Json[] = [];
  for (const file of files) {
    const read = readVectors(file, folders);
    if (typeof read === 'string') {
      error(read);
      return 2;
    }
    vectors.push(...read);
  }
  if (args.includes('--actual')) {
    for (const vector of vectors) {
      const run = await runVector(vector);
      out(JSON.stringify({ ...run, actual: run.status === 'ran' ? run.actual : {} }));
    }
    return 0;
  }
  return summarize(vectors, out);
}

async function summarize(vectors: readonly Json[], out: (line: string) => void): Promise<0 | 1> {
  const totals: Record<Verdict['outcome'], number> = { pass: 0, fail: 0, differs: 0, unsupported: 0 };
  for (const vector of vectors) {
    const verdict = await judge(vector);
    totals[verdict.outcome]++;
    out(`${verdict.outcome.padEnd(11)} ${verdict.id}${verdict.outcome === 'pass' ? '' : `: ${verdict.detail}`}`);
  }
  const { pass, fail, differs, unsupported } = totals;
  out(
    `${vectors.length} vectors: ${pass} pass, ${fail} fail, ${differs} differ on purpose, ${unsupported} unsupported`,
  );
  return fail > 0 ? 1 : 0;
}

/** The vectors of a file, or one line that says why there are none. */
function readVectors(file: string, folders: readonly string[]): readonly Json[] | string {
  let problem = 'cannot be read';
  for (const folder of folders) {
    let text: string;
    try {
      text = readFileSync(path.resolve(folder, file), 'utf8');
    } catch (error) {
      problem =
        error instanceof Error && 'code' in error
          ? `cannot be read (${String(error.code)}): give a file of vectors`
          : problem;
      continue;
    }
    try {
      const parsed = JSON.parse(text) as Json;
      return Array.isArray(parsed) ? parsed : `${file} is not a JSON array of vectors: see test/vectors/README.md`;
    } catch {
      return `${file} is not JSON: give a file of vectors, see test/vectors/README.md`;
    }
  }
  return `${file} ${problem}`;
}
