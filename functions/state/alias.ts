import { mistake } from '../core/error.ts';
import type { Pipeline, Query } from '../core/pipeline.ts';
import { queryVersion, versionName } from '../core/query-version.ts';
import { type Key, numberOf, type Table } from './table.ts';

const keyOf = (base: string): Key => ({ pk: 'alias', sk: base });

/** The versions of a query that a pipeline has, ascending. */
function versionsOf({ queries }: Pipeline, base: string): readonly { readonly version: number; readonly query: Query }[] {
  return queries
    .flatMap((query) => {
      const name = queryVersion(query.name);
      return name?.base === base ? [{ version: name.version, query }] : [];
    })
    .sort((left, right) => left.version - right.version);
}

/**
 * The query that a name in a request stands for: `NAME@2` is that version. `NAME` is the one that the alias points to, if there are several; without
 * an alias, or with one to a version that is gone, the lowest: a version that was only just added has yet to fill.
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
 * @throws TidemarkError when the pipeline has no such version
 */
export async function pointAlias(pipeline: Pipeline, state: Table, name: string): Promise<string> {
  const asked = queryVersion(name);
  const found = asked === undefined ? undefined : versionsOf(pipeline, asked.base).find(({ version }) => version === asked.version);
  if (asked === undefined || found === undefined) {
    const known = pipeline.queries.map((query) => query.name).join(', ');
    throw mistake('query', name, `is no version of a query of pipeline ${pipeline.name}: use ${known}`);
  }
  await state.update(keyOf(asked.base), { set: { version: asked.version } });
  return versionName(asked);
}
