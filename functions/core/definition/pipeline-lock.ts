import { argumentError, TidemarkError } from '../arguments/error.ts';
import { changeRemedy, layoutChanges, layoutsOf, type QueryLayout } from './layout.ts';
import type { Pipeline } from './pipeline.ts';

/** The content of `NAME.lock.json` beside a pipeline's file: the layouts of the queries that are deployed or may be. */
export interface PipelineLock {
  readonly pipeline: string;
  readonly queries: Readonly<Record<string, QueryLayout>>;
}

/** The lock's file, for the pipeline's file. */
export function lockFileOf(pipelineFile: string): string {
  return `${pipelineFile.replace(/\.[cm]?[jt]s$/, '')}.lock.json`;
}

/** The lock of a pipeline as it is now. */
export function lockOf(pipeline: Pipeline): PipelineLock {
  return { pipeline: pipeline.name, queries: layoutsOf(pipeline) };
}

/** The lock that a file's text holds. @throws TidemarkError when the text is not a lock */
export function parseLock(file: string, text: string): PipelineLock {
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value === 'object' &&
      value !== null &&
      'pipeline' in value &&
      'queries' in value &&
      isLayouts(value.queries)
    )
      return { pipeline: String(value.pipeline), queries: value.queries };
  } catch {
    // Text that is not even JSON is the same mistake.
  }
  throw new TidemarkError(
    `${file}: is not a lock: restore it from version control, or make it anew with tidemark lock`,
  );
}

function isLayouts(value: unknown): value is PipelineLock['queries'] {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every(
    (layout) =>
      typeof layout?.window === 'string' &&
      Array.isArray(layout.groupBy) &&
      typeof layout.aggregates === 'object' &&
      layout.aggregates !== null,
  );
}

/**
 * Compares a pipeline with its lock. A query that the lock does not know yet is not a mistake: it counts from its
 * deployment on.
 * @throws TidemarkError that names the first query that has changed or is gone
 */
export function checkAgainstLock(lock: PipelineLock, pipeline: Pipeline): void {
  if (lock.pipeline !== pipeline.name)
    throw argumentError(
      'name',
      pipeline.name,
      `was ${lock.pipeline}: another name is another pipeline, whose file has a lock of its own`,
    );
  const layouts = layoutsOf(pipeline);
  for (const [name, before] of Object.entries(lock.queries)) {
    const after = layouts[name];
    if (after === undefined)
      throw argumentError(
        'queries',
        name,
        `is gone: its open windows would never be final: put it back, or say that it is meant with tidemark lock --remove ${name}`,
      );
    const changes = layoutChanges(before, after);
    if (changes.length > 0)
      throw argumentError(`queries.${name}`, name, `has changed: ${changes.join('; ')}: ${changeRemedy}`);
  }
}
