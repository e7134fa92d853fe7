import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { formatNumber } from '../../print/number-text.ts';
import { printLines } from '../../print/wrap.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { TidemarkError, UsageError } from '../../program/errors.ts';
import { integer, text } from '../../program/option-value.ts';
import { generateOpenClose, openCloseDefaults, type SampleFile } from '../../sample/open-close.ts';

export default defineCommand({
  operands: [{ name: 'DATASET', description: 'the only one so far: open-close' }],
  description:
    'Writes a made-up log of devices being opened and closed over two days, as JSON lines; the same seed always gives the same ' +
    'bytes. Without --clean it has the dirt of a real stream: 1 % of the events come up to 30 minutes late and 0.1 % far too ' +
    'late, and there are malformed lines and events from the year 2100.',
  options: {
    out: value('folder', 'where to write the files: a new or empty folder, or one with an earlier sample', text),
    clean: flag('only the events, no dirt'),
    seed: valueOr('number', 'another seed, another sample', integer(0, 2 ** 32 - 1), openCloseDefaults.seed),
    files: valueOr('number', 'number of files', integer(1, 10_000), openCloseDefaults.files),
    events: valueOr('number', 'number of events, an even one', integer(2, 5_000_000), openCloseDefaults.events),
    json: flag('print what was written as one JSON object'),
  },
  examples: [
    [
      'tidemark sample open-close --out events --clean',
      '100,000 events in 50 files, 50,000 of them Open and 50,000 Close',
    ],
    ['tidemark sample open-close --out dirty --seed 7', 'another sample, with late, malformed and future events'],
  ],
  async run({ operands, options, process }) {
    if (operands[0] !== 'open-close') throw new UsageError(`there is no sample "${operands[0]}": use open-close`);
    const { out, clean, seed, files, events } = options;
    if (out === undefined) throw new UsageError('--out is missing: name the folder to write to');
    if (events % 2 !== 0)
      throw new UsageError(`--events is ${events}: each Open has its Close, so give an even number`);
    if (events < files * 2)
      throw new UsageError(`--files is ${files}: ${events} events fill at most ${events / 2} files`);
    const sample = generateOpenClose({ seed, files, events, quality: clean ? 'clean' : 'real' });
    await write(out, sample.files);
    const { manifest } = sample;
    const { open, close, movedLate, farTooLate, malformed, future } = manifest;
    if (options.json) process.stdout.write(`${JSON.stringify(manifest)}\n`);
    else
      printLines(
        `${out}: ${formatNumber(manifest.events)} events (${formatNumber(open)} Open, ${formatNumber(close)} Close) in ${formatNumber(manifest.files)} files; ` +
          `${formatNumber(movedLate)} come late, ${formatNumber(farTooLate)} far too late, ${formatNumber(malformed)} are malformed, ${formatNumber(future)} of the future`,
        process.stdout,
      );
    return 0;
  },
});

/**
 * Writes the sample. It overwrites an earlier sample, and refuses a folder with anything else: `out/*.json` must match
 * the files of the sample only.
 */
async function write(folder: string, files: readonly SampleFile[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = new Set(files.map(({ name }) => name));
  const strange = (await readdir(folder)).find((name) => !names.has(name));
  if (strange !== undefined) {
    throw new TidemarkError(
      `${folder} holds ${strange}, which is not part of this sample: give --out an empty or a new folder`,
    );
  }
  for (const file of files) await writeFile(path.join(folder, file.name), file.bytes);
}
