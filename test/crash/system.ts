import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';

const root = findPackageRoot();
const launcher = join(root, 'cli', 'tidemark.mjs');
export const pipelineFile = join(root, 'test', 'crash', 'pipeline.ts');

/** The error for a requirement that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** The child processes that `tidemark up` keeps alive. */
export type ChildKind = 'emulators' | 'runner' | 'functions';

/**
 * `tidemark up --data` as its user runs it: a command in a terminal. When it has been killed, it is started again with
 * the same words.
 */
export interface System {
  /** The address, or undefined while there is none. A new one after each start of the command. */
  url(): string | undefined;
  /** The number of starts of the command. */
  starts(): number;
  /** The output of the command at each start that ended because one of its processes was killed. */
  brokenStarts(): readonly string[];
  /**
   * `kill -9` of the command itself, which is started again at once. Returns the killed process, or undefined when none
   * ran.
   */
  killCommand(): number | undefined;
  /** `kill -9` of one of its processes. */
  killChild(kind: ChildKind): Promise<number | undefined>;
  /** Runs another command against it and returns its output. @throws Violation when that fails */
  run(command: string, words: readonly string[]): Promise<string>;
  /** @throws Violation when the command has ended by itself */
  check(): void;
  stop(): Promise<void>;
}

/** @param folder where the command is started; its data folder is `data` in there */
export function startSystem(folder: string): System {
  let child: ChildProcess | undefined;
  let url: string | undefined;
  let starts = 0;
  let wanted = true;
  let killsOfStart = 0;
  let violation: Violation | undefined;
  const brokenStarts: string[] = [];

  function launch(): void {
    starts++;
    killsOfStart = 0;
    const words = [
      'up',
      '--port',
      '0',
      '--data',
      'data',
      '--pipeline',
      pipelineFile,
      '--finalize-every',
      '1',
      '--json',
    ];
    const started = spawn(process.execPath, [launcher, ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let stdout = '';
    let stderr = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (child === started && url === undefined && stdout.includes('\n'))
        url = (JSON.parse(stdout) as { readonly url: string }).url;
    });
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // 'exit' and not 'close': the children of a killed process may hold its output open for another moment.
    started.once('exit', (code, signal) => {
      if (child !== started) return;
      const said = `exit ${signal ?? code}: ${stderr.trim()}`;
      const whileStarting = url === undefined && killsOfStart > 0;
      url = undefined;
      child = undefined;
      if (!wanted) return;
      if (signal === 'SIGKILL') return launch();
      if (!whileStarting || stderr.trim().includes('\n')) {
        violation = new Violation(`tidemark up ended by itself: ${said}`);
        return;
      }
      brokenStarts.push(said);
      launch();
    });
  }

  launch();
  return {
    url: () => url,
    starts: () => starts,
    brokenStarts: () => brokenStarts,
    killCommand() {
      const pid = child?.pid;
      url = undefined;
      return child?.kill('SIGKILL') === true ? pid : undefined;
    },
    async killChild(kind) {
      if (child?.pid === undefined) return undefined;
      const pid = await childOf(child.pid, kind);
      killsOfStart++;
      return pid !== undefined && kill(pid) ? pid : undefined;
    },
    async run(command, words) {
      const port = new URL(url ?? '').port;
      try {
        return (
          await promisify(execFile)(process.execPath, [launcher, command, '--port', port, ...words], { cwd: folder })
        ).stdout;
      } catch (error) {
        throw new Violation(
          `tidemark ${command} fails: ${error instanceof Error && 'stderr' in error ? error.stderr : error}`,
        );
      }
    },
    check() {
      if (violation !== undefined) throw violation;
    },
    async stop() {
      wanted = false;
      if (child === undefined) return;
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await Promise.race([ended, sleep(20_000, undefined, { ref: false })]);
      child?.kill('SIGKILL');
    },
  };
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false; // it has ended meanwhile
  }
}

/**
 * Finds a child as a person does: in the list of processes, by its parent and its name. The name is that of the file
 * until the process gives itself a title.
 */
async function childOf(parent: number, kind: ChildKind): Promise<number | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  for (const line of stdout.split('\n')) {
    const [, pid, ppid, words = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (Number(ppid) === parent && (words.includes(`${kind}-process.mjs`) || words.startsWith(`tidemark ${kind}`)))
      return Number(pid);
  }
  return undefined;
}
