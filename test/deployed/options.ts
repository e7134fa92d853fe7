import { parseArgs } from 'node:util';
import { UsageError } from '../../cli/program/errors.ts';
import { httpUrl } from '../../cli/program/option-value.ts';

/**
 * Whether IAM is enforced: by the endpoint itself, or in one or both of the runs on an emulator that is started here.
 */
export type Iam = 'enforced' | 'ignored';

/** The options of the suite: where it runs, and which parts. */
export type SuiteOptions = {
  /** The parts that are played; if empty, all that the target can play. */
  readonly parts: readonly Part[];
} & (
  | { readonly on: 'endpoint'; readonly endpoint: string; readonly iam: Iam }
  | { readonly on: 'ministack'; readonly runs: readonly Iam[] }
);

const parts = ['deployed', 'iam', 'sinks', 'sources'] as const;
export type Part = (typeof parts)[number];

export const usage = `npm run test:deployed -- (--endpoint URL | --target ministack) [--iam enforced|ignored] [PART ...]

Deploys the stack as it is to an emulator and plays the same scenarios there, whichever it is: put, finals by schedule, queries through API Gateway,
redelivery, poison records, redeployment, destruction.

  --endpoint URL      an emulator that is running: ministack, LocalStack (deployed to with cdklocal)
  --target ministack  installs ministack under .tidemark, starts it, and takes everything down in the end; needs Python 3.10 or newer and PyPI
  PART                ${parts.join(', ')}: only this part of the suite
  --iam MODE          enforced: the endpoint refuses what IAM does not allow (default for an endpoint: ignored; for ministack: a run of each)
`;

/** @throws UsageError */
export function parseOptions(argv: readonly string[]): SuiteOptions | 'help' {
  let values: { endpoint?: string; target?: string; iam?: string; help: boolean };
  let positionals: readonly string[];
  try {
    ({ values, positionals } = parseArgs({
      args: [...argv],
      options: {
        endpoint: { type: 'string' },
        target: { type: 'string' },
        iam: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return 'help';
  const { endpoint, target, iam } = values;
  if (iam !== undefined && iam !== 'enforced' && iam !== 'ignored')
    throw new UsageError(`--iam ${iam} is unknown: use enforced or ignored`);
  if (endpoint !== undefined && target !== undefined)
    throw new UsageError('--endpoint and --target exclude each other: give one of them');
  const played = positionals.map(partOf);
  if (endpoint !== undefined)
    return { parts: played, on: 'endpoint', endpoint: httpUrl(endpoint, '--endpoint'), iam: iam ?? 'ignored' };
  if (target === undefined)
    throw new UsageError('--target is missing: give --target ministack, or --endpoint with the address of an emulator');
  if (target !== 'ministack')
    throw new UsageError(`--target ${target} is unknown: use ministack, or --endpoint with an address`);
  return { parts: played, on: 'ministack', runs: iam === undefined ? ['ignored', 'enforced'] : [iam] };
}

/** @throws UsageError */
function partOf(name: string): Part {
  const part = parts.find((known) => known === name);
  if (part === undefined) throw new UsageError(`part ${name} is unknown: use ${parts.join(', ')}`);
  return part;
}
