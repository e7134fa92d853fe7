import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');

const program = `import type * as used from '@platformatic/kafka';
import * as real from '../../node_modules/@platformatic/kafka/dist/index.js';

export const consumer: typeof used.Consumer = real.Consumer;
export const admin: typeof used.Admin = real.Admin;
export const producer: typeof used.Producer = real.Producer;
export const murmur2: typeof used.murmur2 = real.murmur2;
export const options: (of: used.ConnectionOptions) => real.ConnectionOptions = (of) => of;
export const message: (of: used.MessageToProduce) => real.MessageToProduce = (of) => of;
export const batch: (of: real.RecordsBatch) => used.RecordsBatch = (of) => of;
`;

/** The findings of the compiler, under the strict settings of this repository. */
function findings(text: string): string {
  const place = join(root, '.tidemark');
  mkdirSync(place, { recursive: true });
  const folder = mkdtempSync(join(place, 'client-types-'));
  try {
    const file = join(folder, 'client-types.ts');
    writeFileSync(file, text);
    const settings = '--noEmit --strict --exactOptionalPropertyTypes --skipLibCheck --ignoreConfig';
    const target = '--module nodenext --target es2023 --types node';
    const { stdout } = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
        ...`${settings} ${target}`.split(' '),
        file,
        join(root, 'types', 'platformatic-kafka.d.ts'),
      ],
      { cwd: root, encoding: 'utf8' },
    );
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it("the types that are used of the client are a part of the client's own", () => {
  expect(findings(program)).toBe('');
  expect(findings(program.replace('real.Producer', 'real.Admin'))).toContain('beginTransaction');
});
