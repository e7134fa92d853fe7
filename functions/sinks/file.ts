import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type OpenTarget, sinkOf } from './setup.ts';
import { checkStanding, windowFile, windowFileName } from './window-file.ts';

/** The error codes of file systems without links. */
const linkless = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

/**
 * A file a pane in a folder. A link puts it in its place whole, when it is on the disk. Exactly once. Another run's
 * file is kept: unlike a rename, a link never replaces a file that came there in the meantime.
 */
export const openTarget: OpenTarget = (setup) => {
  const sink = sinkOf(setup, 'file');
  const folder = setup.target ?? sink.folder;
  return {
    order: 'unordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      const file = join(folder, windowFileName(delivery, sink.format));
      const content = windowFile(delivery, sink.format);
      const standing = await readIfThere(file);
      if (standing !== undefined) return checkStanding(file, standing, content, delivery);
      await mkdir(dirname(file), { recursive: true });
      const draft = join(dirname(file), `.${randomUUID()}.draft`);
      try {
        const handle = await open(draft, 'wx');
        try {
          await handle.writeFile(content);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await link(draft, file).catch((error: unknown) => {
          // A file system without links (exFAT, some network folders): nobody else writes there in practice.
          if (!linkless.some((code) => isCode(error, code))) throw error;
          return rename(draft, file);
        });
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
        // Another writer was faster.
        checkStanding(file, await readFile(file), content, delivery);
      } finally {
        await rm(draft, { force: true });
      }
    },
  };
};

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
