import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLateAside } from '../../cli/demo/set-aside.ts';
import { type ApiClient, apiClient, resultRows } from '../../cli/deployment/api-client.ts';
import { runCommandLine } from '../../cli/main.ts';
import { conservationLine, printTotals, type ResultRow } from '../../cli/print/result-table.ts';
import type { CommandProcess } from '../../cli/program/command.ts';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { generateOpenClose, openCloseDefaults } from '../../cli/sample/open-close.ts';
import { apiUrl, type Outputs } from '../../infra/emulators/cdk.ts';
import { EmulatorError } from '../../infra/emulators/emulator-error.ts';

/** The deployed stack on which the lesson is played. */
export interface Lesson {
  readonly endpoint: string;
  readonly outputs: Outputs;
  readonly signal: AbortSignal;
}

const query = 'actionsPerHour';

/**
 * Plays the lesson on a deployed stack. Puts the sample with its late and malformed events, ends the stream, and
 * compares the answer of the deployed API with the answer over the files. Resolves to 0 when both agree, record for
 * record, and the law of conservation holds.
 * @throws EmulatorError when the stack has events already
 */
export async function playLesson({ endpoint, outputs, signal }: Lesson): Promise<number> {
  const { StreamName = '', FinalizeFunction = '' } = outputs;
  const edges: CommandProcess = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal,
    now: Date.now,
  };
  const api = apiClient(apiUrl(endpoint, outputs));
  if ((await api.conservation()).received > 0)
    throw new EmulatorError(
      'the stack has been given events already: npm run localstack:down, :up and :deploy begin anew',
    );
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-lesson-'));
  try {
    const files = writeSample(folder);
    const startedAt = edges.now();
    await command(['replay', ...files, '--endpoint', endpoint, '--stream', StreamName], edges);
    await command(['drain', '--endpoint', endpoint, '--function', FinalizeFunction], edges);
    return await compare(api, files, startedAt, edges);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeSample(folder: string): readonly string[] {
  const { files, manifest } = generateOpenClose({ ...openCloseDefaults, quality: 'real' });
  process.stdout.write(
    `${manifest.events} events, ${manifest.movedLate} late ones, ${manifest.farTooLate} far too late, ${manifest.malformed} malformed\n`,
  );
  return files.map(({ name, bytes }) => {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    return file;
  });
}

async function command(argv: readonly string[], edges: CommandProcess): Promise<void> {
  const code = await runCommandLine(argv, edges);
  edges.signal.throwIfAborted();
  if (code !== 0) throw new EmulatorError(`tidemark ${argv[0]} ended with ${code}`);
}

async function compare(
  api: ApiClient,
  files: readonly string[],
  startedAt: number,
  { stdout, now }: CommandProcess,
): Promise<number> {
  const [windows, totals, conservation, side] = await Promise.all([
    api.windows(query, { status: 'final' }),
    api.totals(query, { by: 'action', status: 'final' }),
    api.conservation(),
    api.late({ from: startedAt, to: now() + 1 }),
  ]);
  const apart = await setLateAside(await loadPipeline('device-actions'), files, side, now());
  const expected = apart.windows.flatMap(({ start, rows }) => rows.map((row) => ({ ...row, start })));
  const { counted, rejected } = conservation;
  const same = JSON.stringify(sorted(expected)) === JSON.stringify(sorted(resultRows(windows)));
  const equal = same && counted === apart.counters.counted && apart.differences.length === 0;
  printTotals(totals, 'table', stdout);
  stdout.write(`${conservationLine(conservation)}\n`);
  for (const difference of apart.differences.slice(0, 5)) stdout.write(`   ${difference}\n`);
  stdout.write(
    equal
      ? `equal: ${windows.length} final windows of the deployed API are those of the files, once ${conservation.late} late and ${rejected} rejected events are set aside\n`
      : 'NOT EQUAL: the deployed API and the files disagree\n',
  );
  stdout.write(
    conservation.holds
      ? 'conserved: every event is in exactly one class\n'
      : 'NOT CONSERVED: some event is in no class, or in two\n',
  );
  return equal && conservation.holds ? 0 : 1;
}

function sorted(rows: readonly Pick<ResultRow, 'start' | 'key' | 'values'>[]): readonly (readonly [string, unknown])[] {
  return rows
    .map((row) => [`${row.start} ${JSON.stringify(row.key)}`, row.values] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1));
}
