import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { type Attached, startAttached } from '../../infra/emulators/attached.ts';
import { pythonProgram } from '../../infra/emulators/tools.ts';
import { interruption } from '../deployed/interruption.ts';

const version = '4.32.5';

const usage = `npm run test:api -- [--examples N] [--seed N]   Schemathesis against tidemark up: N examples an operation (25), from a seed (1)
`;

/**
 * Starts a pipeline on this machine, puts events, and lets Schemathesis ask the API whatever its description allows and
 * what it does not. @returns the exit code: 0 if all is well or nothing can be tried here, 1 for a failure, 2 for wrong
 * usage
 */
export async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        examples: { type: 'string', default: '25' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    options = { examples: whole('--examples', values.examples), seed: whole('--seed', values.seed) };
  } catch (error) {
    process.stderr.write(`test:api: ${error instanceof Error ? error.message.split('\n')[0] : error}\n`);
    return 2;
  }
  const signal = interruption();
  const program = await pythonProgram({ root, environment: process.env, signal }, 'schemathesis', version);
  if ('needs' in program) {
    process.stdout.write(`test:api: skipped: needs ${program.needs}\n`);
    return 0;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-api-'));
  const output = new EventEmitter();
  const system = startAttached({ ...node, args: ['cli/tidemark.mjs', 'up', '--port', '0', '--json'] }, () =>
    output.emit('more'),
  );
  const stop = () => void system.stop();
  signal.addEventListener('abort', stop);
  try {
    const url = await addressOf(system, output);
    await putEvents(url);
    return await askEverything(program.path, url, folder, options, signal);
  } finally {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Options {
  readonly examples: number;
  readonly seed: number;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${option} ${text}: give a whole number above 0`);
  return value;
}

const environment = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
);
const node = { root, environment, command: process.execPath };

/** The address that `up --json` prints when it is ready. */
async function addressOf(system: Attached, output: EventEmitter): Promise<string> {
  while (!system.hasEnded()) {
    const [line] = system
      .output()
      .split('\n')
      .filter((one) => one.startsWith('{"url"') && one.endsWith('}'));
    if (line !== undefined) return (JSON.parse(line) as { readonly url: string }).url;
    await Promise.race([once(output, 'more'), system.ended]);
  }
  throw new Error(`tidemark up has ended: ${system.output()}`);
}

/** Three days of the lesson's events, an event in the wrong order, and one that is no event. */
async function putEvents(url: string): Promise<void> {
  const startS = 1_469_500_000;
  const events: unknown[] = Array.from({ length: 600 }, (_, i) => ({
    time: startS + i * 432,
    action: i % 3 === 0 ? 'Close' : 'Open',
  }));
  events.push({ time: startS, action: 'Open' }, { time: 'never' });
  const answer = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: events.map((event) => JSON.stringify(event)).join('\n'),
  });
  if (answer.status !== 207) throw new Error(`events are answered ${answer.status}: ${await answer.text()}`);
}

/** A query and windows that are there, without which every answer would be 404. */
const settings = `[parameters]
"path.query" = "actionsPerHour"
"path.start" = ["2016-07-26T03:00:00Z", "1469505600000"]
`;

async function askEverything(
  program: string,
  url: string,
  folder: string,
  { examples, seed }: Options,
  signal: AbortSignal,
): Promise<number> {
  writeFileSync(path.join(folder, 'schemathesis.toml'), settings);
  const asked = startAttached(
    {
      root,
      folder,
      environment,
      command: program,
      args: [
        ...['run', `${url}/openapi.json`, '--seed', String(seed), '--max-examples', String(examples), '--no-color'],
        ...['--continue-on-failure', '--request-timeout', '60'],
        // What JSON Schema cannot say: that `from` is before `to`, that a key's fields are the query's, and what an
        // event of the pipeline is. Its refusals are described (4XX), and all that is described is checked.
        ...['--exclude-checks', 'positive_data_acceptance'],
      ],
    },
    (text) => process.stdout.write(text),
  );
  signal.addEventListener('abort', () => void asked.stop());
  return (await asked.ended) === 0 ? 0 : 1;
}
