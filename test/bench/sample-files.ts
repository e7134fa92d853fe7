import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateOpenClose, openCloseDefaults } from '../../cli/sample/open-close.ts';

/** Lends the 50 clean files of the sample, 100,000 events, in the order in which they come. */
export async function withSampleFiles<T>(use: (files: readonly string[]) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
  try {
    const files: string[] = [];
    for (const { name, bytes } of generateOpenClose({ ...openCloseDefaults, quality: 'clean' }).files) {
      files.push(path.join(folder, name));
      await writeFile(path.join(folder, name), bytes);
    }
    return await use(files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
