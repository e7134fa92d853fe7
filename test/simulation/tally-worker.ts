import { parentPort, workerData } from 'node:worker_threads';
import { loadEngine } from './bundle.ts';

/** The outcome of some seeds. */
export interface Tally {
  readonly seeds: number;
  readonly steps: number;
  readonly events: number;
  readonly lateEvents: number;
  readonly finalWindows: number;
  readonly failures: readonly { readonly seed: number; readonly violation: string }[];
}

const { engineFile } = workerData as { readonly engineFile: string };

/** Runs the seeds of each message, `from` inclusive and `to` exclusive, and answers with their tally. */
parentPort?.on('message', async ({ from, to }: { readonly from: number; readonly to: number }) => {
  const { drawOptions, runMany } = await loadEngine(engineFile);
  const tally = {
    seeds: 0,
    steps: 0,
    events: 0,
    lateEvents: 0,
    finalWindows: 0,
    failures: [] as Tally['failures'][number][],
  };
  await runMany(
    (function* () {
      for (let seed = from; seed < to; seed++) yield drawOptions(seed);
    })(),
    ({ options, violation, steps, events, lateEvents, finalWindows }) => {
      tally.seeds++;
      tally.steps += steps;
      tally.events += events;
      tally.lateEvents += lateEvents;
      tally.finalWindows += finalWindows;
      if (violation !== undefined) tally.failures.push({ seed: options.seed, violation: violation.message });
      return 'go on';
    },
  );
  parentPort?.postMessage(tally);
});
