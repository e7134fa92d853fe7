import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiClient } from '../../cli/deployment/api-client.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import { type Compared, compare, finalRows, nameOf } from './compare.ts';
import { createEvents } from './events.ts';
import { comeBack, drawVictim, killVictim, type Victim, victims } from './kills.ts';
import { startLoad } from './load.ts';
import { pipeline } from './oracle.ts';
import { pipelineFile, type System, startSystem } from './system.ts';

/** The figures of a run. */
export interface CrashFigures {
  readonly seed: number;
  readonly kills: Readonly<Record<Victim, number>>;
  /** The number of starts of the command, and of those that a kill interrupted. */
  readonly starts: number;
  readonly startsBroken: number;
  readonly splits: number;
  readonly merges: number;
  readonly acknowledged: number;
  /** Records that were put again because no answer came. */
  readonly putAgain: number;
  readonly stream: Omit<Compared, 'differences'>;
  /** Events that aggregate read again, because their batch was delivered again. */
  readonly readAgain: number;
  /** The time from a kill until a record put after it was committed, in ms. */
  readonly backAfterMs: { readonly median: number; readonly most: number };
  readonly seconds: number;
  readonly differences: readonly string[];
}

/**
 * The longest pause (ms) between two kills, when the second one waits for the system to come back, and when it does
 * not.
 */
const pauseMs = 300;
const quickPauseMs = 900;
const quickShare = 0.7;
/** One in so many kills follows directly on a split or a merge. */
const killsPerReshard = 12;
/** One in so many kills is followed by a read of the final windows. */
const killsPerLook = 5;

/** @param folder empty @throws Violation when a part of the system does not come back */
export async function runCrash(
  seed: number,
  kills: number,
  folder: string,
  onProgress: (done: number, detail: string) => void,
): Promise<CrashFigures> {
  const began = performance.now();
  const since = Date.now();
  const random = seededRandom(seed);
  const load = { events: random.fork(), sizes: random.fork() };
  const killed = Object.fromEntries(victims.map((victim) => [victim, 0])) as Record<Victim, number>;
  const backAfterMs: number[] = [];
  const seen = new Map<string, string>();
  const reshards = { split: 0, merge: 0 };
  const system = startSystem(folder);
  try {
    const putting = startLoad(system, createEvents(load.events), () => load.sizes.unit());
    await comeBack(system, putting, 'nothing');
    for (let done = 0; done < kills; ) {
      const quick = random.chance(quickShare);
      await sleep(random.int(0, quick ? quickPauseMs : pauseMs));
      if (random.chance(1 / killsPerReshard)) {
        const kind = reshards.split > reshards.merge ? 'merge' : 'split';
        if (await putting.reshard(kind, random.unit())) reshards[kind]++;
      }
      const victim = drawVictim(random);
      system.check();
      const killedAt = performance.now();
      if (!(await killVictim(system, folder, victim))) continue;
      killed[victim]++;
      done++;
      onProgress(
        done,
        `${putting.acknowledged.size} records put, last killed: ${victim}, command started ${system.starts()} times`,
      );
      if (quick && done < kills) continue;
      await comeBack(system, putting, victim);
      backAfterMs.push(Math.round(performance.now() - killedAt));
      if (done % killsPerLook === 0) await lookAtFinals(system, seen);
    }
    await putting.end();
    await system.run('drain', ['--pipeline', pipelineFile, '--timeout', '120']);
    const { differences, ...stream } = await compare({
      url: system.url() ?? '',
      since,
      acknowledged: putting.acknowledged,
      made: putting.made,
      seen,
    });
    system.check();
    const sortedMs = backAfterMs.sort((left, right) => left - right);
    return {
      seed,
      kills: killed,
      starts: system.starts(),
      startsBroken: system.brokenStarts().length,
      splits: reshards.split,
      merges: reshards.merge,
      acknowledged: putting.acknowledged.size,
      putAgain: putting.putAgain(),
      stream,
      readAgain: statSync(join(folder, 'readings')).size - stream.timed,
      backAfterMs: { median: sortedMs[sortedMs.length >> 1] ?? 0, most: sortedMs.at(-1) ?? 0 },
      seconds: Math.round((performance.now() - began) / 100) / 10,
      differences,
    };
  } finally {
    await system.stop();
  }
}

/** Remembers the final windows at their first sight. A read that a death interrupts does not count. */
async function lookAtFinals(system: System, seen: Map<string, string>): Promise<void> {
  const url = system.url();
  if (url === undefined) return;
  for (const { name } of pipeline.queries) {
    const windows = await apiClient(url)
      .windows(name, { status: 'final' })
      .catch(() => []);
    for (const window of windows) if (!seen.has(nameOf(window))) seen.set(nameOf(window), finalRows(window));
  }
}
