import { argumentError, type TidemarkError } from '../../core/arguments/error.ts';
import { changeRemedy, layoutChanges, layoutOf, type QueryLayout } from '../../core/definition/layout.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';

const partition = 'definition';
/** Where everything that is noted of a query as a whole is kept, until it is removed. */
export const definitionKey = (query: string): Key => ({ pk: partition, sk: query });

/**
 * Whether the state belongs to this definition of the pipeline: the layout of each query is noted at first sight,
 * and compared ever after. Nothing is counted by a definition that is refused: Lambda repeats the
 * batch until one that fits is deployed.
 * @returns the pipeline with the generations of its queries: logs and segments keep a query under these
 * @throws TidemarkError that says what has changed, that a query has a gap because it was taken out for a while, or
 * that what is left of it is being removed
 */
export async function checkDefinition(state: Table, pipeline: Pipeline): Promise<Pipeline> {
  const noted = await readNotes(state);
  const other = await formatMisfit(state, noted);
  if (other !== undefined) throw other;
  if (!noted.has(formatNote)) await noteFormat(state);
  const queries = await Promise.all(
    pipeline.queries.map(async (query) => {
      const known = noted.get(query.name);
      const item = known?.attributes.layout === undefined ? ((await note(state, query)) ?? known) : known;
      const misfit = item && misfitOf(query, item);
      if (misfit !== undefined) throw misfit;
      const generation = (item && numberOf(item, 'generation')) ?? 0;
      return generation === 0 ? query : { ...query, generation };
    }),
  );
  return { ...pipeline, queries };
}

/** How often a query of this name was removed. */
export async function readGeneration(state: Table, query: string): Promise<number> {
  const item = await state.get(definitionKey(query));
  return (item && numberOf(item, 'generation')) ?? 0;
}

/** The queries of which everything that is kept is being removed, and not all of it is gone, by name. */
export async function readRemoving(state: Table): Promise<readonly string[]> {
  return [...(await readNotes(state)).values()].flatMap(({ sk, attributes }) =>
    attributes.removing === true ? [sk] : [],
  );
}

/** Why {@link checkDefinition} refuses the pipeline; empty: it does not. Notes nothing. */
export async function readMisfits(state: Table, { queries }: Pipeline): Promise<readonly TidemarkError[]> {
  const noted = await readNotes(state);
  const other = await formatMisfit(state, noted);
  if (other !== undefined) return [other];
  return queries.flatMap((query) => {
    const item = noted.get(query.name);
    return (item && misfitOf(query, item)) ?? [];
  });
}

async function readNotes(state: Table): Promise<ReadonlyMap<string, Item>> {
  return new Map((await state.query(partition)).map((item) => [item.sk, item]));
}

/**
 * The format of the state and of the windows: logs, epochs, and parts of a pane by lane. The second one had all parts
 * of a pane together; the first one, of pages and buckets, has no note.
 */
const format = 3;

/** The sort key of the note of the format. No query has such a name. */
const formatNote = '#format';

/**
 * Notes the format of a state that is new, before anything else is noted. Conditional: the first note stays.
 */
async function noteFormat(state: Table): Promise<void> {
  await state.put({ pk: partition, sk: formatNote, attributes: { format } }, [{ attribute: 'format', is: 'absent' }]);
}

/** Why a state is not of this format. One that has notes of queries, and none of its format, is of the first one. */
async function formatMisfit(state: Table, noted: ReadonlyMap<string, Item>): Promise<TidemarkError | undefined> {
  if (noted.size === 0) return undefined;
  // A read of a range is no snapshot: the note may have been put just before those that were found.
  const item = noted.get(formatNote) ?? (await state.get({ pk: partition, sk: formatNote }));
  const found = item === undefined ? 1 : numberOf(item, 'format');
  if (found === format) return undefined;
  return argumentError(
    'state',
    `format ${found ?? 'unknown'}`,
    `is not the format of this release, which is ${format} (logs, epochs, panes by lane): deploy the pipeline as another stack, ` +
      'cdk deploy -c stage=NAME (tidemark: with another --data folder), whose windows begin anew beside the old ones, ' +
      'and fill its history with tidemark backfill (docs/EVOLUTION.md)',
  );
}

/** Notes the layout of a query. Conditional: the first note stays, and is returned when it was another's. */
async function note(state: Table, query: Query): Promise<Item | undefined> {
  const layout = JSON.stringify(layoutOf(query));
  const { outcome } = await state.update(definitionKey(query.name), { set: { layout } }, [
    { attribute: 'layout', is: 'absent' },
  ]);
  return outcome === 'applied' ? undefined : state.get(definitionKey(query.name));
}

function misfitOf(query: Query, item: Item): TidemarkError | undefined {
  const field = `queries.${query.name}`;
  if (item.attributes.removing === true)
    return argumentError(
      field,
      query.name,
      'is being removed, and not all of it is gone: run tidemark remove again with a pipeline that does not have it',
    );
  const passed = numberOf(item, 'passedAt');
  if (passed !== undefined)
    return argumentError(
      field,
      query.name,
      `was taken out of the pipeline and came back after its window that ends at ${isoTime(passed)} was passed by: give it another version, or remove what is kept of it (docs/EVOLUTION.md)`,
    );
  const layout = textOf(item, 'layout');
  if (layout === undefined) return undefined;
  // Written by note above and by nobody else.
  const changes = layoutChanges(JSON.parse(layout) as QueryLayout, layoutOf(query));
  if (changes.length === 0) return undefined;
  return argumentError(field, query.name, `has changed: ${changes.join('; ')}: ${changeRemedy}`);
}

/**
 * Notes that windows of a query that is no longer in the definition were passed by: `finalizedThrough` is about to go
 * beyond them without them, so the query must not come back under its name as if nothing was missing. The first such
 * window is kept.
 */
export async function notePassed(state: Table, query: string, closing: number): Promise<void> {
  await state.update(definitionKey(query), { set: { passedAt: closing } }, [
    { attribute: 'passedAt', is: 'absent' },
    // Of a query that was removed meanwhile, nothing is noted.
    { attribute: 'layout', is: 'present' },
  ]);
}

/**
 * Notes that records at or after the `from` of a query were committed by code that does not know it: a deployment
 * before this one, that came to its end too late, or one that was put back for a while. They are in no window of it and
 * will be in none.
 * @param through the greatest event time of such records, epoch ms
 */
export async function noteMissed(state: Table, query: string, through: number): Promise<void> {
  await state.update(definitionKey(query), { set: { missedThrough: through } }, [
    { attribute: 'missedThrough', is: 'absentOrBelow', bound: through },
  ]);
}

/** Notes that the windows before a moment are filled from the query's history. */
export async function noteFilled(state: Table, query: string, until: number): Promise<void> {
  await state.update(definitionKey(query), { set: { filledThrough: until } }, [
    { attribute: 'filledThrough', is: 'absentOrBelow', bound: until },
  ]);
}

/** How whole a query with a `from` is. Epoch ms; undefined: never. */
export interface QueryFilling {
  /** Until where it was filled from its history. */
  readonly filledThrough: number | undefined;
  /** Records with times up to here, at or after its `from`, are missing in it. */
  readonly missedThrough: number | undefined;
}

/** The notes on a query's history. */
export async function readFilling(state: Table, query: string): Promise<QueryFilling> {
  const item = await state.get(definitionKey(query));
  const field = (name: string) => (item === undefined ? undefined : numberOf(item, name));
  return { filledThrough: field('filledThrough'), missedThrough: field('missedThrough') };
}

/** What is noted of a query that is to be removed. */
export interface Removing {
  /** The generation that is removed, or the next one when it is gone. */
  readonly generation: number;
  /** Whether nothing is noted: it is gone, or there was none of that name. */
  readonly isGone: boolean;
}

/**
 * Notes that what is kept of a query is being removed: until it is gone, no pipeline that has the query is taken.
 * Conditional: of a query that is gone, nothing is noted.
 */
export async function noteRemoving(state: Table, query: string): Promise<Removing> {
  const { outcome } = await state.update(definitionKey(query), { set: { removing: true } }, [
    { attribute: 'layout', is: 'present' },
  ]);
  return { generation: await readGeneration(state, query), isGone: outcome === 'refused' };
}

/**
 * Forgets the layout of a query whose state is gone: its name may be used again, for the next generation. Conditional:
 * of two removals of one generation the first counts.
 */
export async function deleteDefinition(state: Table, query: string, generation: number): Promise<void> {
  await state.put({ ...definitionKey(query), attributes: { generation: generation + 1 } }, [
    { attribute: 'removing', is: 'present' },
    generation === 0
      ? { attribute: 'generation', is: 'absent' }
      : { attribute: 'generation', is: 'equal', to: generation },
  ]);
}
