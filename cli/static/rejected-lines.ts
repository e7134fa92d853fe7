import type { Writable } from 'node:stream';
import { formatNumber } from '../table.ts';
import type { RejectedSample } from './static-engine.ts';

/** A few rejected lines with where they are and why; the rest is a number. */
export function printRejected(samples: readonly RejectedSample[], total: number, stderr: Writable): void {
  for (const { path, line, reason, detail } of samples)
    stderr.write(`rejected ${path}:${line}: ${reason}: ${detail.replace(/\s*\n\s*/g, ' ')}\n`);
  if (total > samples.length) stderr.write(`rejected ${formatNumber(total - samples.length)} more\n`);
}
