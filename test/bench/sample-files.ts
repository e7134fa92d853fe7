import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateOpenClose, type OpenCloseOptions, openCloseDefaults } from '../../cli/sample/open-close.ts';

/**
 * Lends the files of the sample without its dirt, in the order in which they come.
 * @param size of the sample. @default 100,000 events in 50 files
 */
export async function withSampleFiles<T>(
  use: (files: readonly string[]) => Promise<T>,
  size: Partial<Pick<OpenCloseOptions, 'events' | 'files'>> = {},
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
  try {
    const files: string[] = [];
    for (const { name, bytes } of generateOpenClose({ ...openCloseDefaults, quality: 'clean', ...size }).files) {
      files.push(path.join(folder, name));
      await writeFile(path.join(folder, name), bytes);
    }
    return await use(files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
