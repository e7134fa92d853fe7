import { gunzipSync } from 'node:zlib';
import type { LookupVersion } from '../../functions/core/definition/lookup-table.ts';
import { type Lookups, lookupsOf } from '../../functions/core/definition/lookups.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { AskOperation } from '../deployment/invoke.ts';

/**
 * The rows of a deployed pipeline's table, read by way of its finalize function. A reader of the stream joins each
 * record with the rows that held when it arrived.
 */
export function remoteLookups(pipeline: Pipeline, ask: AskOperation): Lookups {
  return lookupsOf(pipeline, {
    async sealed(table, arrivalMs) {
      const through = Number.isFinite(arrivalMs) ? { through: arrivalMs } : {};
      const list = await ask({ request: 'lookup-list', table, ...through });
      return {
        versions: list.versions,
        sealedThrough: list.sealedThrough ?? Number.NEGATIVE_INFINITY,
        keptFrom: list.keptFrom ?? Number.NEGATIVE_INFINITY,
      };
    },
    rows: (table, version) => remoteRows(ask, table, version),
  });
}

async function remoteRows(
  ask: AskOperation,
  table: string,
  { id, parts }: LookupVersion,
): Promise<readonly object[] | undefined> {
  const rows: object[] = [];
  for (let first = 0; first < parts; ) {
    const answer = await ask({ request: 'lookup-rows', table, version: id, first });
    if (answer.parts === 0) return undefined;
    // The function has packed them; it is of the same release.
    rows.push(...(JSON.parse(gunzipSync(Buffer.from(answer.rows, 'base64')).toString()) as readonly object[]));
    first += answer.parts;
  }
  return rows;
}
