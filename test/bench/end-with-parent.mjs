/** Preloaded into the measured commands, so that they end when the benchmark ends, also after a kill -9 of it. */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { ppid } = process;
  setInterval(() => {
    if (process.ppid !== ppid) process.exit(1);
  }, 500).unref();
}
