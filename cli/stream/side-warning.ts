import type { ApiClient, ConservationJson } from '../deployment/api-client.ts';
import type { CommandProcess } from '../program/command.ts';
import { warnOfRejected } from '../static/rejected-lines.ts';
import { createRejections } from '../static/rejections.ts';

/** The longest range of the side output that the API shows at once: a week, in ms. */
const longestRangeMs = 7 * 24 * 3_600_000;

/**
 * Warns when a stream rejected all events, or more than a share of them. The warning has the commonest reason among the
 * events that the side output gives first.
 * @returns the exit code, 0 or 1
 */
export async function warnOfSideOutput(
  api: ApiClient,
  { conservation, from }: { readonly conservation: ConservationJson; readonly from: number },
  mostShare: number,
  { stderr, now }: CommandProcess,
): Promise<0 | 1> {
  const { received, rejected } = conservation;
  if (rejected === 0 || (rejected < received && rejected / received <= mostShare)) return 0;
  const to = now() + 1;
  const side = await api.sideSample({ from: Math.max(from, to - longestRangeMs), to });
  const rejections = createRejections<(typeof side)[number]>();
  for (const event of side) if (event.reason !== 'late') rejections.note(event);
  const reasons = rejections.reasons.map(({ example, ...own }) => ({
    ...own,
    example: `${example.detail}, of ${shortened(example.payload)}`,
  }));
  return warnOfRejected(conservation, mostShare, reasons, stderr);
}

function shortened(payload: string): string {
  const line = payload.replace(/\p{Cc}/gu, '?');
  return line.length > 90 ? `${line.slice(0, 87)}...` : line;
}
