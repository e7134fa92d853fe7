import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { startAttached } from '../../infra/emulators/attached.ts';
import { pythonProgram } from '../../infra/emulators/tools.ts';
import { interruption } from '../deployed/interruption.ts';
import { lintedStacks, templatesOf } from './stacks.ts';
import { suppressions } from './suppressions.ts';

const version = '1.58.0';

const usage = `npm run test:cdk   cfn-lint on the templates of ${lintedStacks.length} stacks; what is left as it is, and why: test/cdk/suppressions.ts
`;

/**
 * Checks the templates of the CDK app with cfn-lint.
 * @returns the exit code: 0 if all is well or nothing can be checked here, 1 for a finding, 2 for wrong usage
 */
export async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    const wantsHelp = args.length === 1 && args[0] === '--help';
    (wantsHelp ? process.stdout : process.stderr).write(usage);
    return wantsHelp ? 0 : 2;
  }
  const signal = interruption();
  const program = await pythonProgram({ root, environment: process.env, signal }, 'cfn-lint', version);
  if ('needs' in program) {
    process.stdout.write(`test:cdk: skipped: needs ${program.needs}\n`);
    return 0;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-cdk-'));
  try {
    const templates = new Map<string, string>();
    for (const [i, stack] of lintedStacks.entries())
      for (const file of templatesOf(stack, root, path.join(folder, String(i)))) templates.set(file, stack.name);
    const found = await findings(program.path, [...templates.keys()], folder, signal);
    return told(found, templates);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A finding, as `cfn-lint --format json` has it. */
interface Finding {
  readonly Filename: string;
  readonly Message: string;
  readonly Rule: { readonly Id: string };
  readonly Location: { readonly Path: readonly (string | number)[] | null };
}

async function findings(
  command: string,
  files: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const pieces: string[] = [];
  const linted = startAttached(
    { root, folder, environment, command, args: ['--format', 'json', '--regions', 'us-east-1', '--', ...files] },
    (text) => pieces.push(text),
  );
  signal.addEventListener('abort', () => void linted.stop());
  const code = await linted.ended;
  const text = pieces.join('');
  try {
    return JSON.parse(text === '' ? '[]' : text) as readonly Finding[];
  } catch (error) {
    throw new Error(`cfn-lint ended with ${code}: ${text.slice(0, 500)}`, { cause: error });
  }
}

/** Prints what is not suppressed, and suppressions of what is not found any more. @returns the exit code */
function told(found: readonly Finding[], templates: ReadonlyMap<string, string>): number {
  const used = new Map(suppressions.map((one) => [one, 0]));
  let failures = 0;
  for (const { Filename, Message, Rule, Location } of found) {
    const place = (Location.Path ?? []).join('/');
    const suppression = suppressions.find(
      ({ rule, where }) => rule === Rule.Id && (where.test(place) || where.test(Message)),
    );
    if (suppression !== undefined) used.set(suppression, (used.get(suppression) ?? 0) + 1);
    else {
      failures++;
      process.stdout.write(`${templates.get(Filename) ?? Filename}: ${Rule.Id} at ${place}: ${Message}\n`);
    }
  }
  for (const [{ rule, reason }, times] of used)
    if (times === 0) {
      failures++;
      process.stdout.write(`test/cdk/suppressions.ts: nothing is found of ${rule} (${reason}): take it out\n`);
    }
  const suppressed = [...used.values()].reduce((total, times) => total + times, 0);
  process.stdout.write(
    `test:cdk: ${templates.size} templates, ${failures} findings, ${suppressed} left as they are, with reasons\n`,
  );
  return failures === 0 ? 0 : 1;
}
