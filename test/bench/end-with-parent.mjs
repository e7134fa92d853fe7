/**
 * Preloaded into the commands that are measured, so that they end when the benchmark does, after a kill -9 of it too.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { ppid } = process;
  setInterval(() => {
    if (process.ppid !== ppid) process.exit(1);
  }, 500).unref();
}
