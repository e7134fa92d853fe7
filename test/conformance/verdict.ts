import { differenceOf } from './difference.ts';
import { isObject, type Json } from './json.ts';
import { knownDifferences } from './known-differences.ts';
import { runVector, type VectorRun } from './run-vector.ts';

/**
 * The verdict on a vector. `differs` stands for a difference on purpose, or for a vector about the internals of a peer.
 */
export type Verdict =
  | { readonly id: string; readonly outcome: 'pass' }
  | { readonly id: string; readonly outcome: 'fail'; readonly detail: string }
  | { readonly id: string; readonly outcome: 'differs'; readonly detail: string }
  | { readonly id: string; readonly outcome: 'unsupported'; readonly detail: string };

/** Runs a vector and judges it. */
export async function judge(raw: Json): Promise<Verdict> {
  return verdictOf(raw, await runVector(raw));
}

function verdictOf(raw: Json, run: VectorRun): Verdict {
  const { id } = run;
  if (run.status === 'unsupported') return { id, outcome: 'unsupported', detail: run.missing };
  const { expect, portability } = isObject(raw) ? raw : {};
  const difference =
    typeof run.actual['error'] === 'string' ? `threw: ${run.actual['error']}` : differenceOf(expect, run.actual);
  if (difference === undefined) return { id, outcome: 'pass' };
  const reason = knownDifferences[id] ?? (portability === 'peer-specific' ? 'only its peer does so' : undefined);
  return reason === undefined
    ? { id, outcome: 'fail', detail: difference }
    : { id, outcome: 'differs', detail: `${reason} (${difference})` };
}
