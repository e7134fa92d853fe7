import type { Query } from '../../functions/core/definition/pipeline.ts';
import { totalsFields } from '../../functions/core/fold/totals.ts';
import { UsageError } from '../program/errors.ts';

/** Reads `--totals`. @throws UsageError when it names no group-by fields of one query */
export function totalsBy(given: string, queries: readonly Query[]): readonly string[] {
  try {
    return totalsFields('--totals', given, queries);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
