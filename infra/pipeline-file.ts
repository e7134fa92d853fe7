import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { argumentError } from '../functions/core/arguments/error.ts';

/**
 * The file of the pipeline that a person named. The name is that of a file under `pipelines/` of `root`, or the path of
 * any TypeScript file, relative to `root`.
 * @throws TidemarkError naming the existing pipelines when there is no such file.
 */
export function pipelineFile(root: string, pipeline: string): string {
  const folder = join(root, 'pipelines');
  const file = /[\\/]|\.[cm]?ts$/.test(pipeline) ? resolve(root, pipeline) : join(folder, `${pipeline}.ts`);
  if (existsSync(file)) return file;
  const known = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.ts')) : [];
  const names = known.map((name) => basename(name, '.ts')).join(', ');
  throw argumentError(
    'pipeline',
    pipeline,
    `is not a file: give the path of a TypeScript file or the name of one under pipelines/ (${names})`,
  );
}
