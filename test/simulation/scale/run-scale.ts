import { Violation } from '../violation.ts';
import type { AimOutcome } from './aims/aim.ts';
import { aims } from './aims/cases.ts';
import { awsLimits } from './aws/limits.ts';
import { measureRowCosts } from './aws/row-costs.ts';
import { runScaleCase, scaleCases } from './scale-case.ts';

/** The names of all cases: the letters of the aims, and the cases that have invariants alone. */
export const scaleNames: readonly string[] = [...aims.map(({ letter }) => letter), ...Object.keys(scaleCases)];

const seconds = (began: number): number => Math.round((performance.now() - began) / 100) / 10;

/**
 * Runs all cases, or those named, in full and one after the other, so that each has the memory to itself. An aim that
 * is not met is told, and is no failure of the command.
 * @returns the exit code: 1 when an invariant does not hold
 */
export async function runScale(names: readonly string[], form: 'json' | 'text'): Promise<number> {
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const write = (outcome: object, line: string) =>
    process.stdout.write(form === 'json' ? `${JSON.stringify(outcome)}\n` : `${line}\n`);
  let violations = 0;
  if (aims.some(({ letter }) => isWanted(letter))) {
    const costs = measureRowCosts();
    const text = Object.entries(costs).map(([name, ms]) => `${name} ${(ms * 1_000).toFixed(2)}`);
    write({ limits: awsLimits, costs }, `CPU of a row, in microseconds, measured now: ${text.join(', ')}`);
    for (const { letter, title, run } of aims) {
      if (!isWanted(letter)) continue;
      const began = performance.now();
      const progress = (line: string) => process.stderr.write(`(${letter}) ${line}\n`);
      try {
        const outcome = await run({ extent: 'whole', limits: awsLimits, costs, progress });
        write(
          { name: letter, title, seconds: seconds(began), ...outcome },
          lineOf(letter, title, outcome, seconds(began)),
        );
      } catch (error) {
        violations++;
        const violation =
          error instanceof Violation ? error.message : `I8: ${error instanceof Error ? error.stack : error}`;
        write({ name: letter, title, seconds: seconds(began), violation }, `(${letter}) ${title}: ${violation}`);
      }
    }
  }
  for (const [name, scaleCase] of Object.entries(scaleCases)) {
    if (!isWanted(name)) continue;
    const outcome = await runScaleCase(name, scaleCase, 'whole');
    if (outcome.violation !== undefined) violations++;
    const figures = Object.entries(outcome.figures).map(([figure, value]) => `${figure}: ${value}`);
    write(outcome, `${name}: ${outcome.violation ?? figures.join('; ')} (${outcome.seconds} s)`);
  }
  return violations === 0 ? 0 : 1;
}

function lineOf(letter: string, title: string, outcome: AimOutcome, took: number): string {
  const { figure, aim, met, bottleneck, cost, instance } = outcome;
  return `(${letter}) ${title}: ${figure}; aim: ${aim}: ${met ? 'met' : 'NOT MET'}; held up by: ${bottleneck}; cost: ${cost}; ${instance} (${took} s)`;
}
