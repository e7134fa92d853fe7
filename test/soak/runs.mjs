/** The shared parts of the soak scripts: a seeded choice, a child process with the command line, and its answers. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const launcher = path.join(root, 'cli', 'tidemark.mjs');

/** A generator of numbers in [0, 1) from a seed: mulberry32. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Runs the command line to its end, or kills it (`kill -9`, the leader alone) after so many milliseconds.
 * @returns {Promise<{ended: 'exit' | 'killed', code: number | null, stdout: string, stderr: string, ms: number}>}
 */
export function run(words, { killAfterMs } = {}) {
  const began = Date.now();
  const child = spawn(process.execPath, [launcher, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((resolve) => {
    // 'exit' and not 'close', because the children of a killed process may hold its output open for another moment, as
    // for a user who starts again at once.
    child.once(killAfterMs === undefined ? 'close' : 'exit', (code, signal) => {
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ ended: signal === 'SIGKILL' ? 'killed' : 'exit', code, stdout, stderr, ms: Date.now() - began });
    });
  });
}

/**
 * The whole numbers among the options of a script, `--kills 10`. Anything else ends it with one line and exit code 2.
 */
export function numbers(defaults) {
  const given = { ...defaults };
  const words = process.argv.slice(2);
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]?.replace(/^--/, '');
    const value = Number(words[at + 1]);
    if (!(name in defaults) || !Number.isSafeInteger(value) || value < 0) {
      process.stderr.write(
        `${words[at]} ${words[at + 1]}: use ${Object.keys(defaults)
          .map((known) => `--${known} NUMBER`)
          .join(', ')}\n`,
      );
      process.exit(2);
    }
    given[name] = value;
  }
  return given;
}
