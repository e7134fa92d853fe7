import type { Writable } from 'node:stream';
import type { Counters } from '../../functions/core/events/counters.ts';
import { formatNumber } from '../print/number-text.ts';
import { valueOr } from '../program/command.ts';
import { share } from '../program/option-value.ts';
import type { ReasonCount } from './rejections.ts';
import type { RejectedSample } from './static-engine.ts';

/** The option of commands that count: the share of the events that may be rejected. */
export const rejectedOptions = {
  maxRejected: valueOr(
    'share',
    'exit code 1, with the commonest reason, when more than this share of the events is rejected; always when all are',
    share,
    0.5,
  ),
};

/** Prints a few rejected lines, each with its place and reason, and the number of the others. */
export function printRejected(samples: readonly RejectedSample[], total: number, stderr: Writable): void {
  for (const sample of samples) stderr.write(`rejected ${rejectedText(sample)}\n`);
  if (total > samples.length) stderr.write(`rejected ${formatNumber(total - samples.length)} more\n`);
}

/** A rejected line and where it is: `events-07.json:113: schema: action: expected string`. */
function rejectedText({ path, line, reason, detail }: RejectedSample): string {
  return `${path}:${line}: ${reason}: ${detail.replace(/\s*\n\s*/g, ' ')}`;
}

/** A reason as people are told it: only the text of the example is shown. */
type ToldReason = Omit<ReasonCount<unknown>, 'example'> & { readonly example: string };

/**
 * Warns when all events were rejected, or more than the allowed share. An empty answer mostly comes from a wrong
 * pipeline or a wrong format.
 * @param reasons as far as they are known
 * @returns the exit code, 0 or 1
 */
export function warnOfRejected(
  { received, rejected }: Pick<Counters, 'received' | 'rejected'>,
  mostShare: number,
  reasons: readonly ToldReason[],
  stderr: Writable,
): 0 | 1 {
  const all = rejected === received;
  if (received === 0 || rejected === 0 || (!all && rejected / received <= mostShare)) return 0;
  const percent = (part: number) => `${Number((100 * part).toFixed(1))} %`;
  const what = all
    ? `all ${formatNumber(received)} events were rejected`
    : `${formatNumber(rejected)} of ${formatNumber(received)} events (${percent(rejected / received)}) were rejected, more than --max-rejected ${percent(mostShare)}`;
  const [commonest] = [...reasons].sort((left, right) => right.count - left.count);
  const why =
    commonest === undefined
      ? ''
      : `; the commonest reason is ${commonest.reason} (${formatNumber(commonest.count)}): ${commonest.example}`;
  stderr.write(`tidemark: ${what}${why}\n`);
  return 1;
}

/** The reasons of lines in files. */
export function toldReasons(reasons: readonly ReasonCount<RejectedSample>[]): readonly ToldReason[] {
  return reasons.map(({ example, ...own }) => ({ ...own, example: rejectedText(example) }));
}
