import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { runAttached } from '../../infra/emulators/attached.ts';
import { EmulatorError } from '../../infra/emulators/emulator-error.ts';
import { pythonProgram } from '../../infra/emulators/tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-attached-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const environment = { PATH: process.env['PATH'] ?? '' };

describe('an attached command', () => {
  it('gives what it wrote, and its exit code as an error', async () => {
    expect(await runAttached({ root, environment, command: 'sh', args: ['-c', 'echo out; echo err >&2'] })).toMatch(
      /out|err/,
    );
    await expect(runAttached({ root, environment, command: 'sh', args: ['-c', 'exit 3'] })).rejects.toBeInstanceOf(
      EmulatorError,
    );
    await expect(runAttached({ root, environment, command: join(folder, 'nothing'), args: [] })).rejects.toBeInstanceOf(
      EmulatorError,
    );
  });
});

describe('a program of a Python package', () => {
  const place = join(folder, 'package');
  mkdirSync(place);
  symlinkSync(join(root, 'infra'), join(place, 'infra'));
  const { signal } = new AbortController();

  it('is not there without Python', async () => {
    expect(
      await pythonProgram({ root: place, environment: { PATH: folder, HOME: folder }, signal }, 'ministack', '1.5.33'),
    ).toEqual({
      needs: expect.stringContaining('Python'),
    });
  });
});
