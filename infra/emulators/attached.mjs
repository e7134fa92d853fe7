// Runs a command that ends with the starter of this process, however the starter ended: node attached.mjs FOLDER
// COMMAND ARGUMENTS... The operating system closes stdin when the starter is gone, after a kill -9 too. The command and
// its children are a process group of their own. The group is asked to end and is then killed. Then FOLDER (none if
// empty) is removed.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

/** How long (ms) the group has to end by itself. */
const graceMs = 5_000;

const [folder = '', command = '', ...args] = process.argv.slice(2);
// Ctrl-C reaches the whole foreground group of a terminal; only the starter acts on it, and this process follows.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

const child = spawn(command, args, { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
child.on('error', (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  leave(127);
});
child.on('close', (code) => leave(code ?? 1));
process.stdin.on('end', end).on('error', end).resume();

let ending = false;
function end() {
  if (ending) return;
  ending = true;
  signalGroup('SIGTERM');
  setTimeout(() => signalGroup('SIGKILL'), graceMs).unref();
}

function leave(code) {
  // Any process that the command left in its group ends with it.
  signalGroup('SIGKILL');
  if (folder !== '') rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  process.exit(code);
}

function signalGroup(signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is gone.
  }
}
