/**
 * Runs the demo for many seeds. Each run has to exit with 0 and say that both answers are equal. `node
 * test/soak/seeds.mjs --seeds 20 --from 1`
 */
import { numbers, run } from './runs.mjs';

const { seeds, from } = numbers({ seeds: 20, from: 1 });
let failures = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const { code, stdout, stderr, ms } = await run(['demo', '--json', '--seed', String(seed)]);
  const { equal, conservation } = code === 0 ? JSON.parse(stdout) : {};
  const good = code === 0 && equal === true && conservation.holds === true;
  if (!good) failures++;
  console.log(
    `seed ${seed}: exit ${code}, equal ${equal}, conserved ${conservation?.holds}, ${(ms / 1000).toFixed(1)} s${good ? '' : `\n${stderr.slice(-1000)}`}`,
  );
}
process.exitCode = failures === 0 ? 0 : 1;
