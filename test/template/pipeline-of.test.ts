import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { pipelineOf } from '../../infra/pipeline-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-pipeline-of-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a pipeline that takes its name from a module beside it. */
function write(name: string): string {
  const file = join(folder, 'pipeline.ts');
  writeFileSync(join(folder, 'name.ts'), `export const name = '${name}';\n`);
  const sample = join(import.meta.dirname, '..', '..', 'pipelines', 'device-actions.ts');
  writeFileSync(
    file,
    `import sample from '${sample}';\nimport { name } from './name.ts';\nexport default { ...sample, name };\n`,
  );
  return file;
}

it('reads the pipeline of a file anew when the file, or one that it imports, has changed', () => {
  const file = write('first');
  expect(pipelineOf(file).name).toBe('first');
  expect(pipelineOf(file).name).toBe('first');
  write('second one');
  expect(pipelineOf(file).name).toBe('second one');
});
