import { parseArgs } from 'node:util';
import { type Case, losses, whole } from './cases.ts';
import { type Exploration, explore, walk } from './explore.ts';
import { type Rule, rules } from './world.ts';

/**
 * `npm run model`: explores the whole protocol, with more walks than the tests have time for. Or it shows, step by
 * step, the loss without one of its rules.
 * @returns the exit code: 1 when the whole protocol has a violation, or when the loss of a rule is not found
 */
export function main(args: readonly string[], print: (line: string) => void): number {
  const { values } = parseArgs({
    args: [...args],
    options: { walks: { type: 'string' }, seed: { type: 'string' }, rule: { type: 'string' } },
  });
  const drawn = { walks: values.walks, seed: values.seed };
  if (values.rule !== undefined) {
    if (!Object.hasOwn(rules, values.rule)) {
      print(`--rule ${values.rule} is not a rule: use ${Object.keys(rules).join(', ')}`);
      return 2;
    }
    const rule = values.rule as Rule;
    const { violation } = run(losses[rule], new Set([rule]), drawn);
    print(violation === undefined ? `without ${rule} nothing was found` : violation.trace.join('\n'));
    if (violation !== undefined) print(`VIOLATION: ${violation.what}`);
    return violation === undefined ? 1 : 0;
  }
  let code = 0;
  for (const [name, one] of Object.entries(whole)) {
    const { violation, visited, isExhaustive, endsWithFinals } = run(one, new Set(), drawn);
    const extent = isExhaustive ? `all ${visited} worlds` : `${visited} steps`;
    print(`${name}: ${violation === undefined ? `${extent}, ${endsWithFinals} ends with finals` : violation.what}`);
    if (violation === undefined) continue;
    print(violation.trace.join('\n'));
    code = 1;
  }
  return code;
}

/** Runs one exploration, with the requested number of walks and seed. */
export function run(
  { options, how }: Case,
  off: ReadonlySet<Rule>,
  drawn: { readonly walks?: string | undefined; readonly seed?: string | undefined } = {},
): Exploration {
  return 'walks' in how
    ? walk({ ...options, off }, Number(drawn.walks ?? how.walks), Number(drawn.seed ?? how.seed))
    : explore({ ...options, off }, how.mostWorlds);
}
