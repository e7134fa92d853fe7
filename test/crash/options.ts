import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { UsageError } from '../../cli/program/errors.ts';
import { integer, text } from '../../cli/program/option-value.ts';

/** The options of a run. */
export interface CrashOptions {
  readonly kills: number;
  /** Decides all random choices: events, victims and moments. */
  readonly seed: number;
  /**
   * The folder in which the data folder is kept. Without it, the data is in a temporary folder that is removed when all
   * is well.
   */
  readonly data: string | undefined;
  readonly json: boolean;
}

export const usage = `npm run crash -- [--kills N] [--seed N] [--data DIR] [--json]

Starts tidemark up --data in a process of its own, puts events into it, and kills its processes with kill -9, N times (default: 100), at moments and
with victims drawn from the seed (default: any; it is printed). Then ends the stream, reads all of it back, and compares every window, the side
output and the counters with one pass over what the stream holds. The exit code is 0 when all is equal, 1 when not, 2 for wrong usage.
`;

/** @throws UsageError */
export function parseOptions(argv: readonly string[]): CrashOptions | 'help' {
  let values: { kills: string; seed?: string; data?: string; json: boolean; help: boolean };
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        kills: { type: 'string', default: '100' },
        seed: { type: 'string' },
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return 'help';
  return {
    kills: integer(0, 100_000)(values.kills, '--kills'),
    seed: values.seed === undefined ? randomInt(1, 1_000_000) : integer(0, 2 ** 31)(values.seed, '--seed'),
    data: values.data === undefined ? undefined : text(values.data, '--data'),
    json: values.json,
  };
}
