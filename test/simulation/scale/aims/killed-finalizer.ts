import { startMs } from '../aws/aws-account.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, type FunctionUse, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { type ClosingWorld, closingState, closingWorld } from './closing-world.ts';

const aim = 1.3;
const killAfterMs = 10_000;

/** Given up after so many runs. */
const mostRuns = { whole: 12, part: 8 } as const;

async function run(options: AimOptions): Promise<AimOutcome> {
  const state = await closingState(options);
  const killMs = options.extent === 'whole' ? killAfterMs : killAfterMs / 40;
  const undisturbed = await closingWorld(options, state);
  const most = mostRuns[options.extent];
  const whole = await finish(undisturbed, most);
  demand(undisturbed.finals.records === state.records, 'I4', () => `${undisturbed.finals.records} records are final`);
  options.progress('undisturbed: done');
  const killed = await closingWorld(options, state);
  const cut = await finish(killed, most, killMs);
  const isDone = killed.finals.at.has(startMs);
  demand(!isDone || killed.finals.records === state.records, 'I4', () => `${killed.finals.records} records are final`);
  const cpu = cut.cpuSeconds / whole.cpuSeconds;
  const writes = cut.writeUnits / whole.writeUnits;
  const times = isDone ? Math.max(cpu, writes) : Number.POSITIVE_INFINITY;
  return {
    instance: `real: 1 shard, ${state.keys.toLocaleString('en-US')} keys, killed every ${killMs / 1_000} s; ${whole.invocations} runs undisturbed`,
    figure: isDone
      ? `${times.toFixed(2)} times the work (CPU ${cpu.toFixed(2)}, write units ${writes.toFixed(2)}) in ${cut.invocations} runs`
      : `no end after ${cut.invocations} runs`,
    aim: `below ${aim} times`,
    met: times < aim,
    cost: costText({ undisturbed: whole, killed: cut }),
    bottleneck: bottleneckOf(killed.deployed.account, 'finalize'),
    values: { times, runs: cut.invocations, wholeRuns: whole.invocations },
  };
}

/** Runs of finalize, one after the other, until the window is final. */
async function finish({ deployed, finals }: ClosingWorld, most: number, killMs?: number): Promise<FunctionUse> {
  const { account } = deployed;
  for (let runs = 0; runs < most && !finals.at.has(startMs); runs++)
    await account.time.run(deployed.finalize({ killAfterMs: killMs }).then(() => deployed.settled()));
  return useOf(account.invoked, 'finalize');
}

export const killedFinalizerAim: Aim = { letter: 'g', title: 'a finalizer killed every 10 s', run };
