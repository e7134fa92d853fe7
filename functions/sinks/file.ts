import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type OpenTarget, sinkOf } from './setup.ts';
import { checkStanding, windowFile, windowFileName } from './window-file.ts';

/**
 * A file a pane in a folder, put in its place whole, by a rename, when it is on the disk. Exactly once. Another run's
 * file is kept.
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
      if (existsSync(file)) return checkStanding(file, await readFile(file), content, delivery);
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
        await rename(draft, file);
      } finally {
        await rm(draft, { force: true });
      }
    },
  };
};
