import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { bundleEngine, bundleWorker, loadEngine } from './bundle.ts';
import { minimize } from './minimize.ts';
import { type Mutation, missing, mutations } from './mutations.ts';
import type { SimulationOptions } from './options.ts';
import { runScale, scaleNames } from './scale/run-scale.ts';
import type { Tally } from './tally-worker.ts';

const usage = `npm run simulate -- --seeds N [--from N] [--jobs N] [--json]     N seeds, from --from on
                    --soak 60m                                     as many seeds as fit into the time
                    --seed N                                       one seed, with its trace
                    --options JSON                                 one simulation as a minimized failure prints it, with its trace
                    --mutation ID [--seeds N]                      a rule of the protocol turned off: it has to be found
                    --mutations [--search N]                       all of them, by their known seeds; --search looks for seeds
                    --scale [NAME,NAME] [--json]                   what is large or rare, each case with its figures: ${scaleNames.join(', ')}
`;

/** Seeds that one worker takes at a time. */
const seedsAtATime = 200;

/**
 * Runs the command; resolves to the exit code: 0 if all is well, 1 for a violation (or a mutation that is not found), 2
 * for wrong usage.
 */
export async function main(repository: string, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      options: { type: 'string' },
      soak: { type: 'string' },
      jobs: { type: 'string' },
      json: { type: 'boolean', default: false },
      mutation: { type: 'string' },
      mutations: { type: 'boolean', default: false },
      search: { type: 'string' },
      scale: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.scale) {
    const names = positionals.flatMap((name) => name.split(','));
    const unknown = names.find((name) => !scaleNames.includes(name));
    if (unknown !== undefined) throw new UsageError(`--scale: ${unknown} is none of ${scaleNames.join(', ')}`);
    return runScale(names, values.json ? 'json' : 'text');
  }
  if (positionals.length > 0) throw new UsageError(`${positionals[0]}: only --scale takes a name`);
  const mutation = values.mutation === undefined ? undefined : mutations.find(({ id }) => id === values.mutation);
  if (values.mutation !== undefined && mutation === undefined)
    throw new UsageError(`--mutation: ${values.mutation} is none of ${mutations.map(({ id }) => id).join(', ')}`);
  if (values.mutations)
    return runMutations(
      repository,
      values.search === undefined ? undefined : whole('--search', values.search),
      values.json,
    );
  const engineFile = await bundleEngine(repository, mutation);
  if (values.seed !== undefined || values.options !== undefined) {
    const { drawOptions } = await loadEngine(engineFile);
    return runOne(
      engineFile,
      values.options === undefined
        ? drawOptions(whole('--seed', values.seed ?? ''))
        : (JSON.parse(values.options) as SimulationOptions),
    );
  }
  const plan = {
    from: whole('--from', values.from),
    seeds:
      values.seeds === undefined
        ? values.soak === undefined
          ? 1000
          : Number.POSITIVE_INFINITY
        : whole('--seeds', values.seeds),
    untilMs: values.soak === undefined ? Number.POSITIVE_INFINITY : Date.now() + minutes(values.soak) * 60_000,
    jobs: values.jobs === undefined ? Math.max(1, availableParallelism()) : whole('--jobs', values.jobs),
  };
  const tally = await runSeeds(
    repository,
    engineFile,
    plan,
    values.json ? undefined : (line) => process.stderr.write(`${line}\n`),
  );
  const [failure] = tally.failures;
  if (values.json) process.stdout.write(`${JSON.stringify(tally)}\n`);
  else
    process.stdout.write(
      `${tally.seeds} seeds from ${plan.from}: ${tally.failures.length} violations, ${tally.steps} steps, ${tally.events} events, ${tally.seedsPerSecond} seeds/s\n`,
    );
  if (failure === undefined) return 0;
  if (values.json) return 1;
  process.stdout.write(`seed ${failure.seed}: ${failure.violation}\nlooking for a smaller one...\n`);
  const engine = await loadEngine(engineFile);
  const smallest = await minimize(engine, engine.drawOptions(failure.seed));
  await runOne(engineFile, smallest);
  return 1;
}

/** Wrong usage of the command. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Plan {
  readonly from: number;
  readonly seeds: number;
  readonly untilMs: number;
  readonly jobs: number;
}

interface TotalTally extends Tally {
  readonly from: number;
  readonly seconds: number;
  readonly seedsPerSecond: number;
}

/** Hands seeds out to workers until all seeds are done, time is up, or one of them fails. */
async function runSeeds(
  repository: string,
  engineFile: string,
  plan: Plan,
  report: ((line: string) => void) | undefined,
): Promise<TotalTally> {
  const started = performance.now();
  const workerFile = await bundleWorker(repository);
  let next = plan.from;
  const end = plan.from + plan.seeds;
  let total: Tally = { seeds: 0, steps: 0, events: 0, lateEvents: 0, finalWindows: 0, failures: [] };
  let reported = started;
  await Promise.all(
    Array.from({ length: Math.min(plan.jobs, Math.ceil(plan.seeds / seedsAtATime)) }, async () => {
      // A simulation soon throws away almost all objects, and a large young generation is seldom swept.
      const worker = new Worker(workerFile, {
        workerData: { engineFile },
        resourceLimits: { maxYoungGenerationSizeMb: 192 },
      });
      try {
        while (next < end && Date.now() < plan.untilMs && total.failures.length === 0) {
          const from = next;
          const to = Math.min(end, next + seedsAtATime);
          next = to;
          const tally = await new Promise<Tally>((resolve, reject) => {
            worker.once('message', resolve);
            // A promise that nobody awaits, most of all: the seeds say where to look.
            worker.once('error', (cause) =>
              reject(new Error(`seeds ${from} to ${to - 1} end their process: ${cause}`, { cause })),
            );
            worker.postMessage({ from, to });
          });
          worker.removeAllListeners('error');
          total = sumOf(total, tally);
          if (performance.now() - reported < 10_000) continue;
          reported = performance.now();
          report?.(`${total.seeds} seeds, ${Math.round(total.seeds / ((reported - started) / 1000))}/s`);
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  return {
    ...total,
    from: plan.from,
    seconds: Math.round(seconds * 10) / 10,
    seedsPerSecond: Math.round(total.seeds / seconds),
  };
}

function sumOf(left: Tally, right: Tally): Tally {
  return {
    seeds: left.seeds + right.seeds,
    steps: left.steps + right.steps,
    events: left.events + right.events,
    lateEvents: left.lateEvents + right.lateEvents,
    finalWindows: left.finalWindows + right.finalWindows,
    failures: [...left.failures, ...right.failures],
  };
}

async function runOne(engineFile: string, options: SimulationOptions): Promise<number> {
  const { runTraced } = await loadEngine(engineFile);
  const { outcome, lines } = await runTraced(options);
  process.stdout.write(`${lines.join('\n')}\n\nnpm run simulate -- --options '${JSON.stringify(options)}'\n`);
  process.stdout.write(
    `${outcome.violation?.message ?? `no violation: ${outcome.events} events, ${outcome.finalWindows} final windows, ${outcome.steps} steps`}\n`,
  );
  return outcome.violation === undefined ? 0 : 1;
}

/**
 * The number of seeds that are tried when the known one no longer finds a mutation. A change of the code gives every
 * seed another course.
 */
const seedsInstead = 20_000;

/** Runs each mutation by its known seed, or, with `search`, by the first of so many seeds that finds it. */
async function runMutations(repository: string, search: number | undefined, json: boolean): Promise<number> {
  let unfound = 0;
  for (const mutation of mutations) {
    const found =
      (await findMutation(repository, mutation, search)) ??
      (search === undefined ? await findMutation(repository, mutation, seedsInstead) : undefined);
    if (found === undefined) unfound++;
    if (json) process.stdout.write(`${JSON.stringify({ id: mutation.id, rule: mutation.rule, ...found })}\n`);
    else
      process.stdout.write(
        `(${mutation.id}) ${mutation.rule}: ${found === undefined ? 'NOT FOUND' : `${placeOf(found, mutation)}, ${found.violation.slice(0, 160)}`}\n`,
      );
  }
  for (const { id, reason } of missing) if (!json) process.stdout.write(`(${id}) is not among them: ${reason}\n`);
  return unfound === 0 ? 0 : 1;
}

interface FoundMutation {
  readonly seed: number;
  readonly violation: string;
}

function placeOf({ seed }: FoundMutation, mutation: Mutation): string {
  return `seed ${seed}${seed === mutation.seed ? '' : ' (write it down)'}`;
}

async function findMutation(
  repository: string,
  mutation: Mutation,
  search: number | undefined,
): Promise<FoundMutation | undefined> {
  const engine = await loadEngine(await bundleEngine(repository, mutation));
  const seeds = search === undefined ? [mutation.seed] : Array.from({ length: search }, (_, i) => i + 1);
  let found: FoundMutation | undefined;
  await engine.runMany(
    (function* () {
      for (const seed of seeds) yield { ...engine.drawOptions(seed), ...mutation.shape };
    })(),
    ({ options, violation }) => {
      // A patch that no longer fits the code around it shows nothing about the rule.
      if (violation !== undefined && /\b(ReferenceError|TypeError)\b/.test(violation.message))
        throw new Error(`mutation ${mutation.id}: its patch is broken: ${violation.message.slice(0, 200)}`);
      if (violation !== undefined) found ??= { seed: options.seed, violation: violation.message };
      return found === undefined ? 'go on' : 'stop';
    },
  );
  return found;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${option}: ${text} is not a whole number above 0`);
  return value;
}

function minutes(text: string): number {
  const match = /^(\d+)(m|h)$/.exec(text);
  if (match === null) throw new UsageError(`--soak: ${text} is not a time: write 60m or 8h`);
  return Number(match[1]) * (match[2] === 'h' ? 60 : 1);
}
