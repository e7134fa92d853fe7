/**
 * Kills the leader of a run with `kill -9` at random moments and starts it again with --resume until it ends. Compares
 * its final windows and counters with those of an undisturbed run: `node test/soak/resume.mjs --kills 10 --seed 1`.
 * Half of the moments are drawn from the whole run, half from its first seconds, in which streams and tables are made.
 * Some runs are killed several times.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { numbers, run, seeded } from './runs.mjs';

const { kills, streamKills, seed } = numbers({ kills: 10, streamKills: 4, seed: 1 });
const random = seeded(seed);
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-soak-'));
let failures = 0;

/**
 * The kinds of runs, each with the parts of its answer that must be equal: the rows and the counters. The costs and the
 * durations may differ.
 */
const subjects = {
  demo: {
    words: (data) => ['demo', '--json', '--data', data],
    answer({ stdout }) {
      const { equal, conservation, stream } = JSON.parse(stdout);
      const { received, counted, late, rejected, filtered, holds } = conservation;
      return {
        equal,
        holds,
        counters: { received, counted, late, rejected, filtered },
        rows: stream.rows,
        reasons: stream.reasons,
      };
    },
  },
  stream: {
    words: (data) => ['stream', ...streamFiles, '--json', '--data', data, '--max-files-per-trigger', '2'],
    // The rows are alone on standard output. The last line of standard error is the counters.
    answer({ stdout, stderr }) {
      const { received, counted, late, rejected, filtered } = JSON.parse(lines(stderr).pop()).conservation;
      return {
        counters: { received, counted, late, rejected, filtered },
        rows: lines(stdout).map((line) => JSON.parse(line)),
      };
    },
  },
};
const streamFiles = Array.from({ length: 10 }, (_, i) => path.join(folder, 'sample', `part-${i}`));

async function soak(name, count) {
  const subject = subjects[name];
  const undisturbed = await run(subject.words(path.join(folder, `${name}-undisturbed`)));
  if (undisturbed.code !== 0)
    throw new Error(`${name}: the undisturbed run exits ${undisturbed.code}: ${undisturbed.stderr.slice(-500)}`);
  const expected = JSON.stringify(subject.answer(undisturbed));
  console.log(`${name}: undisturbed ${(undisturbed.ms / 1000).toFixed(1)} s`);
  for (let killed = 0, runs = 0; killed < count; runs++) {
    const data = path.join(folder, `${name}-${runs}`);
    const most = 1 + Math.floor(random() * 4);
    const moments = [];
    let last;
    do {
      const within = random() < 0.5 ? undisturbed.ms : Math.min(5000, undisturbed.ms);
      const killAfterMs = moments.length < most && killed < count ? Math.ceil(random() * within) : undefined;
      last = await run([...subject.words(data), '--resume'], killAfterMs === undefined ? {} : { killAfterMs });
      if (last.ended === 'killed') {
        moments.push(killAfterMs);
        killed++;
      }
    } while (last.ended === 'killed');
    const problem =
      last.code === 0
        ? difference(expected, JSON.stringify(subject.answer(last)))
        : `exit ${last.code}: ${last.stderr.slice(-500)}`;
    console.log(
      `${name}: kill -9 after ${moments.join(', ') || 'nothing'} ms: ${problem ?? 'the same final windows'} (last run ${(last.ms / 1000).toFixed(1)} s)`,
    );
    if (problem === undefined) rmSync(data, { recursive: true, force: true });
    else failures++;
  }
}

const lines = (text) => text.trimEnd().split('\n');

function difference(expected, answer) {
  if (expected === answer) return undefined;
  const at = [...expected].findIndex((character, i) => character !== answer[i]);
  return `DIFFERENT: expected ...${expected.slice(Math.max(0, at - 200), at + 100)}, received ...${answer.slice(Math.max(0, at - 200), at + 100)}`;
}

if (kills > 0) await soak('demo', kills);
if (streamKills > 0) {
  const sample = await run([
    'sample',
    'open-close',
    '--out',
    path.join(folder, 'sample'),
    '--events',
    '20000',
    '--files',
    '10',
  ]);
  if (sample.code !== 0) throw new Error(sample.stderr);
  const { readdirSync } = await import('node:fs');
  streamFiles.splice(
    0,
    streamFiles.length,
    ...readdirSync(path.join(folder, 'sample'))
      .sort()
      .map((file) => path.join(folder, 'sample', file)),
  );
  await soak('stream', streamKills);
}
if (failures === 0) rmSync(folder, { recursive: true, force: true });
else console.log(`kept: ${folder}`);
process.exitCode = failures === 0 ? 0 : 1;
