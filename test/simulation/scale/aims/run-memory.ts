import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startMs } from '../aws/aws-account.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { closingState, closingWorld } from './closing-world.ts';

const aimBytes = 1024 ** 3;
const mb = 1024 ** 2;

/** Writes between two looks at the memory. */
const writesEach = 400;

/**
 * The live bytes of this process after a collection, at every some writes of a run. What the tables hold is taken off:
 * before the run as it is, and what it has written as much as that takes in the end.
 */
async function run(options: AimOptions): Promise<AimOutcome> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const state = await closingState(options);
  const { deployed, finals } = await closingWorld(options, state);
  const { account } = deployed;
  const { dynamo } = account;
  const live = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = live();
  const heldBefore = dynamo.heldBytes;
  const samples: { readonly bytes: number; readonly held: number }[] = [];
  const each = options.extent === 'whole' ? writesEach : 4;
  let writes = 0;
  const watch = dynamo.onWrite;
  dynamo.onWrite = (...written) => {
    watch(...written);
    if (++writes % each === 0) samples.push({ bytes: live(), held: dynamo.heldBytes });
  };
  for (let runs = 0; runs < 20 && !finals.at.has(startMs); runs++)
    await account.time.run(deployed.finalize().then(() => deployed.settled()));
  const written = dynamo.heldBytes - heldBefore;
  const factor = written === 0 ? 1 : Math.max(1, (live() - before) / written);
  const most = Math.max(0, ...samples.map(({ bytes, held }) => bytes - before - factor * (held - heldBefore)));
  return {
    instance: `real: 1 shard, ${state.keys.toLocaleString('en-US')} keys; the live heap after a forced collection at every ${each} writes (${samples.length}), less what the tables hold (a written byte takes ${factor.toFixed(1)} here)`,
    figure: `${Math.round(most / mb)} MB`,
    aim: `${aimBytes / mb} MB`,
    met: most < aimBytes && finals.at.has(startMs),
    cost: costText({ finalize: useOf(account.invoked, 'finalize') }),
    bottleneck: bottleneckOf(account, 'finalize'),
    values: { megabytes: most / mb, samples: samples.length },
  };
}

export const runMemoryAim: Aim = { letter: 'h', title: 'memory of a run of finalize', run };
