import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  checkAgainstLock,
  lockFileOf,
  lockOf,
  type PipelineLock,
  parseLock,
} from '../../../functions/core/definition/pipeline-lock.ts';
import { printLines } from '../../print/wrap.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { text } from '../../program/option-value.ts';
import { defaultPipeline, loadPipeline, resolvePipelineFile } from '../../program/pipeline-file.ts';

export default defineCommand({
  description:
    "Writes NAME.lock.json beside a pipeline's file: what each query counts. Commit it: cdk synth then refuses a change that could not go on with " +
    'the windows that are there, and so does this command. New queries are added to it.',
  options: {
    pipeline: valueOr(
      'name|path',
      'a file under pipelines/, or the path of any TypeScript file',
      text,
      defaultPipeline,
    ),
    remove: value('query', 'a query that is meant to be gone: its open windows will never be final', text),
    json: flag('print the lock as one JSON object'),
  },
  examples: [
    ['tidemark lock --pipeline device-actions', 'after a query was added'],
    ['tidemark lock --remove actionsPerHour', 'after actionsPerHour was taken out on purpose'],
  ],
  async run({ options, process }) {
    const pipeline = await loadPipeline(options.pipeline);
    const file = lockFileOf(resolvePipelineFile(options.pipeline));
    const before = existsSync(file) ? parseLock(file, readFileSync(file, 'utf8')) : undefined;
    if (before !== undefined) checkAgainstLock(without(before, options.remove), pipeline);
    else if (options.remove !== undefined)
      throw new UsageError(`--remove ${options.remove}: there is no ${file} yet: leave out --remove`);
    if (options.remove !== undefined && pipeline.queries.some(({ name }) => name === options.remove))
      throw new UsageError(
        `--remove ${options.remove}: the pipeline still has it: take it out of ${path.basename(resolvePipelineFile(options.pipeline))} first`,
      );
    const lock = lockOf(pipeline);
    const content = `${JSON.stringify(lock, undefined, 2)}\n`;
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
    const names = Object.keys(lock.queries).join(', ');
    if (options.json) process.stdout.write(`${JSON.stringify(lock)}\n`);
    else printLines(`tidemark: ${path.relative('', file)} holds ${names}: commit it`, process.stdout);
    return 0;
  },
});

function without(lock: PipelineLock, removed: string | undefined): PipelineLock {
  if (removed === undefined) return lock;
  if (!Object.hasOwn(lock.queries, removed))
    throw new UsageError(
      `--remove ${removed}: the lock has no such query: name one of ${Object.keys(lock.queries).join(', ')}`,
    );
  return { ...lock, queries: Object.fromEntries(Object.entries(lock.queries).filter(([name]) => name !== removed)) };
}
