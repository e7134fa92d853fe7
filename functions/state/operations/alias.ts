import { argumentError } from '../../core/arguments/error.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import { queryVersion, versionName } from '../../core/definition/query-version.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { readAllProgress } from '../epochs/progress.ts';
import { readFilling } from '../items/definition.ts';
import { type Key, numberOf, type Table } from '../table/table.ts';

const keyOf = (base: string): Key => ({ pk: 'alias', sk: base });

/** The versions of a query that a pipeline has, ascending. */
function versionsOf(
  { queries }: Pipeline,
  base: string,
): readonly { readonly version: number; readonly query: Query }[] {
  return queries
    .flatMap((query) => {
      const name = queryVersion(query.name);
      return name?.base === base ? [{ version: name.version, query }] : [];
    })
    .sort((left, right) => left.version - right.version);
}

/**
 * The query that a name in a request stands for. `NAME@2` is that version. `NAME` is the version that the alias points
 * to, if there are several. Without an alias, or with one to a version that is gone, it is the lowest: a version that
 * was only just added has yet to fill.
 * @returns undefined when there is none
 */
export async function namedVersion(pipeline: Pipeline, state: Table, name: string): Promise<Query | undefined> {
  const asked = queryVersion(name);
  if (asked === undefined) return undefined;
  const versions = versionsOf(pipeline, asked.base);
  if (name.includes('@')) return versions.find(({ version }) => version === asked.version)?.query;
  if (versions.length < 2) return versions[0]?.query;
  const alias = await readAlias(state, asked.base);
  return (versions.find(({ version }) => version === alias) ?? versions[0])?.query;
}

async function readAlias(state: Table, base: string): Promise<number | undefined> {
  const item = await state.get(keyOf(base));
  return item === undefined ? undefined : numberOf(item, 'version');
}

/**
 * Points the name of a query to one of its versions, for all readers at once: one write.
 * @param name with its version, `actionsPerHour@2`; version 1 is `actionsPerHour@1`
 * @returns the name under which that version is defined
 * @throws TidemarkError when the pipeline has no such version; when the version is not filled up to its `from`, or is
 * short of records after it
 */
export async function pointAlias(pipeline: Pipeline, state: Table, name: string): Promise<string> {
  const asked = queryVersion(name);
  const found =
    asked === undefined ? undefined : versionsOf(pipeline, asked.base).find(({ version }) => version === asked.version);
  if (asked === undefined || found === undefined) {
    const known = pipeline.queries.map((query) => query.name).join(', ');
    throw argumentError('query', name, `is not a version of a query of pipeline ${pipeline.name}: use ${known}`);
  }
  await checkWhole(state, found.query);
  await state.update(keyOf(asked.base), { set: { version: asked.version } });
  return versionName(asked);
}

/**
 * Throws unless a version is whole. A reader who is switched to a version takes it for the whole, so its past has to be
 * there.
 */
async function checkWhole(state: Table, { name, from }: Query): Promise<void> {
  if (!Number.isFinite(from)) return;
  const [{ filledThrough, missedThrough: noted }, progress] = await Promise.all([
    readFilling(state, name),
    readAllProgress(state),
  ]);
  // Nothing is noted yet of a shard to which no record has come since the version was deployed.
  const unseen = [...progress.values()]
    .filter(({ queries }) => !Object.hasOwn(queries, name))
    .map(({ maxEventTime }) => maxEventTime ?? from - 1);
  const missedThrough = [...unseen.filter((time) => time >= from), ...(noted === undefined ? [] : [noted])].sort(
    (a, b) => b - a,
  )[0];
  if (missedThrough !== undefined)
    throw argumentError(
      'query',
      name,
      `begins at ${isoTime(from)}, but records up to ${isoTime(missedThrough)} came before it was deployed everywhere and are missing in it: ` +
        'give the next version a from that is still ahead when it is deployed',
    );
  if (filledThrough === undefined || filledThrough < from)
    throw argumentError(
      'query',
      name,
      `is not filled up to ${isoTime(from)}, where it begins: run tidemark backfill --query ${name} first`,
    );
}
