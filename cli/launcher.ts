import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A look whether the program is gone that has launched this process: npm (npx, npm exec, npm run), or the shell that it
 * puts between. A kill -9 of npx tells nobody, and `sh` does not pass a kill on. Undefined when a person's shell, or
 * any other program, has launched it: a server may outlive that.
 */
export function launcherIsGone(process: NodeJS.Process): (() => boolean) | undefined {
  if (process.env.npm_command === undefined || process.platform === 'win32') return undefined;
  const { ppid } = process;
  const parent = processAt(ppid);
  if (parent === undefined) return undefined;
  if (isNpm(parent.command)) return () => process.ppid !== ppid;
  if (!isScriptShell(parent.command) || !isNpm(processAt(parent.parent)?.command ?? '')) return undefined;
  return () => process.ppid !== ppid || processAt(ppid)?.parent !== parent.parent;
}

function isNpm(command: string): boolean {
  return /\bnp[mx]\b/.test(command);
}

function isScriptShell(command: string): boolean {
  return /^\S*sh -c /.test(command);
}

interface SeenProcess {
  readonly parent: number;
  /** With its arguments. */
  readonly command: string;
}

function processAt(pid: number): SeenProcess | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8'); // "PID (NAME) STATE PARENT ...": a name may hold anything
      const [, parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return { parent: Number(parent), command };
    }
    const line = execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [, parent = '', command = ''] = /^(\d+)\s+(.*)/s.exec(line) ?? [];
    return { parent: Number(parent), command };
  } catch {
    return undefined; // it has ended, or there is no ps
  }
}
