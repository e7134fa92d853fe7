import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runDemo } from '../../demo/demo.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { integer, text } from '../../program/option-value.ts';
import { generateOpenClose, openCloseDefaults } from '../../sample/open-close.ts';

export default defineCommand({
  description:
    'The lesson, end to end on this machine: 100,000 Open and Close events counted by action and hour, first as files, then as a stream through ' +
    'the embedded AWS, with late, malformed and future events, a kill -9 of the functions in the middle of a batch and a split shard. Exits 1 ' +
    'unless both answers agree and received = counted + late + duplicate + rejected + filtered.',
  options: {
    clean: flag('only well-behaved events'),
    seed: valueOr('number', 'another seed, another dataset', integer(0, 2 ** 32 - 1), openCloseDefaults.seed),
    data: value('folder', 'keep the stream and the tables in this folder (default: memory)', text),
    resume: flag('go on with the stream that --data holds, after a kill -9'),
    keep: flag('leave everything live at the end, with events still arriving, until Ctrl-C'),
    json: flag('print one JSON object at the end, and nothing else on stdout'),
  },
  examples: [
    ['npm run demo', 'the whole lesson in about half a minute'],
    ['npm run demo -- --keep', 'then leaves the page live, with events still arriving'],
    ['tidemark demo --seed 7 --json', 'another dataset, for a script'],
  ],
  async run({ options, process }) {
    const folder = path.resolve(options.data ?? '.tidemark/demo', 'events');
    const { clean, seed, data: dataDir, resume, keep, json } = options;
    if (resume && dataDir === undefined)
      throw new UsageError('--resume needs --data: name the folder that holds the stream');
    const sample = generateOpenClose({ ...openCloseDefaults, seed, quality: clean ? 'clean' : 'real' });
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const file of sample.files) await writeFile(path.join(folder, file.name), file.bytes);
    const files = sample.files.map((file) => path.join(folder, file.name));
    return runDemo({
      files,
      manifest: sample.manifest,
      dataDir,
      start: resume ? 'resume' : 'fresh',
      form: json ? 'json' : 'text',
      after: keep ? { kind: 'keep', seed } : { kind: 'stop' },
      process,
    });
  },
});
