import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportError } from '../../cli/program/errors.ts';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { startAttached } from '../../infra/emulators/attached.ts';
import { EmulatorError } from '../../infra/emulators/emulator-error.ts';
import { findMinistack, type MinistackStarter } from '../../infra/emulators/ministack.ts';
import { interruption } from './interruption.ts';
import { type Iam, type Part, parseOptions, type SuiteOptions, usage } from './options.ts';
import { targetVariables } from './target.ts';

/**
 * Runs the suite; resolves to the exit code: 0 if everything holds or nothing can be started here, 1 if something
 * fails, 2 for wrong usage.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const signal = interruption();
  try {
    const options = parseOptions(argv);
    if (options === 'help') {
      process.stdout.write(usage);
      return 0;
    }
    return await run(options, signal);
  } catch (error) {
    if (signal.aborted) return 130;
    const { message, exitCode } = reportError(error);
    process.stderr.write(`test:deployed: ${error instanceof EmulatorError ? error.message : message}\n`);
    return exitCode;
  }
}

async function run(options: SuiteOptions, signal: AbortSignal): Promise<number> {
  if (options.on === 'endpoint') {
    if (!(await answers(options.endpoint)))
      throw new EmulatorError(`nothing answers at ${options.endpoint}: start an emulator, or use --target ministack`);
    return suite(options.endpoint, options.iam, signal, options.parts);
  }
  const say = (text: string) => process.stdout.write(`test:deployed: ${text}\n`);
  say('ministack is being looked for under .tidemark, and installed if it is not there');
  const program = await findMinistack({ root, environment: process.env, signal });
  if ('needs' in program) {
    say(`skipped: needs ${program.needs}`);
    return 0;
  }
  // Most of a run is waiting for the schedule, so both run at the same time.
  const codes = await Promise.all(options.runs.map((iam) => onMinistack(program, iam, options.parts, signal, say)));
  return signal.aborted ? 130 : Math.max(...codes);
}

async function onMinistack(
  program: MinistackStarter,
  iam: Iam,
  parts: readonly Part[],
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<number> {
  const began = performance.now();
  const ministack = await program.start(iam);
  say(`ministack runs at ${ministack.url}, IAM ${iam}`);
  let code = 1;
  try {
    code = await suite(
      ministack.url,
      iam,
      signal,
      parts.length === 0 && iam === 'ignored' ? ['deployed', 'sinks', 'sources'] : parts,
    );
    if (code !== 0 && !signal.aborted) process.stdout.write(complaints(ministack.log()));
  } finally {
    await ministack.stop();
  }
  const outcome = signal.aborted ? 'interrupted' : code === 0 ? 'passed' : 'FAILED';
  say(`IAM ${iam}: ${outcome} in ${Math.round((performance.now() - began) / 1000)} s, everything taken down`);
  return code;
}

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  );
}

/** The complaints in a log, at most 20 lines. */
function complaints(log: string): string {
  const lines = log.split('\n').filter((line) => / (WARNING|ERROR) |Error:/.test(line));
  return ['--- ministack complained about', ...lines.slice(-20), '---', ''].join('\n');
}

/** The suite itself, in a process of vitest's that ends with this one. */
async function suite(endpoint: string, iam: Iam, signal: AbortSignal, parts: readonly Part[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-deployed-'));
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const vitest = startAttached(
    {
      root,
      removes: folder,
      command: process.execPath,
      args: [
        join(root, 'node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--config',
        'test/deployed/vitest.config.ts',
        ...parts.map((part) => `${part}.test.ts`),
      ],
      environment: {
        ...Object.fromEntries(inherited),
        [targetVariables.endpoint]: endpoint,
        [targetVariables.iam]: iam,
        [targetVariables.folder]: folder,
      },
    },
    (text) => process.stdout.write(text),
  );
  const stop = (): void => void vitest.stop();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const code = await vitest.ended;
  signal.removeEventListener('abort', stop);
  return code;
}
